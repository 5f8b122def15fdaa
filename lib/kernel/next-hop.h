/* Which way a packet made on this host would take. */
#ifndef ARCI_KERNEL_NEXT_HOP_H
#define ARCI_KERNEL_NEXT_HOP_H

#include <stdint.h>

#include <arctic/address.h>
#include <arctic/error.h>

/*
 * The router that a packet with the mark is handed to first on its way to `destination`; family NONE where there is none between.
 * Rules that look at a packet's source are not consulted: the kernel tells no way of what does not bear an address of this host.
 * One question to the kernel, which answers at once. Any thread. Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_SYSTEM (no route, and others).
 */
int arci_next_hop_find(const struct arctic_address *destination, uint32_t mark,
                       struct arctic_address *ret_router, struct arctic_error *error);

#endif
