/* What the kernel must do for one service: the input of the plan. */
#ifndef ARCI_KERNEL_SERVICE_H
#define ARCI_KERNEL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/address.h>
#include <arctic/id.h>

#include "model/route.h"

/* An active service whose source is this host. Pointers are borrowed for the call. */
struct arci_kernel_service {
    struct arctic_id id;
    const char *interface; /* its own MACVLAN, "" or NULL for none */
    uint16_t tproxy_port;  /* of a listener that is open already, on 127.0.0.1 and ::1 (listener.h); may be 0
                              with `block` */
    bool withdrawn;        /* its routes step aside: the next best route or the direct path takes new flows */
    bool block;        /* what it wins is refused: new TCP flows with a reset, all else with an ICMP error */
    bool never_direct; /* what it has captured does not leave this host, whatever others do to the ip rules */
    const struct arci_route *routes;
    size_t route_count;
    /* Other bytes for other routes, so that equal ones need not be looked at; zero: not known. */
    uint8_t revision[32];
};

/*
 * All that the kernel is to do. `spared` are addresses and ports that no route captures: those of the peers' APIs and tunnels, so that
 * whoever can reach them without Arctic can do so under a route for everything too. Pointers are borrowed for the call.
 */
struct arci_kernel_wish {
    const struct arci_kernel_service *services; /* in any order */
    size_t service_count;
    const struct arctic_endpoint
        *spared; /* in any order, repeated or not; those of no address family are left out */
    size_t spared_count;
};

#endif
