/*
 * Tuples: the elements of the kernel's route maps.
 *
 * The kernel finds the winner of a flow by tuple-space search: one map for each combination of class and
 * prefix lengths in use, tried most specific first. A tuple is what may become an element of one map: the masked
 * addresses (and the interface, in that class) and a service that a route gives them. The order of the maps and the winner of
 * each key are those of <arctic/match.h>, so that both choose the same.
 */
#ifndef ARCI_KERNEL_NFT_TUPLE_H
#define ARCI_KERNEL_NFT_TUPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>
#include <arctic/match.h>

#include "kernel/service.h"

/* One map. */
struct arci_tuple_map {
    uint8_t family;        /* enum arctic_family */
    uint8_t match_class;   /* enum arctic_match_class */
    int16_t source_length; /* ARCI_RANK_ABSENT where there is none */
    int16_t destination_length;
};

/*
 * One candidate for an element: the key, which is what the map is searched for, and whose it is. Bytes that the map has no use for are
 * zero, so that keys are compared as bytes.
 */
struct arci_tuple {
    struct arci_tuple_map map;
    char interface[ARCTIC_INTERFACE_NAME];
    uint8_t source[16];
    uint8_t destination[16];
    /* End of the key. */
    uint16_t slot; /* of its service (plan.h) */
    bool loses;    /* another candidate with this key ranks before it: it is no element */
    uint8_t unused[3];
    int32_t priority;
    uint64_t route;
};

/* All candidates, sorted by key and then by rank: what another route hides is at hand when that goes. */
struct arci_tuples {
    struct arci_tuple *items;
    size_t count;
    size_t elements; /* those that do not lose */
};

/* A service as tuples are made of it. */
struct arci_tuple_owner {
    const struct arci_kernel_service *service;
    uint16_t slot;
    bool kept; /* its tuples are those that it had under this slot in the former ones */
};

void arci_tuples_release(struct arci_tuples *tuples);

/*
 * Makes the tuples of all services that are not withdrawn. `owners`, ordered by the ids of their services, have slots of their own.
 * `former` (NULL: none) gives the tuples of those that are kept, so that a change of one service costs a copy of the others' tuples
 * and no sorting. Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_tuples_make(const struct arci_tuple_owner *owners, size_t count, const struct arci_tuples *former,
                     struct arci_tuples *ret_tuples, struct arctic_error *error);

/* Orders maps as they are looked up: negative when `a` comes first. IPv4 sorts before IPv6. */
int arci_tuple_map_compare(const struct arci_tuple_map *a, const struct arci_tuple_map *b);

/* Orders tuples by map, then key. Whose they are is not part of the key. */
int arci_tuple_compare(const struct arci_tuple *a, const struct arci_tuple *b);

#endif
