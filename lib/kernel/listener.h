/* The listeners that captured connections arrive at. */
#ifndef ARCI_KERNEL_LISTENER_H
#define ARCI_KERNEL_LISTENER_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/error.h>

struct arci_listeners {
    int ipv4; /* on 127.0.0.1 */
    int ipv6; /* on ::1, of the same port; -1 where the host has no IPv6 */
    uint16_t port;
};

/*
 * Opens transparent listeners, non-blocking and CLOEXEC. `port` 0 takes a free one; with `shared` others of
 * the same user may listen on the same port (SO_REUSEPORT), and the kernel spreads connections over them.
 * `mark` is arci_kernel_bypass_mark(): accepted sockets inherit it, and the ruleset knows their packets by
 * it. Accepted sockets tell their ingress interface (ingress.h). Errors: ARCTIC_E_SYSTEM.
 */
int arci_listeners_open(uint16_t port, bool shared, uint32_t mark, struct arci_listeners *ret_listeners,
                        struct arctic_error *error);

void arci_listeners_close(struct arci_listeners *listeners);

#endif
