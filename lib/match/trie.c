/* Path-compressed tries. */
#include "match/trie.h"

#include <assert.h>
#include <string.h>

#include "base/address.h"

void arci_tries_init(struct arci_tries *tries, uint8_t family)
{
    uint8_t words = (uint8_t)(arci_address_size(family) / 4);
    *tries = (struct arci_tries){
        .nodes = {.item_size = sizeof(struct arci_trie_node)},
        .entries = {.item_size = (uint32_t)(sizeof(struct arci_trie_entry) + words * sizeof(uint32_t))},
        .family = family,
        .words = words,
    };
}

void arci_tries_release(struct arci_tries *tries)
{
    arci_pool_release(&tries->nodes);
    arci_pool_release(&tries->entries);
}

struct arctic_cidr arci_trie_cidr(const struct arci_tries *tries, uint32_t index)
{
    const struct arci_trie_entry *entry = arci_trie_entry(tries, index);
    struct arctic_cidr cidr = {.address = {.family = tries->family}, .length = entry->length};
    uint32_t words[4] = {__builtin_bswap32(entry->words[0])};
    for (int i = 1; i < tries->words; i++)
        words[i] = __builtin_bswap32(entry->words[i]);
    memcpy(cidr.address.bytes, words, sizeof words);
    return cidr;
}

static inline struct arci_trie_node *node_at(const struct arci_tries *tries, uint32_t reference)
{
    return arci_pool_at(&tries->nodes, reference & ~ARCI_TRIE_NODE);
}

static inline bool is_node(uint32_t reference)
{
    return reference & ARCI_TRIE_NODE;
}

static inline unsigned bit_of(const uint32_t *words, unsigned bit)
{
    return words[bit / 32] >> (31 - bit % 32) & 1u;
}

/* How many of the first bits two addresses have in common. */
static inline unsigned common_bits(const uint32_t *a, const uint32_t *b, unsigned words)
{
    for (unsigned i = 0; i < words; i++) {
        uint32_t difference = a[i] ^ b[i];
        if (difference)
            return i * 32 + (unsigned)__builtin_clz(difference);
    }
    return words * 32;
}

static inline unsigned length_at(const struct arci_tries *tries, uint32_t reference)
{
    return is_node(reference) ? node_at(tries, reference)->length : arci_trie_entry(tries, reference)->length;
}

/* An entry that shares with the key as many bits as any entry of the trie does. */
static const struct arci_trie_entry *nearest(const struct arci_tries *tries, uint32_t reference,
                                             const struct arci_key *key, unsigned length)
{
    while (is_node(reference)) {
        const struct arci_trie_node *node = node_at(tries, reference);
        uint32_t next;
        if (node->length >= length)
            next = node->entry ? node->entry : node->child[0];
        else
            next = node->child[bit_of(key->words, node->length)];
        reference = next ? next : node->entry;
    }
    return arci_trie_entry(tries, reference);
}

static uint32_t new_entry(struct arci_tries *tries, const struct arci_key *key, uint8_t length,
                          enum arci_entry_kind kind)
{
    uint32_t index = arci_pool_take(&tries->entries);
    struct arci_trie_entry *entry = arci_trie_entry(tries, index);
    entry->length = length;
    entry->kind = (uint8_t)kind;
    memcpy(entry->words, key->words, tries->words * sizeof(uint32_t));
    return index;
}

/* A node in place of `below`, which goes under it on the given side. */
static struct arci_trie_node *new_node(struct arci_tries *tries, uint32_t *slot, unsigned length,
                                       unsigned side)
{
    uint32_t below = *slot;
    uint32_t index = arci_pool_take(&tries->nodes);
    struct arci_trie_node *node = node_at(tries, index);
    node->length = (uint8_t)length;
    node->child[side] = below;
    *slot = ARCI_TRIE_NODE | index;
    return node;
}

/* At *slot is the first reference that is at least as long as the part of the key that the trie shares. */
static uint32_t insert_at(struct arci_tries *tries, uint32_t *slot, const struct arci_key *key,
                          uint8_t length, unsigned common, unsigned side_below, enum arci_entry_kind kind)
{
    bool same_length = length_at(tries, *slot) == common;
    if (common == length && same_length && !is_node(*slot))
        return *slot;
    if (common == length && same_length && node_at(tries, *slot)->entry)
        return node_at(tries, *slot)->entry;
    uint32_t entry = new_entry(tries, key, length, kind);
    if (common == length) {
        struct arci_trie_node *node =
            same_length ? node_at(tries, *slot) : new_node(tries, slot, common, side_below);
        node->entry = entry;
        return entry;
    }
    unsigned side = bit_of(key->words, common);
    if (same_length && is_node(*slot)) {
        assert(!node_at(tries, *slot)->child[side]);
        node_at(tries, *slot)->child[side] = entry;
    } else if (same_length) {
        uint32_t above = *slot;
        struct arci_trie_node *node = new_node(tries, slot, common, side);
        node->entry = above;
        node->child[side] = entry;
    } else {
        new_node(tries, slot, common, !side)->child[side] = entry;
    }
    return entry;
}

uint32_t arci_trie_insert(struct arci_tries *tries, uint32_t *root, const struct arci_key *key,
                          uint8_t length, enum arci_entry_kind kind)
{
    if (!*root) {
        *root = new_entry(tries, key, length, kind);
        return *root;
    }
    const struct arci_trie_entry *near = nearest(tries, *root, key, length);
    unsigned shorter = near->length < length ? near->length : length;
    unsigned common = common_bits(key->words, near->words, tries->words);
    if (common > shorter)
        common = shorter;
    unsigned side_below = common < near->length ? bit_of(near->words, common) : 0;
    uint32_t *slot = root;
    while (is_node(*slot) && node_at(tries, *slot)->length < common) {
        struct arci_trie_node *node = node_at(tries, *slot);
        slot = &node->child[bit_of(key->words, node->length)];
    }
    return insert_at(tries, slot, key, length, common, side_below, kind);
}

