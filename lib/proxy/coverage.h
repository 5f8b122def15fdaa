/* The routes of one service at its exit, shared by all snapshots in which they are the same. */
#ifndef ARCI_PROXY_COVERAGE_H
#define ARCI_PROXY_COVERAGE_H

#include <stdbool.h>

#include <arctic/match.h>

#include "model/route.h"

struct arci_coverage;

/*
 * Makes the coverage of a service with one reference; `former` (NULL: none) is that of an earlier version of the service, of which only
 * what differs is done anew. Any thread. Errors: those of arctic_route_table_add_route().
 */
int arci_coverage_create(const struct arctic_id *service_id, const struct arci_route *routes, size_t count,
                         const struct arci_coverage *former, struct arci_coverage **ret_coverage,
                         struct arctic_error *error);

struct arci_coverage *arci_coverage_ref(struct arci_coverage *coverage);

/* NULL is allowed. */
void arci_coverage_unref(struct arci_coverage *coverage);

bool arci_coverage_matches(const struct arci_coverage *coverage, const struct arctic_flow *flow);

#endif
