/*
 * Which records are more than the licence allows. Nothing is deleted for it: the newest, by the time in their ids, do not work until
 * there is room, and they are the same ones on every agent that knows the same records.
 */
#ifndef ARCI_AGENT_LICENSE_LIMITS_H
#define ARCI_AGENT_LICENSE_LIMITS_H

#include "agent/agent-internal.h"

struct arci_license_limits {
    bool suspended; /* nothing works */
    uint32_t max_nodes;
    uint32_t max_services;
    struct arctic_id first_node_over;    /* from this id on; "" where none is */
    struct arctic_id first_service_over; /* from this id on; "" where none is */
};

void arci_license_limits_find(struct arctic_agent *agent, struct arci_license_limits *ret_limits);

/* Whether the licence lets a service work; if not, *ret_reason says why, for `state_reason`. */
bool arci_license_limits_allow(const struct arci_license_limits *limits, const struct arci_service *service,
                               char *ret_reason, size_t size);

#endif
