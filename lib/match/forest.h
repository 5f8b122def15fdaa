/*
 * All prefixes of one family and direction. What a short trie would reach only after many steps, each a cache
 * miss in a large table, is found by its first 16 bits in one: prefixes of 16 bits or more are in a trie for
 * each value of those, the shorter ones in a trie of their own, to be asked after.
 */
#ifndef ARCI_MATCH_FOREST_H
#define ARCI_MATCH_FOREST_H

#include "match/trie.h"

#define ARCI_FOREST_BITS 16

struct arci_forest {
    uint32_t *tries; /* 1 << ARCI_FOREST_BITS roots, or NULL: all prefixes are in `shorter` */
    uint32_t shorter;
};

/* Gives a forest its array while it is still empty. Errors: ARCTIC_E_NO_MEMORY. */
int arci_forest_spread(struct arci_forest *forest, struct arctic_error *error);

/* Makes an empty forest one over a copy of another's pools. Errors: ARCTIC_E_NO_MEMORY. */
int arci_forest_copy(const struct arci_forest *forest, struct arci_forest *ret_copy,
                     struct arctic_error *error);

void arci_forest_release(struct arci_forest *forest);

/* The root of the trie that a prefix belongs to. */
static inline uint32_t *arci_forest_root(struct arci_forest *forest, const uint32_t *words, unsigned length)
{
    if (!forest->tries || length < ARCI_FOREST_BITS)
        return &forest->shorter;
    return &forest->tries[words[0] >> (32 - ARCI_FOREST_BITS)];
}

/* The root of the trie with the longer prefixes that may cover an address; 0 where there are none. */
static inline uint32_t arci_forest_longer(const struct arci_forest *forest, const struct arci_key *key)
{
    return forest->tries ? forest->tries[key->words[0] >> (32 - ARCI_FOREST_BITS)] : 0;
}

/* Asks for the memory that arci_forest_longer() will read. */
static inline void arci_forest_prefetch(const struct arci_forest *forest, const struct arci_key *key)
{
    if (forest->tries)
        __builtin_prefetch(&forest->tries[key->words[0] >> (32 - ARCI_FOREST_BITS)]);
}

#endif
