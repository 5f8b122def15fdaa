/* The hash tree: one array of entries in the order of their places, and the hashes of nodes as far as they are known. */
#include "cluster/hash-tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

#define LEAVES 4096
/* All nodes: (16^(depth + 1) - 1) / 15. */
#define NODES 4369

struct arci_hash_tree {
    const struct arci_entry **entries; /* by place */
    size_t count;
    size_t capacity;
    bool known[NODES];
    uint8_t hashes[NODES][ARCI_SHA256_SIZE]; /* level by level; of a node that is known */
};

static const unsigned first_of_level[] = {0, 1, 17, 273};

/* --- Paths --- */

char *arci_tree_path_format(const struct arci_tree_path *path, char text[ARCI_TREE_PATH_TEXT])
{
    for (unsigned i = 0; i < path->depth; i++)
        text[i] = "0123456789abcdef"[path->index >> 4 * (path->depth - 1 - i) & 0xf];
    text[path->depth] = '\0';
    return text;
}

bool arci_tree_path_parse(const char *text, struct arci_tree_path *ret_path)
{
    static const char digits[] = "0123456789abcdef";
    struct arci_tree_path path = {0};
    for (; text[path.depth]; path.depth++) {
        const char *digit = strchr(digits, text[path.depth]);
        if (!digit || path.depth == ARCI_TREE_DEPTH)
            return false;
        path.index = path.index << 4 | (unsigned)(digit - digits);
    }
    *ret_path = path;
    return true;
}

struct arci_tree_path arci_tree_path_child(const struct arci_tree_path *path, unsigned digit)
{
    return (struct arci_tree_path){path->depth + 1, path->index << 4 | digit};
}

static unsigned leaf_of(const uint8_t place[ARCI_SHA256_SIZE])
{
    return (unsigned)place[0] << 4 | place[1] >> 4;
}

bool arci_tree_path_holds(const struct arci_tree_path *path, const uint8_t place[ARCI_SHA256_SIZE])
{
    return leaf_of(place) >> 4 * (ARCI_TREE_DEPTH - path->depth) == path->index;
}

/* --- Entries --- */

int arci_hash_tree_create(struct arci_hash_tree **ret_tree, struct arctic_error *error)
{
    struct arci_hash_tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return arci_fail_memory(error);
    *ret_tree = tree;
    return ARCTIC_OK;
}

void arci_hash_tree_free(struct arci_hash_tree *tree)
{
    if (!tree)
        return;
    free(tree->entries);
    free(tree);
}

int arci_hash_tree_reserve(struct arci_hash_tree *tree, size_t count, struct arctic_error *error)
{
    size_t capacity = tree->capacity ? tree->capacity : 64;
    if (count <= tree->capacity)
        return ARCTIC_OK;
    while (capacity < count)
        capacity *= 2;
    const struct arci_entry **entries = reallocarray(tree->entries, capacity, sizeof *entries);
    if (!entries)
        return arci_fail_memory(error);
    tree->entries = entries;
    tree->capacity = capacity;
    return ARCTIC_OK;
}

/* The first entry whose place is not before this one. */
static size_t find(const struct arci_hash_tree *tree, const uint8_t place[ARCI_SHA256_SIZE])
{
    size_t low = 0;
    size_t high = tree->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(tree->entries[middle]->place, place, ARCI_SHA256_SIZE) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct arci_hash_tree *tree, size_t at, const uint8_t place[ARCI_SHA256_SIZE])
{
    return at < tree->count && memcmp(tree->entries[at]->place, place, ARCI_SHA256_SIZE) == 0;
}

static void forget_hashes(struct arci_hash_tree *tree, const uint8_t place[ARCI_SHA256_SIZE])
{
    for (unsigned depth = 0; depth <= ARCI_TREE_DEPTH; depth++)
        tree->known[first_of_level[depth] + (leaf_of(place) >> 4 * (ARCI_TREE_DEPTH - depth))] = false;
}