/* Keeps the promise that a node has both children or an entry and one. */
static void collapse(struct arci_tries *tries, uint32_t *slot)
{
    struct arci_trie_node *node = node_at(tries, *slot);
    uint32_t child = node->child[0] ? node->child[0] : node->child[1];
    if ((node->child[0] && node->child[1]) || (node->entry && child))
        return;
    uint32_t index = *slot & ~ARCI_TRIE_NODE;
    *slot = child ? child : node->entry;
    arci_pool_give(&tries->nodes, index);
}

void arci_trie_remove(struct arci_tries *tries, uint32_t *root, uint32_t index)
{
    const struct arci_trie_entry *entry = arci_trie_entry(tries, index);
    uint32_t *above = NULL;
    uint32_t *slot = root;
    while (is_node(*slot) && node_at(tries, *slot)->length < entry->length) {
        struct arci_trie_node *node = node_at(tries, *slot);
        above = slot;
        slot = &node->child[bit_of(entry->words, node->length)];
    }
    if (is_node(*slot)) {
        assert(node_at(tries, *slot)->entry == index);
        node_at(tries, *slot)->entry = 0;
        collapse(tries, slot);
    } else {
        assert(*slot == index);
        *slot = 0;
        if (above)
            collapse(tries, above);
    }
    arci_pool_give(&tries->entries, index);
}

static inline void push(struct arci_trail *trail, uint32_t entry, uint8_t length)
{
    trail->entries[trail->count] = entry;
    trail->lengths[trail->count] = length;
    trail->count++;
}

/* Takes back what the walk has passed without comparing and the address does not share. */
static inline void end_walk(const struct arci_tries *tries, uint32_t reference, const struct arci_key *key,
                            struct arci_trail *trail)
{
    if (reference && !is_node(reference))
        push(trail, reference, arci_trie_entry(tries, reference)->length);
    if (trail->count == 0)
        return;
    const struct arci_trie_entry *last = arci_trie_entry(tries, trail->entries[trail->count - 1]);
    unsigned common = common_bits(key->words, last->words, tries->words);
    while (trail->count > 0 && trail->lengths[trail->count - 1] > common)
        trail->count--;
}

void arci_trie_walk(const struct arci_tries *tries, uint32_t root, const struct arci_key *key,
                    struct arci_trail *trail)
{
    uint32_t reference = root;
    trail->count = 0;
    while (is_node(reference)) {
        const struct arci_trie_node *node = node_at(tries, reference);
        if (node->entry)
            push(trail, node->entry, node->length);
        reference = node->child[bit_of(key->words, node->length)];
    }
    end_walk(tries, reference, key, trail);
}

void arci_trie_prefetch(const struct arci_tries *tries, uint32_t reference)
{
    if (is_node(reference))
        __builtin_prefetch(node_at(tries, reference));
    else
        __builtin_prefetch(arci_trie_entry(tries, reference));
}

/* Where one walk stands, with what each step needs at hand. */
struct step {
    const struct arci_trie_node *nodes;
    const uint32_t *words;
    struct arci_trail *trail;
    const struct arci_tries *tries;
    uint32_t reference;
};

/* Without a branch on whether the prefix is there, which nobody could foretell: item 0 of the entries is memory like the others. */
static inline void take_step(struct step *step)
{
    const struct arci_trie_node *node = &step->nodes[step->reference & ~ARCI_TRIE_NODE];
    struct arci_trail *trail = step->trail;
    trail->entries[trail->count] = node->entry;
    trail->lengths[trail->count] = node->length;
    trail->count += node->entry != 0;
    __builtin_prefetch(arci_trie_entry(step->tries, node->entry));
    step->reference = node->child[bit_of(step->words, node->length)];
}

void arci_trie_walk_many(struct arci_trie_walk *const *walks, size_t count)
{
    struct step steps[ARCI_TRIE_WALKS];
    uint8_t going[ARCI_TRIE_WALKS];
    size_t left = 0;
    assert(count <= ARCI_TRIE_WALKS);
    for (size_t i = 0; i < count; i++) {
        struct arci_trie_walk *walk = walks[i];
        walk->trail.count = 0;
        steps[i] = (struct step){(const void *)walk->tries->nodes.items, walk->key->words, &walk->trail,
                                 walk->tries, walk->root};
        if (is_node(walk->root))
            going[left++] = (uint8_t)i;
    }
    while (left > 0) {
        for (size_t i = 0; i < left;) {
            struct step *step = &steps[going[i]];
            take_step(step);
            if (is_node(step->reference)) {
                __builtin_prefetch(&step->nodes[step->reference & ~ARCI_TRIE_NODE]);
                i++;
            } else {
                __builtin_prefetch(arci_trie_entry(step->tries, step->reference));
                going[i] = going[--left];
            }
        }
    }
    for (size_t i = 0; i < count; i++)
        end_walk(walks[i]->tries, steps[i].reference, walks[i]->key, &walks[i]->trail);
}

uint32_t arci_trie_longest(const struct arci_tries *tries, uint32_t root, const struct arci_key *key)
{
    if (root && !is_node(root)) {
        const struct arci_trie_entry *entry = arci_trie_entry(tries, root);
        return common_bits(key->words, entry->words, tries->words) >= entry->length ? root : 0;
    }
    struct arci_trail trail;
    arci_trie_walk(tries, root, key, &trail);
    return trail.count > 0 ? trail.entries[trail.count - 1] : 0;
}
