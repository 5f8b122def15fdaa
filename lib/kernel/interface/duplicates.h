/*
 * Who has an IPv6 address that duplicate address detection has found to be another host's. The kernel does not tell: neighbour advertisements
 * for it, and the solicitations of a host that asks for it too (RFC 4862 section 5.4), are seen by a packet socket meanwhile.
 */
#ifndef ARCI_KERNEL_INTERFACE_DUPLICATES_H
#define ARCI_KERNEL_INTERFACE_DUPLICATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/address.h>

#include "kernel/interface/link.h"

#define ARCI_DUPLICATES_MAX 64u /* more are found, and not told apart */

struct arci_duplicate {
    int index; /* of the link */
    struct arctic_address address;
    uint8_t mac[ARCI_MAC_SIZE];
};

/* Zeros at first. */
struct arci_duplicates {
    bool listens;
    int fd; /* where it listens */
    struct arci_duplicate items[ARCI_DUPLICATES_MAX];
    size_t count;
    size_t next; /* place of the next one */
};

/* Listens from now on, where it does not yet. Without CAP_NET_RAW nothing is heard. */
void arci_duplicates_listen(struct arci_duplicates *duplicates);

/* Takes note of what was heard about addresses among `links` that the kernel has not found to be free. Never blocks. */
void arci_duplicates_read(struct arci_duplicates *duplicates, const struct arci_links *links);

/* Listens no more; what is known stays. */
void arci_duplicates_rest(struct arci_duplicates *duplicates);

/* The MAC address of the host that has `address` on the link; false where it was not heard. */
bool arci_duplicates_find(const struct arci_duplicates *duplicates, int index,
                          const struct arctic_address *address, uint8_t ret_mac[ARCI_MAC_SIZE]);

/*
 * Reads a frame without its Ethernet header. True where it is a neighbour advertisement, or a solicitation from a host that has no
 * address yet; *ret_address is the one that it is about.
 */
bool arci_duplicates_parse(const uint8_t *bytes, size_t length, struct arctic_address *ret_address);

#endif
