/*
 * Which lengths may be there, for eight of them at once. Prefixes of lengths 8n to 8n + 7 that have the first 8n bits in common share a
 * word of eight counters, one a length; prefixes that share it by chance make a length seem there that is not, and never the other way
 * round. So one read tells of eight lengths, most of which need no look then. A counter that is full stays so until the filter is made anew.
 */
#ifndef ARCI_MATCH_FILTER_H
#define ARCI_MATCH_FILTER_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

#define ARCI_FILTER_LENGTHS 8 /* of a word */

struct arci_filter {
    uint32_t *words; /* counters of four bits, the lowest of the shortest length */
    uint32_t mask;   /* words - 1 */
};

/* Makes an empty filter of so many words, a power of two. Errors: ARCTIC_E_NO_MEMORY. */
int arci_filter_create(struct arci_filter *ret_filter, uint32_t words, struct arctic_error *error);

/* Counts a prefix, given the hash of its first bits, or counts it no more. */
void arci_filter_add(struct arci_filter *filter, uint64_t hash, unsigned length);
void arci_filter_remove(struct arci_filter *filter, uint64_t hash, unsigned length);

void arci_filter_release(struct arci_filter *filter);

static inline void arci_filter_prefetch(const struct arci_filter *filter, uint64_t hash)
{
    __builtin_prefetch(&filter->words[(uint32_t)hash & filter->mask]);
}

/* The lengths that may be there: bit n for the n-th of the word's. */
static inline uint8_t arci_filter_lengths(const struct arci_filter *filter, uint64_t hash)
{
    uint32_t word = filter->words[(uint32_t)hash & filter->mask];
    word |= word >> 2;
    word |= word >> 1;
    word &= 0x11111111; /* whether each counter is above 0, to be moved together: */
    word |= word >> 3;
    word &= 0x03030303;
    word |= word >> 6;
    word &= 0x000f000f;
    return (uint8_t)(word | word >> 12);
}

#endif
