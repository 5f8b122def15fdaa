/*
 * Answers that show a service with its routes, or the routes alone, with what they have counted. Those of many routes are made on a
 * thread of the pool: a hundred thousand of them would keep the control loop for half a second.
 */
#ifndef ARCI_AGENT_SERVICE_ANSWER_H
#define ARCI_AGENT_SERVICE_ANSWER_H

#include "agent/agent-internal.h"

/* The service with its routes, and its counters. Ends the handler's use of the request, now or later, as does the next. */
void arci_answer_service(struct arctic_agent *agent, struct arci_request *request,
                         const struct arci_entry *entry, int status);

/* A part of the routes of a service, in the order of their ids. */
struct arci_route_page {
    uint64_t after; /* begins behind this id */
    size_t limit;   /* at most so many */
};

/* {"routes": [...]}, each with its counters. */
void arci_answer_routes(struct arctic_agent *agent, struct arci_request *request,
                        const struct arci_entry *entry, const struct arci_route_page *page);

#endif
