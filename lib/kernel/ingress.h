/* What a captured connection's socket knows: who it is from, where it wanted to go, and where it came in. */
#ifndef ARCI_KERNEL_INGRESS_H
#define ARCI_KERNEL_INGRESS_H

#include <net/if.h>

#include <arctic/address.h>

struct arci_ingress {
    struct arctic_endpoint source;
    struct arctic_endpoint destination; /* the original one */
    char interface[IF_NAMESIZE];        /* where it arrived, "" when it was made on this host */
};

/*
 * Reads it from a socket that was just accepted from a listener of listener.h. `anchor` is
 * arci_kernel_anchor(): connections made on this host seem to arrive there. Call it once a socket: it ends
 * the bookkeeping that the kernel does for it.
 * Errors: ARCTIC_E_FORBIDDEN when nothing was captured (someone on this host connected to the listener
 * itself), ARCTIC_E_SYSTEM (the connection is gone again).
 */
int arci_ingress_read(int fd, const char *anchor, struct arci_ingress *ret_ingress,
                      struct arctic_error *error);

#endif
