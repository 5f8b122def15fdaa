/* Which way a packet made on this host would take. */
#ifndef ARCI_KERNEL_NEXT_HOP_H
#define ARCI_KERNEL_NEXT_HOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/address.h>
#include <arctic/error.h>

struct arci_next_hop {
    struct arctic_address router; /* family NONE: the destination is on the link, or on this host */
    uint32_t interface;           /* index */
    uint8_t type;                 /* RTN_*: what becomes of it */
    uint32_t table;               /* the routing table that says so */
};

/*
 * Where a packet with the mark is sent first on its way to `destination`. Rules that look at a packet's source are not consulted: the
 * kernel tells no way of what does not bear an address of this host. One question to the kernel, which answers at once. Any thread.
 * Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_SYSTEM (no route, and others).
 */
int arci_next_hop_find(const struct arctic_address *destination, uint32_t mark, struct arci_next_hop *ret_hop,
                       struct arctic_error *error);

/*
 * Whether the router is a host of which these addresses are known: it is one of them, or it is a link-local address, as routers of
 * IPv6 have it, and the kernel's neighbours tell that one of them is at the same place. A question to the kernel for each. Any thread.
 */
bool arci_next_hop_is(const struct arci_next_hop *hop, const struct arctic_address *addresses, size_t count);

#endif
