/* Anti-entropy: two trees are compared from the root down, then the summaries of what is below the nodes that differ. */
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "cluster/gossip-internal.h"

#define HASH_TEXT ARCI_BASE64_TEXT(ARCI_SHA256_SIZE)

static const struct arci_tree_path root_path;

static struct arci_hash_tree *tree_of(struct arci_gossip *gossip)
{
    return gossip->options.registry->tree;
}

static int hash_text(struct arci_gossip *gossip, const struct arci_tree_path *path, char text[HASH_TEXT],
                     struct arctic_error *error)
{
    uint8_t hash[ARCI_SHA256_SIZE];
    int code = arci_hash_tree_hash(tree_of(gossip), path, hash, error);
    if (code >= 0)
        arci_base64_encode(hash, sizeof hash, text);
    return code;
}

/* Whether a node is another one here than `hash` says. */
static int differs(struct arci_gossip *gossip, const struct arci_tree_path *path, const json_t *hash,
                   bool *ret_differs, struct arctic_error *error)
{
    char text[HASH_TEXT];
    int code = hash_text(gossip, path, text, error);
    if (code < 0)
        return code;
    if (!json_is_string(hash))
        return arci_fail(error, ARCTIC_E_PROTOCOL, NULL, "the hash of a node must be a text");
    *ret_differs = strcmp(json_string_value(hash), text) != 0;
    return ARCTIC_OK;
}

/* --- Nodes --- */

/* What goes to a peer of nodes that differ: hashes of their children, or summaries of what is below. */
struct descent {
    struct arci_gossip *gossip;
    json_t *nodes;
    json_t *paths;
    json_t *items;
};

static void release_descent(struct descent *descent)
{
    json_decref(descent->nodes);
    json_decref(descent->paths);
    json_decref(descent->items);
}

static int add_children(struct descent *descent, const struct arci_tree_path *path,
                        struct arctic_error *error)
{
    for (unsigned digit = 0; digit < ARCI_TREE_FANOUT; digit++) {
        const struct arci_tree_path child = arci_tree_path_child(path, digit);
        char name[ARCI_TREE_PATH_TEXT];
        char hash[HASH_TEXT];
        int code = hash_text(descent->gossip, &child, hash, error);
        if (code < 0)
            return code;
        if (json_object_set_new(descent->nodes, arci_tree_path_format(&child, name), json_string(hash)) < 0)
            return arci_fail_memory(error);
    }
    return ARCTIC_OK;
}

static int add_summaries(struct descent *descent, const struct arci_entry *const *entries, size_t count,
                         struct arctic_error *error)
{
    for (size_t i = 0; i < count; i++) {
        const struct arci_summary summary = arci_summary_of(entries[i]);
        if (json_array_append_new(descent->items, arci_summary_to_json(&summary)) < 0)
            return arci_fail_memory(error);
    }
    return ARCTIC_OK;
}

static int add_items(struct descent *descent, const struct arci_tree_path *path,
                     const struct arci_entry *const *entries, size_t count, struct arctic_error *error)
{
    char name[ARCI_TREE_PATH_TEXT];
    if (json_array_append_new(descent->paths, json_string(arci_tree_path_format(path, name))) < 0)
        return arci_fail_memory(error);
    return add_summaries(descent, entries, count, error);
}

/*
 * Somebody has chosen ids that have their place below one leaf. What no message may hold is offered in parts, from a place drawn anew each
 * time, so that both sides come to have all of it.
 */
static int add_part(struct descent *descent, const struct arci_entry *const *entries, size_t count,
                    struct arctic_error *error)
{
    const size_t first = arci_gossip_random(descent->gossip, count);
    const size_t last = first + ARCI_GOSSIP_ITEMS_MAX < count ? first + ARCI_GOSSIP_ITEMS_MAX : count;
    if (json_array_size(descent->items) > 0)
        return ARCTIC_OK;
    int code = add_summaries(descent, entries + first, last - first, error);
    return code < 0 ? code : add_summaries(descent, entries, ARCI_GOSSIP_ITEMS_MAX - (last - first), error);
}

