/*
 * What chance does to a frame on the link. Each kind of mishap draws from a generator of its own, so that
 * asking for reordering does not change which frames are lost under the same seed.
 */
#ifndef LAB_IMPAIRMENT_H
#define LAB_IMPAIRMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "settings.h"

struct impairment {
    uint64_t loss, reorder, duplicate, corrupt; /* states of the generators */
    bool in_burst;
};

/* `stream` tells the directions of a link apart: equal seeds must not lose the same frames both ways. */
void impairment_seed(struct impairment *impairment, double seed, uint64_t stream);

bool impairment_loses(struct impairment *impairment, const struct settings *settings);
bool impairment_reorders(struct impairment *impairment, const struct settings *settings);
bool impairment_duplicates(struct impairment *impairment, const struct settings *settings);
/* On true *ret_bit is the bit to flip, below `bits`. */
bool impairment_corrupts(struct impairment *impairment, const struct settings *settings, uint64_t bits,
                         uint64_t *ret_bit);

#endif
