/*
 * Path-compressed binary tries over prefixes (D. Morrison, PATRICIA, 1968), many of them in two shared pools.
 *
 * A reference is 0 (nothing), the index of an entry (a prefix with nothing below it), or ARCI_TRIE_NODE | the
 * index of a node. A node stands where prefixes part, or where a prefix has others below it; it does not hold
 * its bits, which every entry below it shares. So a walk follows the address without comparing, and compares
 * once, with the last entry it passed: of the entries on the way, which nest, those match that are no longer
 * than what address and last entry have in common.
 */
#ifndef ARCI_MATCH_TRIE_H
#define ARCI_MATCH_TRIE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arctic/address.h>

#include "match/pool.h"

#define ARCI_TRIE_NODE 0x80000000u
#define ARCI_TRIE_DEPTH 129 /* prefixes that can nest: lengths 0..128 */

/* An address as words in host order: bit 0 is the top bit of word 0. Words past the family's are zero. */
struct arci_key {
    uint32_t words[4];
};

struct arci_trie_node {
    uint32_t child[2]; /* by the bit after the first `length`; both are there unless `entry` is */
    uint32_t entry;    /* the prefix of exactly these bits, 0: none */
    uint8_t length;
};

enum arci_entry_kind {
    ARCI_ENTRY_SOURCE = 0,
    ARCI_ENTRY_DEST = 1,
};

/* A prefix that routes have. An item of the entry pool has as many words as its family's addresses. */
struct arci_trie_entry {
    uint32_t first; /* winner among the routes of exactly this prefix (source: those without destination), 0:
                       none */
    uint32_t
        link; /* source: trie of destinations that go with it; destination: its source entry, 0: any source */
    uint8_t length;
    uint8_t kind; /* enum arci_entry_kind */
    uint32_t words[];
};

/* The pools that tries of one address family live in. */
struct arci_tries {
    struct arci_pool nodes;
    struct arci_pool entries;
    uint8_t family;
    uint8_t words; /* of an address: 1 or 4 */
};

/* The entries that cover an address, shortest first. */
struct arci_trail {
    uint32_t count;
    uint32_t entries[ARCI_TRIE_DEPTH + 1]; /* the last is for arci_trie_walk_many() to write to */
    uint8_t lengths[ARCI_TRIE_DEPTH + 1];
};

void arci_tries_init(struct arci_tries *tries, uint8_t family);
void arci_tries_release(struct arci_tries *tries);

static inline struct arci_trie_entry *arci_trie_entry(const struct arci_tries *tries, uint32_t index)
{
    return arci_pool_at(&tries->entries, index);
}

static inline struct arci_key arci_key_from_address(const struct arctic_address *address)
{
    struct arci_key key;
    memcpy(key.words, address->bytes, sizeof key.words);
    for (int i = 0; i < 4; i++)
        key.words[i] = __builtin_bswap32(key.words[i]);
    return key;
}

struct arctic_cidr arci_trie_cidr(const struct arci_tries *tries, uint32_t entry);

/*
 * Finds or makes the entry of a prefix in the trie at *root. One node and one entry must have been reserved;
 * *root must not lie in a pool that moves. A new entry is empty but for its prefix and kind.
 */
uint32_t arci_trie_insert(struct arci_tries *tries, uint32_t *root, const struct arci_key *key,
                          uint8_t length, enum arci_entry_kind kind);

/* Takes an entry out of the trie at *root, where it is, and gives it back to the pool. */
void arci_trie_remove(struct arci_tries *tries, uint32_t *root, uint32_t entry);

/* Collects the entries of the trie at `root` that cover an address. */
void arci_trie_walk(const struct arci_tries *tries, uint32_t root, const struct arci_key *key,
                    struct arci_trail *trail);

/* One walk of several that go side by side. */
struct arci_trie_walk {
    const struct arci_tries *tries;
    const struct arci_key *key;
    uint32_t root;
    struct arci_trail trail;
};

#define ARCI_TRIE_WALKS 32

/* As arci_trie_walk() for each, at most ARCI_TRIE_WALKS of them: while one waits for memory the others go on. */
void arci_trie_walk_many(struct arci_trie_walk *const *walks, size_t count);

/* Asks for the memory that a reference leads to. */
void arci_trie_prefetch(const struct arci_tries *tries, uint32_t reference);

/* The longest of them; 0 where none covers it. */
uint32_t arci_trie_longest(const struct arci_tries *tries, uint32_t root, const struct arci_key *key);

#endif
