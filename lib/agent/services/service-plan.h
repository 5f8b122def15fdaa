/*
 * One pass's plan: what the records say at one moment, judged service by service. A plan holds all it needs, records by reference,
 * so that snapshot and kernel state can be made from it on another thread while the records go on changing.
 */
#ifndef ARCI_AGENT_SERVICE_PLAN_H
#define ARCI_AGENT_SERVICE_PLAN_H

#include "agent/agent-internal.h"
#include "kernel/interface/interface.h"

/* What a pass found for one local service. */
struct arci_planned_service {
    const struct arci_entry *entry;     /* holds a reference */
    const struct arci_service *service; /* of the entry */
    char
        interface[ARCI_INTERFACE_NAME_SIZE]; /* its own, "" for none; the pass sees to it before it is used */
    bool capture;                            /* it is handed to data plane and kernel */
    bool peer_connected;                     /* its target peer counts as reachable (target-watch.h) */
    enum arci_service_state state;
    char reason[256];
};

/* The interfaces of a plan's services; states are written by the thread of a pass or a look. */
struct arci_interface_job {
    struct arci_interface_wish *wishes; /* ordered by service */
    struct arci_interface_state *states;
    size_t count;
    int code; /* where it is an error, `states` mean nothing */
    struct arctic_error error;
};

struct arci_service_plan {
    struct arci_planned_service *items; /* services whose source is this host, ordered by id */
    size_t count;
    struct arci_kernel_service *kernel; /* those with `capture`; borrows from `items` */
    size_t kernel_count;
    struct arctic_endpoint *spared; /* APIs and tunnels of the members */
    size_t spared_count;
    struct arci_interface_job interfaces;

    struct arci_snapshot_options options;
    struct arci_snapshot_peer *peers; /* members, ordered by id */
    size_t peer_count;
    const struct arci_entry **exits; /* services of members whose target is this host; holds references */
    size_t exit_count;
};

/* Judges all local services and gathers the rest, without touching a route. Errors: ARCTIC_E_NO_MEMORY. */
int arci_service_plan_make(struct arctic_agent *agent, struct arci_service_plan **ret_plan,
                           struct arctic_error *error);

/*
 * The same of an agent that has neither listeners nor interfaces yet: for the kernel alone, with the services that block. Errors:
 * ARCTIC_E_NO_MEMORY.
 */
int arci_service_plan_make_blocking(struct arctic_agent *agent, struct arci_service_plan **ret_plan,
                                    struct arctic_error *error);

/* On the control loop, as making it. NULL is allowed. */
void arci_service_plan_free(struct arci_service_plan *plan);

/* Finds a service in a plan; NULL where it is not in it, or `plan` is NULL. */
const struct arci_planned_service *arci_service_plan_find(const struct arci_service_plan *plan,
                                                          const struct arctic_id *id);

#endif
