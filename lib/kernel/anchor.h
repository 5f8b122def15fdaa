/*
 * The anchor: a TUN device that the agent holds open and that carries no packets. The routes which deliver
 * marked packets to this host name it as their device. When the process ends, however it ends, the kernel
 * removes the device and with it the routes, and marked packets take the main table as if Arctic were not
 * there.
 *
 * It is also the lock of a network namespace: a second agent finds the name taken.
 */
#ifndef ARCI_KERNEL_ANCHOR_H
#define ARCI_KERNEL_ANCHOR_H

#include <stdbool.h>
#include <net/if.h>

#include <arctic/error.h>

#define ARCI_ANCHOR_ALIAS "arctic-agent: goes with the process, and its routes with it"

struct arci_anchor {
    int fd;      /* -1: none */
    int look_fd; /* for looks at the device: where descriptors are short it would seem to be gone */
    unsigned index;
    bool ipv6; /* it was on when the device was made */
    char name[IF_NAMESIZE];
};

/*
 * Makes the device and puts it up, without addresses. Errors: ARCTIC_E_ALREADY_EXISTS (name taken),
 * ARCTIC_E_SYSTEM.
 */
int arci_anchor_open(const char *name, struct arci_anchor *ret_anchor, struct arctic_error *error);

/* Whether the device is still there, up, and has the IPv6 that it began with: without it no route of IPv6 can be on it. */
bool arci_anchor_alive(const struct arci_anchor *anchor);

/* Removes the device, if there is one; the name stays for another try. */
void arci_anchor_close(struct arci_anchor *anchor);

#endif
