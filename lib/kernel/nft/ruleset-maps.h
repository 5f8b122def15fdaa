/* The text of route maps: their names, lookups and elements. See ruleset.h for the whole. */
#ifndef ARCI_KERNEL_NFT_RULESET_MAPS_H
#define ARCI_KERNEL_NFT_RULESET_MAPS_H

#include "base/buffer.h"
#include "kernel/nft/plan.h"

/* Appends the name of a map. */
void arci_ruleset_map_name(struct arci_buffer *text, const struct arci_tuple_map *map);

/*
 * Appends what adds the maps that only `to` has and, where a family's maps differ, rewrites its chain of
 * lookups.
 */
void arci_ruleset_add_maps(struct arci_buffer *text, const struct arci_tuples *from,
                           const struct arci_tuples *to);

/* Appends what deletes the maps that only `from` has. They are empty, and no lookup names them any more. */
void arci_ruleset_delete_maps(struct arci_buffer *text, const struct arci_tuples *from,
                              const struct arci_tuples *to);

/* Appends what deletes, then what adds the elements that differ. */
void arci_ruleset_change_elements(struct arci_buffer *text, const struct arci_plan *from,
                                  const struct arci_plan *to);

#endif
