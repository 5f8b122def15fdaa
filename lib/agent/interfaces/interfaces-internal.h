/* The state of services' interfaces, for its own files. */
#ifndef ARCI_AGENT_INTERFACES_INTERNAL_H
#define ARCI_AGENT_INTERFACES_INTERNAL_H

#include "agent/interfaces/watch.h"
#include "agent/interfaces/interfaces.h"
#include "kernel/interface/address-check.h"
#include "kernel/dhcp/dhcp.h"

/*
 * RFC 5227 asks for seconds, so that slow bridges and hosts that boot all at once are no harm; 4 to 7 of these pass before an address is
 * used, and an operator waits for it here.
 */
#define ARCI_INTERFACE_CHECK_UNIT_MS 200

/* Where an interface has its IPv4 address from. */
enum arci_interface_source {
    ARCI_INTERFACE_NO_IPV4, /* IPv6 alone was asked for */
    ARCI_INTERFACE_STATIC,
    ARCI_INTERFACE_DHCP,
};

/* One service's interface; the control loop's. */
struct arci_service_interface {
    struct arctic_agent *agent;
    struct arctic_id service;
    struct arci_interface_state state; /* when it was last made or looked at */
    bool made;                         /* it has been there */
    bool wished;                       /* by the plan that is being made */
    int64_t try_ipv6_at; /* monotonic milliseconds: when an address that is another host's is tried again */
    bool was_up;
    bool ipv6;      /* it was on */
    char said[256]; /* the reason that the log has last */

    /* Of the IPv4 address. `check` or `dhcp`, and `watch`, are there together, for the link of index `watched`. */
    enum arci_interface_source source;
    struct arctic_cidr fixed; /* STATIC: the one that was asked for */
    int watched;
    int parent; /* index of the link that it sits on, or sat on last; 0: it was not there yet */
    struct arci_address_check *check;
    struct arci_dhcp *dhcp;
    struct arci_interface_watch *watch;
    char problem[256];      /* why check or client cannot be started; "": none */
    char said_problem[256]; /* the one that the log has last */
    bool said_conflict;     /* the log has that another host has the address */
    bool has_ipv4;          /* this agent has had it in use: it is given to a link that was made anew */
    bool has_lease;
    struct arci_dhcp_lease lease;
    int64_t ends_at; /* of the lease, monotonic milliseconds; 0: never */
};

struct arci_service_interfaces {
    struct arci_interfaces *kernel;        /* the thread's while a pass or a look is under way */
    struct arci_service_interface **items; /* ordered by service */
    size_t count;
    bool
        used; /* a pass has run: what an agent before this one has left is not removed by one that failed to start */
};

/* What the operator is told of an interface, and how bad it is; ARCI_SERVICE_ACTIVE and "" where all is well. */
struct arci_interface_finding {
    enum arci_service_state state;
    char reason[256];
};

/* NULL where there is none. */
struct arci_service_interface *arci_interfaces_find(const struct arctic_agent *agent,
                                                    const struct arctic_id *service);

enum arci_interface_source arci_interface_source_of(const struct arci_service *service);

/* Starts check or DHCP client for the link that is there, and ends one of another link or address. */
void arci_interface_follow(struct arci_service_interface *item, const struct arci_service *service);

/* Ends check or client without a word to the DHCP server. */
void arci_interface_unfollow(struct arci_service_interface *item);

/* Static addresses (check.c). Begin: errors are those of arci_address_check_start() and arci_interface_watch_begin(). */
int arci_interface_check_begin(struct arci_service_interface *item, const struct arci_service *service,
                               struct arctic_error *error);
void arci_interface_check_wish(const struct arci_service_interface *item, const struct arci_service *service,
                               struct arci_interface_wish *wish);
void arci_interface_check_find(const struct arci_service_interface *item, const struct arci_service *service,
                               struct arci_interface_finding *finding);

/* DHCP (dhcp.c). Release also forgets the lease. Begin: errors as above, of arci_dhcp_start(). */
/* Forgets leases of services that have gone while no agent ran: their servers keep them until they end. */
void arci_interface_dhcp_tidy(struct arctic_agent *agent);
void arci_interface_dhcp_load(struct arci_service_interface *item);
int arci_interface_dhcp_begin(struct arci_service_interface *item, const struct arci_service *service,
                              struct arctic_error *error);
void arci_interface_dhcp_link_changed(struct arci_service_interface *item);
void arci_interface_dhcp_rename(struct arci_service_interface *item, const struct arci_service *service);
/* The link is in another network, which knows nothing of the lease. */
void arci_interface_dhcp_forget(struct arci_service_interface *item);
void arci_interface_dhcp_release(struct arci_service_interface *item);
void arci_interface_dhcp_wish(const struct arci_service_interface *item, struct arci_interface_wish *wish);
void arci_interface_dhcp_find(const struct arci_service_interface *item,
                              struct arci_interface_finding *finding);
void arci_interface_dhcp_show(const struct arci_service_interface *item,
                              struct arci_service_lease *ret_lease);

#endif