void arci_hash_tree_put(struct arci_hash_tree *tree, const struct arci_entry *entry)
{
    size_t at = find(tree, entry->place);
    if (!stands_at(tree, at, entry->place)) {
        memmove(tree->entries + at + 1, tree->entries + at, (tree->count - at) * sizeof(void *));
        tree->count++;
    }
    tree->entries[at] = entry;
    forget_hashes(tree, entry->place);
}

void arci_hash_tree_remove(struct arci_hash_tree *tree, const struct arci_entry *entry)
{
    size_t at = find(tree, entry->place);
    if (!stands_at(tree, at, entry->place))
        return;
    tree->count--;
    memmove(tree->entries + at, tree->entries + at + 1, (tree->count - at) * sizeof(void *));
    forget_hashes(tree, entry->place);
}

void arci_hash_tree_clear(struct arci_hash_tree *tree)
{
    tree->count = 0;
    memset(tree->known, 0, sizeof tree->known);
}

const struct arci_entry *const *arci_hash_tree_below(const struct arci_hash_tree *tree,
                                                     const struct arci_tree_path *path, size_t *ret_count)
{
    unsigned shift = 4 * (ARCI_TREE_DEPTH - path->depth);
    unsigned first = path->index << shift;
    unsigned end = (path->index + 1) << shift;
    const uint8_t from[ARCI_SHA256_SIZE] = {(uint8_t)(first >> 4), (uint8_t)(first << 4)};
    const uint8_t to[ARCI_SHA256_SIZE] = {(uint8_t)(end >> 4), (uint8_t)(end << 4)};
    size_t begin = find(tree, from);
    *ret_count = (end == LEAVES ? tree->count : find(tree, to)) - begin;
    return tree->entries + begin;
}

/* --- Hashes --- */

static int hash_leaf(struct arci_hash_tree *tree, const struct arci_tree_path *path, uint8_t *hash,
                     struct arctic_error *error)
{
    ARCI_BUFFER text = {.limit = 0};
    size_t count;
    const struct arci_entry *const *entries = arci_hash_tree_below(tree, path, &count);
    for (size_t i = 0; i < count; i++)
        arci_buffer_append(&text, entries[i]->hash, ARCI_SHA256_SIZE);
    return text.failed ? arci_fail_memory(error) : arci_sha256(text.data, text.length, hash, error);
}

static int hash_children(struct arci_hash_tree *tree, const struct arci_tree_path *path, uint8_t *hash,
                         struct arctic_error *error)
{
    uint8_t hashes[ARCI_TREE_FANOUT][ARCI_SHA256_SIZE];
    for (unsigned i = 0; i < ARCI_TREE_FANOUT; i++) {
        struct arci_tree_path child = arci_tree_path_child(path, i);
        int code = arci_hash_tree_hash(tree, &child, hashes[i], error);
        if (code < 0)
            return code;
    }
    return arci_sha256(hashes, sizeof hashes, hash, error);
}

int arci_hash_tree_hash(struct arci_hash_tree *tree, const struct arci_tree_path *path,
                        uint8_t ret_hash[ARCI_SHA256_SIZE], struct arctic_error *error)
{
    unsigned node = first_of_level[path->depth] + path->index;
    uint8_t *hash = tree->hashes[node];
    size_t count;
    int code = ARCTIC_OK;
    arci_hash_tree_below(tree, path, &count);
    if (count == 0) {
        memset(ret_hash, 0, ARCI_SHA256_SIZE);
        return ARCTIC_OK;
    }
    if (!tree->known[node])
        code = path->depth == ARCI_TREE_DEPTH ? hash_leaf(tree, path, hash, error)
                                              : hash_children(tree, path, hash, error);
    if (code < 0)
        return code;
    tree->known[node] = true;
    memcpy(ret_hash, hash, ARCI_SHA256_SIZE);
    return ARCTIC_OK;
}
