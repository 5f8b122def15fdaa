/* Filters of prefix lengths. */
#include "match/filter.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "match/pool.h"

#define COUNTER_BITS 4
#define COUNTER_FULL 15u

int arci_filter_create(struct arci_filter *ret_filter, uint32_t words, struct arctic_error *error)
{
    size_t size = words * sizeof *ret_filter->words;
    uint32_t *made = arci_pool_allocate(size);
    if (!made)
        return arci_fail_memory(error);
    memset(made, 0, size);
    *ret_filter = (struct arci_filter){made, words - 1};
    return ARCTIC_OK;
}

static unsigned shift_of(unsigned length)
{
    return length % ARCI_FILTER_LENGTHS * COUNTER_BITS;
}

void arci_filter_add(struct arci_filter *filter, uint64_t hash, unsigned length)
{
    uint32_t *word = &filter->words[(uint32_t)hash & filter->mask];
    if ((*word >> shift_of(length) & COUNTER_FULL) != COUNTER_FULL)
        *word += 1u << shift_of(length);
}

void arci_filter_remove(struct arci_filter *filter, uint64_t hash, unsigned length)
{
    uint32_t *word = &filter->words[(uint32_t)hash & filter->mask];
    if ((*word >> shift_of(length) & COUNTER_FULL) != COUNTER_FULL)
        *word -= 1u << shift_of(length);
}

void arci_filter_release(struct arci_filter *filter)
{
    free(filter->words);
    *filter = (struct arci_filter){0};
}
