/*
 * One pass's plan: what the records say at one moment, judged service by service. A plan owns copies of all it needs, so that the
 * kernel's part can work on it on another thread while the records go on changing.
 */
#ifndef ARCI_AGENT_SERVICE_PLAN_H
#define ARCI_AGENT_SERVICE_PLAN_H

#include "agent/agent-internal.h"

/* What a pass found for one local service. */
struct arci_planned_service {
    struct arci_service service; /* a copy */
    bool capture;                /* it is handed to data plane and kernel */
    bool peer_connected;
    enum arci_service_state state;
    char reason[256];
};

struct arci_service_plan {
    struct arci_planned_service *items; /* services whose source is this host, ordered by id */
    size_t count;
    struct arci_kernel_service *kernel; /* those with `capture`; borrows from `items` */
    size_t kernel_count;
};

/* Judges all local services. `tproxy_port` is where captured connections go. Errors: ARCTIC_E_NO_MEMORY. */
int arci_service_plan_make(struct arctic_agent *agent, uint16_t tproxy_port,
                           struct arci_service_plan **ret_plan, struct arctic_error *error);

/* NULL is allowed. */
void arci_service_plan_free(struct arci_service_plan *plan);

/* Finds a service in a plan; NULL where it is not in it, or `plan` is NULL. */
const struct arci_planned_service *arci_service_plan_find(const struct arci_service_plan *plan,
                                                          const struct arctic_id *id);

#endif
