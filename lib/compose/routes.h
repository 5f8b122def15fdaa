/* Routes as a set: what makes two of them the same, and what has to be done to turn one set into another. */
#ifndef ARCI_COMPOSE_ROUTES_H
#define ARCI_COMPOSE_ROUTES_H

#include <stdbool.h>

#include "model/route.h"

/* Orders routes by their prefixes. */
int arci_route_compare_prefixes(const struct arci_route *a, const struct arci_route *b);

/* The same, then by priority: 0 for routes that say the same. Ids do not count. */
int arci_route_compare(const struct arci_route *a, const struct arci_route *b);

/* The routes by prefixes and priority, what says the same once. Errors: ARCTIC_E_NO_MEMORY. */
int arci_routes_unique(const struct arci_routes *routes, struct arci_routes *ret_unique,
                       struct arctic_error *error);

struct arci_route_change {
    uint64_t id;
    struct arci_route route; /* as it is to be */
    int32_t old_priority;
};

/* Zero-initialised it is empty. */
struct arci_route_difference {
    struct arci_routes add;
    struct arci_routes remove; /* with the ids that they have */
    struct arci_route_change *change;
    size_t change_count;
};

/*
 * What turns `live` into `wanted`. A route whose prefixes are wanted with another priority is changed, so that it keeps its id. Routes
 * that say the same count once. Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_routes_compare(const struct arci_routes *live, const struct arci_routes *wanted,
                        struct arci_route_difference *ret_difference, struct arctic_error *error);

bool arci_route_difference_empty(const struct arci_route_difference *difference);
void arci_route_difference_release(struct arci_route_difference *difference);

#endif
