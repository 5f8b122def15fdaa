/* Putting a route's prefixes into rules, and taking them out. */
#ifndef ARCI_MATCH_PLACE_H
#define ARCI_MATCH_PLACE_H

#include "match/table.h"

/* Makes sure that `times` placements in a family succeed. Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_LIMIT. */
int arci_place_reserve(struct arctic_route_table *table, enum arci_family_index family, uint32_t times,
                       struct arctic_error *error);

/* Places a route, whose service, family, own, id and priority are set, and sets its entry. NULL: no such
 * prefix. */
void arci_place(struct arctic_route_table *table, uint32_t route, const struct arctic_cidr *source,
                const struct arctic_cidr *destination);

/* Takes a route out of the rules, with what prefixes it alone had. */
void arci_unplace(struct arctic_route_table *table, uint32_t route);

#endif
