/* Shared coverage: a route table and a count of references. */
#include "proxy/coverage.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "match/change.h"

struct arci_coverage {
    atomic_uint references;
    struct arctic_route_table *table;
};

ARCI_DEFINE_CLEANUP(struct arci_coverage *, arci_coverage_unref, coverage_cleanup)

int arci_coverage_create(const struct arctic_id *service_id, const struct arci_route *routes, size_t count,
                         const struct arci_coverage *former, struct arci_coverage **ret_coverage,
                         struct arctic_error *error)
{
    ARCI_CLEANUP(coverage_cleanup) struct arci_coverage *coverage = calloc(1, sizeof *coverage);
    if (!coverage)
        return arci_fail_memory(error);
    atomic_init(&coverage->references, 1);
    int code = former ? arci_route_table_copy(former->table, &coverage->table, error)
                      : arctic_route_table_create(&coverage->table, error);
    if (code >= 0)
        code = arci_route_table_set_service(coverage->table, service_id, NULL, routes, count, error);
    if (code >= 0)
        *ret_coverage = arci_steal(coverage);
    return code;
}

struct arci_coverage *arci_coverage_ref(struct arci_coverage *coverage)
{
    atomic_fetch_add_explicit(&coverage->references, 1, memory_order_relaxed);
    return coverage;
}

void arci_coverage_unref(struct arci_coverage *coverage)
{
    if (!coverage || atomic_fetch_sub_explicit(&coverage->references, 1, memory_order_acq_rel) != 1)
        return;
    arctic_route_table_free(coverage->table);
    free(coverage);
}

bool arci_coverage_matches(const struct arci_coverage *coverage, const struct arctic_flow *flow)
{
    struct arctic_match match;
    return arctic_route_table_match(coverage->table, flow, &match, NULL) == ARCTIC_OK;
}
