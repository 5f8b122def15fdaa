/*
 * Tuples: the elements of the kernel's route maps.
 *
 * The kernel finds the winner of a flow by tuple-space search: one map for each combination of class and
 * prefix lengths in use, tried most specific first. A tuple is one element of one map: the masked addresses
 * (and the interface, in that class) and the service that wins them. The order of the maps and the winner of
 * each key are those of <arctic/match.h>, so that both choose the same.
 */
#ifndef ARCI_KERNEL_TUPLE_H
#define ARCI_KERNEL_TUPLE_H

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

struct arci_tuple {
    struct arci_tuple_map map;
    uint16_t service; /* index into the services that the tuples were made from */
    char interface[ARCTIC_INTERFACE_NAME];
    uint8_t source[16];
    uint8_t destination[16];
};

struct arci_tuples {
    struct arci_tuple *items;
    size_t count;
};

void arci_tuples_release(struct arci_tuples *tuples);

/*
 * Makes the tuples of all services that are not withdrawn: sorted by arci_tuple_compare(), one for each key,
 * naming the service that wins it. `count` is at most UINT16_MAX. Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_tuples_make(const struct arci_kernel_service *services, size_t count, struct arci_tuples *ret_tuples,
                     struct arctic_error *error);

/* Orders maps as they are looked up: negative when `a` comes first. IPv4 sorts before IPv6. */
int arci_tuple_map_compare(const struct arci_tuple_map *a, const struct arci_tuple_map *b);

/* Orders tuples by map, then key. The service is not part of the key. */
int arci_tuple_compare(const struct arci_tuple *a, const struct arci_tuple *b);

#endif
