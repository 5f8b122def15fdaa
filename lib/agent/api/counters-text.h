/* Counters of services and routes as the API shows them, as JSON text. */
#ifndef ARCI_AGENT_COUNTERS_TEXT_H
#define ARCI_AGENT_COUNTERS_TEXT_H

#include "base/buffer.h"
#include "proxy/proxy.h"

/*
 * Appends the object with the counters of a service; `stats` NULL: nothing was counted yet, and `since` is null. Numbers are exact to
 * whoever reads them as JSON numbers, up to 2^53 (RFC 8259, section 6).
 */
void arci_counters_text_append(const struct arci_service_stats *stats, struct arci_buffer *buffer);

/* The same of a route, whose `since` is its service's. */
void arci_route_counters_text_append(const struct arci_service_stats *stats, struct arci_buffer *buffer);

#endif