/* A node that finds no room in the messages is left to the next round. */
static int descend(struct descent *descent, const struct arci_tree_path *path, struct arctic_error *error)
{
    size_t count;
    const struct arci_entry *const *entries = arci_hash_tree_below(tree_of(descent->gossip), path, &count);
    if (count > ARCI_GOSSIP_FEW_ITEMS && path->depth < ARCI_TREE_DEPTH) {
        bool room = json_object_size(descent->nodes) + ARCI_TREE_FANOUT <= ARCI_GOSSIP_NODES_MAX;
        return room ? add_children(descent, path, error) : ARCTIC_OK;
    }
    if (count > ARCI_GOSSIP_ITEMS_MAX)
        return add_part(descent, entries, count, error);
    bool room = json_array_size(descent->items) + count <= ARCI_GOSSIP_ITEMS_MAX;
    return room ? add_items(descent, path, entries, count, error) : ARCTIC_OK;
}

static void send_descent(const struct descent *descent, const struct arctic_id *peer_id)
{
    if (json_object_size(descent->nodes) > 0)
        arci_gossip_send(descent->gossip, peer_id,
                         json_pack("{s:s, s:O}", "type", "nodes", "nodes", descent->nodes));
    if (json_array_size(descent->paths) + json_array_size(descent->items) > 0)
        arci_gossip_send(
            descent->gossip, peer_id,
            json_pack("{s:s, s:O, s:O}", "type", "items", "paths", descent->paths, "items", descent->items));
}

void arci_gossip_send_digest(struct arci_gossip *gossip, const struct arctic_id *peer_id)
{
    char root[HASH_TEXT];
    if (hash_text(gossip, &root_path, root, NULL) >= 0)
        arci_gossip_send(gossip, peer_id, json_pack("{s:s, s:s}", "type", "digest", "root", root));
}

static int compare_node(struct descent *descent, const struct arci_tree_path *path, const json_t *hash,
                        struct arctic_error *error)
{
    bool different = false;
    int code = differs(descent->gossip, path, hash, &different, error);
    return code >= 0 && different ? descend(descent, path, error) : code;
}

int arci_gossip_take_digest(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                            const json_t *message, int64_t now, struct arctic_error *error)
{
    ARCI_CLEANUP(release_descent)
    struct descent descent = {gossip, json_object(), json_array(), json_array()};
    (void)now;
    int code = compare_node(&descent, &root_path, json_object_get(message, "root"), error);
    if (code >= 0)
        send_descent(&descent, peer_id);
    return code;
}

int arci_gossip_take_nodes(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *message,
                           int64_t now, struct arctic_error *error)
{
    ARCI_CLEANUP(release_descent)
    struct descent descent = {gossip, json_object(), json_array(), json_array()};
    json_t *nodes = json_object_get(message, "nodes");
    const char *name;
    json_t *hash;
    (void)now;
    if (!json_is_object(nodes) || json_object_size(nodes) > ARCI_GOSSIP_NODES_MAX)
        return arci_fail(error, ARCTIC_E_PROTOCOL, "nodes", "nodes must be an object of at most %d hashes",
                         ARCI_GOSSIP_NODES_MAX);
    json_object_foreach(nodes, name, hash)
    {
        struct arci_tree_path path;
        if (!arci_tree_path_parse(name, &path))
            return arci_fail(error, ARCTIC_E_PROTOCOL, "nodes", "'%.20s' is no node of a tree", name);
        int code = compare_node(&descent, &path, hash, error);
        if (code < 0)
            return code;
    }
    send_descent(&descent, peer_id);
    return ARCTIC_OK;
}

/* --- Summaries --- */

/* The summaries of a message, in the order of their places; and what is found missing on either side. */
struct comparison {
    struct arci_gossip *gossip;
    struct arci_summary *theirs;
    size_t count;
    struct arci_summary *wanted;
    size_t wanted_count;
    json_t *offered;
};

static void release_comparison(struct comparison *comparison)
{
    free(comparison->theirs);
    free(comparison->wanted);
    json_decref(comparison->offered);
}

static int order_by_place(const void *left, const void *right)
{
    const struct arci_summary *a = left;
    const struct arci_summary *b = right;
    return memcmp(a->place, b->place, sizeof a->place);
}

static int read_summaries(struct comparison *comparison, const json_t *items, struct arctic_error *error)
{
    size_t count = json_array_size(items);
    if (!json_is_array(items) || count > ARCI_GOSSIP_WANTS_MAX)
        return arci_fail(error, ARCTIC_E_PROTOCOL, "items", "items must be a list of at most %d summaries",
                         ARCI_GOSSIP_WANTS_MAX);
    comparison->theirs = calloc(count + 1, sizeof comparison->theirs[0]);
    comparison->wanted = calloc(count + 1, sizeof comparison->wanted[0]);
    comparison->offered = json_array();
    if (!comparison->theirs || !comparison->wanted || !comparison->offered)
        return arci_fail_memory(error);
    for (; comparison->count < count; comparison->count++) {
        int code = arci_summary_from_json(json_array_get(items, comparison->count),
                                          &comparison->theirs[comparison->count], error);
        if (code < 0)
            return code;
    }
    qsort(comparison->theirs, count, sizeof comparison->theirs[0], order_by_place);
    return ARCTIC_OK;
}

