/* The state of services' interfaces, for its own files. */
#ifndef ARCI_AGENT_INTERFACES_INTERNAL_H
#define ARCI_AGENT_INTERFACES_INTERNAL_H

#include "agent/services/interfaces.h"

/* One service's interface; the control loop's. */
struct arci_service_interface {
    struct arctic_agent *agent;
    struct arctic_id service;
    struct arci_interface_state state; /* when it was last made or looked at */
    bool made;                         /* it has been there */
    bool wished;                       /* by the plan that is being made */
    int64_t try_ipv6_at; /* monotonic milliseconds: when an address that is another host's is tried again */
    char said[256];      /* the reason that the log has last */
};

struct arci_service_interfaces {
    struct arci_interfaces *kernel;        /* the thread's while a pass or a look is under way */
    struct arci_service_interface **items; /* ordered by service */
    size_t count;
    bool
        used; /* a pass has run: what an agent before this one has left is not removed by one that failed to start */
};

/* NULL where there is none. */
struct arci_service_interface *arci_interfaces_find(const struct arctic_agent *agent,
                                                    const struct arctic_id *service);

#endif
