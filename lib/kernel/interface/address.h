/* The addresses of a service's interface. Those without a prefix route are ours; what an operator adds beside them stays. */
#ifndef ARCI_KERNEL_INTERFACE_ADDRESS_H
#define ARCI_KERNEL_INTERFACE_ADDRESS_H

#include "kernel/interface/duplicates.h"
#include "kernel/interface/link.h"
#include "kernel/interface/interface.h"

/* What all interfaces of one call have in common. */
struct arci_interface_host {
    struct nl_sock *socket;
    const struct arci_links *links;
    struct arci_duplicates *duplicates; /* listens after the call where it began to check an address */
    int64_t wait; /* milliseconds for which an address that was taken away is not added once more */
};

/*
 * Gives the link, which is of ours, the addresses that are wished and takes away those of ours that are not any more. Writes the parts of
 * `state` that tell of addresses. *ret_added says whether one was missing that was there before, which is not added before
 * `wait` is over. Errors: those of arci_link_add_address().
 */
int arci_interface_addresses(const struct arci_interface_host *host, const struct arci_link *link,
                             const struct arci_interface_wish *wish, struct arci_interface_state *state,
                             bool *ret_added, struct arctic_error *error);

#endif