static int offer(struct comparison *comparison, const struct arci_entry *entry, struct arctic_error *error)
{
    const struct arci_summary summary = arci_summary_of(entry);
    if (json_array_append_new(comparison->offered, arci_summary_to_json(&summary)) < 0)
        return arci_fail_memory(error);
    return ARCTIC_OK;
}

/* `whole`: both sides are being compared; of two versions with one number each side needs the other's. */
static int compare_one(struct comparison *comparison, const struct arci_summary *theirs, bool whole,
                       struct arctic_error *error)
{
    const struct arci_registry *registry = comparison->gossip->options.registry;
    const struct arci_entry *mine =
        arci_registry_find_place(registry, theirs->kind, &theirs->id, theirs->place);
    enum arci_newer newer = ARCI_NEWER_LEFT;
    if ((!mine || mine->record.deleted) &&
        arci_registry_is_expired(registry, theirs->kind, theirs->deleted, theirs->version))
        return ARCTIC_OK;
    if (mine) {
        const struct arci_summary summary = arci_summary_of(mine);
        if (!arci_registry_counts(registry, &mine->record))
            return ARCTIC_OK;
        newer = arci_summary_compare(theirs, &summary);
    }
    if (newer == ARCI_NEWER_LEFT || newer == ARCI_NEWER_UNKNOWN)
        comparison->wanted[comparison->wanted_count++] = *theirs;
    if (newer == ARCI_NEWER_RIGHT || (newer == ARCI_NEWER_UNKNOWN && whole))
        return offer(comparison, mine, error);
    return ARCTIC_OK;
}

static bool is_among_theirs(const struct comparison *comparison, const struct arci_entry *entry)
{
    struct arci_summary key;
    memcpy(key.place, entry->place, sizeof key.place);
    return bsearch(&key, comparison->theirs, comparison->count, sizeof key, order_by_place) != NULL;
}

/* What is here below a node and not there. */
static int offer_missing(struct comparison *comparison, const json_t *name, struct arctic_error *error)
{
    struct arci_tree_path path;
    size_t count;
    if (!json_is_string(name) || !arci_tree_path_parse(json_string_value(name), &path))
        return arci_fail(error, ARCTIC_E_PROTOCOL, "paths", "paths must name nodes of a tree");
    const struct arci_entry *const *entries =
        arci_hash_tree_below(tree_of(comparison->gossip), &path, &count);
    for (size_t i = 0; i < count && json_array_size(comparison->offered) < ARCI_GOSSIP_ITEMS_MAX; i++) {
        int code = is_among_theirs(comparison, entries[i]) ? ARCTIC_OK : offer(comparison, entries[i], error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

static int compare_all(struct comparison *comparison, const json_t *paths, struct arctic_error *error)
{
    size_t index;
    json_t *path;
    int code = ARCTIC_OK;
    for (size_t i = 0; i < comparison->count && code >= 0; i++)
        code = compare_one(comparison, &comparison->theirs[i], paths != NULL, error);
    json_array_foreach(paths, index, path)
    {
        if (code >= 0)
            code = offer_missing(comparison, path, error);
    }
    return code;
}

int arci_gossip_take_items(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *message,
                           int64_t now, struct arctic_error *error)
{
    ARCI_CLEANUP(release_comparison) struct comparison comparison = {.gossip = gossip};
    const json_t *paths = json_object_get(message, "paths");
    if (paths && (!json_is_array(paths) || json_array_size(paths) > ARCI_GOSSIP_NODES_MAX))
        return arci_fail(error, ARCTIC_E_PROTOCOL, "paths", "paths must be a list of at most %d nodes",
                         ARCI_GOSSIP_NODES_MAX);
    int code = read_summaries(&comparison, json_object_get(message, "items"), error);
    if (code >= 0)
        code = compare_all(&comparison, paths, error);
    if (code < 0)
        return code;
    arci_gossip_want(gossip, peer_id, comparison.wanted, comparison.wanted_count, now);
    if (json_array_size(comparison.offered) > 0)
        arci_gossip_send(gossip, peer_id,
                         json_pack("{s:s, s:O}", "type", "items", "items", comparison.offered));
    return ARCTIC_OK;
}
