/* Whether this process may do what capture takes. */
#ifndef ARCI_KERNEL_PRIVILEGE_H
#define ARCI_KERNEL_PRIVILEGE_H

#include <arctic/error.h>

/* What to do where CAP_NET_ADMIN is missing: the end of a sentence. */
#define ARCI_PRIVILEGE_ADVICE                                                                                \
    "run the agent as root; where its rights are limited, grant CAP_NET_ADMIN and CAP_NET_RAW (systemd: "    \
    "CapabilityBoundingSet=, containers: --cap-add)"

/* Errors: ARCTIC_E_SYSTEM, with the capability that is missing and what to do. */
int arci_privilege_check(struct arctic_error *error);

#endif
