/* Routes of the same prefixes as a skew heap (Sleator, Tarjan, 1986): the winner is its root, no memory is
 * needed to change it. */
#ifndef ARCI_MATCH_HEAP_H
#define ARCI_MATCH_HEAP_H

#include "match/table.h"

/* Adds a route; removes one that is there. Return the new root, 0 when it is empty. Amortised O(log n). */
uint32_t arci_heap_insert(const struct arctic_route_table *table, uint32_t root, uint32_t route);
uint32_t arci_heap_remove(const struct arctic_route_table *table, uint32_t root, uint32_t route);

#endif
