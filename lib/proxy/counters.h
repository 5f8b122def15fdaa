/*
 * Counters that workers write and the control loop reads: a block for each service and each peer, with a row for each worker, so
 * that no two threads write to one cache line. Blocks are counted references: the registry holds one while the configuration
 * names the service or peer, or somebody still wants what it has counted; each configuration and each flow one.
 */
#ifndef ARCI_PROXY_COUNTERS_H
#define ARCI_PROXY_COUNTERS_H

#include <stdalign.h>
#include <stdatomic.h>

#include "proxy/route-counters.h"
#include "transport/transport.h"

/* A worker's row of a service. */
struct arci_service_row {
    struct arci_flow_counters counters;
    struct arci_route_counter_table routes; /* the worker's alone */
};

struct arci_peer_row {
    alignas(ARCI_CACHE_LINE) struct arci_peer_counters counters;
};

/* Of a service or of a peer: one of the two arrays is there. */
struct arci_counters {
    struct arctic_id id;
    atomic_uint references;
    size_t workers;
    int64_t since; /* milliseconds since 1970: when it began to count */
    struct arci_service_row *services;
    struct arci_peer_row *peers;
    struct arci_route_counter_table routes; /* of all workers; the control loop's alone */
    size_t pruned;                          /* where to look next for routes that are gone */
};

struct arci_counters *arci_counters_ref(struct arci_counters *counters);
void arci_counters_unref(struct arci_counters *counters); /* NULL is allowed */

/* The blocks in use, by id. Control loop only. Zero-initialised but for `workers` and `of_peers` it is empty. */
struct arci_counter_registry {
    size_t workers;
    bool of_peers;
    struct arci_counters **items;
    size_t count;
};

/* NULL where there is none. */
struct arci_counters *arci_counters_find(const struct arci_counter_registry *registry,
                                         const struct arctic_id *id);

/* The block of an id, made where there is none. The registry keeps the reference. Errors: ARCTIC_E_NO_MEMORY. */
int arci_counters_get(struct arci_counter_registry *registry, const struct arctic_id *id,
                      struct arci_counters **ret_counters, struct arctic_error *error);

/*
 * Drops the registry's references to blocks that nobody else uses, but for those that `wanted` wants. It may be NULL: nobody wants
 * any.
 */
void arci_counters_sweep(struct arci_counter_registry *registry,
                         bool (*wanted)(void *user, const struct arctic_id *id), void *user);
void arci_counters_release(struct arci_counter_registry *registry);

#endif
