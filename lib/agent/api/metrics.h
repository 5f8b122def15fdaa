/* What GET /metrics tells. */
#ifndef ARCI_AGENT_METRICS_H
#define ARCI_AGENT_METRICS_H

#include "agent/agent-internal.h"
#include "agent/api/metrics-text.h"

/* Writes all families; `counters` are those of the kernel, in no order. */
void arci_metrics_write(struct arctic_agent *agent, const struct arci_kernel_counter *counters, size_t count,
                        struct arci_buffer *text);

/* metrics-services.c: the families of services. */
void arci_metrics_write_services(struct arctic_agent *agent, const struct arci_kernel_counter *counters,
                                 size_t count, struct arci_buffer *text);

/* metrics-routes.c: the families of routes. */
void arci_metrics_write_routes(struct arctic_agent *agent, struct arci_buffer *text);

/* metrics-process.c: memory, descriptors and processor time of the process. */
void arci_metrics_write_process(struct arci_buffer *text);

#endif
