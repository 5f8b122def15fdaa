/*
 * Whether this process may do what the data plane takes. A capability that it has may still not count: for network namespaces of
 * another user namespace than its own (capabilities(7)), which only the attempt shows.
 */
#ifndef ARCI_KERNEL_PRIVILEGE_H
#define ARCI_KERNEL_PRIVILEGE_H

#include <stdbool.h>

#include <arctic/error.h>

/* What to do where a capability is missing: the end of a sentence. */
#define ARCI_PRIVILEGE_ADVICE                                                                                \
    "run the agent as root or by its systemd unit, or grant it (systemd: AmbientCapabilities= and "          \
    "CapabilityBoundingSet=, containers: --cap-add)"

/* For everything that is captured. Errors: ARCTIC_E_SYSTEM, "missing capability CAP_NET_ADMIN: " and what to do. */
int arci_privilege_check(struct arctic_error *error);

/*
 * For packet sockets (packet(7)), and so for DHCP and checks of an address; nothing else needs it. Errors: ARCTIC_E_SYSTEM, "missing
 * capability CAP_NET_RAW, which DHCP needs: " and what to do.
 */
int arci_privilege_check_raw(struct arctic_error *error);

/* Whether the calling thread has an effective capability CAP_* (linux/capability.h); true where that can not be told. */
bool arci_privilege_has(int capability);

#endif
