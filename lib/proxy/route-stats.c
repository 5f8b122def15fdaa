/* See route-stats.h. */
#include "proxy/route-stats.h"

static uint64_t load(const atomic_uint_least64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_row(struct arci_service_stats *stats, const struct arci_flow_counters *row)
{
    /* In this order: a flow that opens and closes in between does not make the difference negative. */
    uint64_t closed = load(&row->closed);
    uint64_t opened = load(&row->opened);
    stats->flows_opened += opened;
    stats->flows_open += opened - closed;
    stats->flows_failed += load(&row->failed);
    stats->flows_refused += load(&row->refused);
    stats->bytes_up += load(&row->bytes_up);
    stats->bytes_down += load(&row->bytes_down);
    stats->packets_up += load(&row->packets_up);
    stats->packets_down += load(&row->packets_down);
}

void arci_route_stats_of_service(const struct arci_counters *service, struct arci_service_stats *ret_stats)
{
    struct arci_service_stats stats = {.since = service->since};
    for (size_t i = 0; i < service->workers; i++)
        add_row(&stats, &service->services[i].counters);
    *ret_stats = stats;
}

/* Rows of one route are in one chain: the first one stands for all. */
static bool is_first(const struct arci_route_counters *chain, const struct arci_route_counters *row)
{
    while (chain->route_id != row->route_id)
        chain = chain->next[ARCI_ROUTES_OF_CONTROL];
    return chain == row;
}

void arci_route_stats_each(const struct arci_counters *service,
                           void (*visit)(void *user, uint64_t route_id,
                                         const struct arci_service_stats *stats),
                           void *user)
{
    for (size_t i = 0; i < service->routes.chain_count; i++) {
        const struct arci_route_counters *chain = service->routes.chains[i];
        for (const struct arci_route_counters *row = chain; row; row = row->next[ARCI_ROUTES_OF_CONTROL]) {
            if (!is_first(chain, row))
                continue;
            struct arci_service_stats stats = {.since = service->since};
            for (const struct arci_route_counters *other = row; other;
                 other = other->next[ARCI_ROUTES_OF_CONTROL]) {
                if (other->route_id == row->route_id)
                    add_row(&stats, &other->counters);
            }
            visit(user, row->route_id, &stats);
        }
    }
}
