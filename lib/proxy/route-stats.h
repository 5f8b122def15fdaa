/* Sums of what the workers have counted, read on the control loop while they go on. */
#ifndef ARCI_PROXY_ROUTE_STATS_H
#define ARCI_PROXY_ROUTE_STATS_H

#include "proxy/counters.h"
#include "proxy/proxy.h"

void arci_route_stats_of_service(const struct arci_counters *service, struct arci_service_stats *ret_stats);

/* Calls back once for each route that has rows. */
void arci_route_stats_each(const struct arci_counters *service,
                           void (*visit)(void *user, uint64_t route_id,
                                         const struct arci_service_stats *stats),
                           void *user);

#endif
