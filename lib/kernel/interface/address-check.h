/*
 * Whether another host on the link has an IPv4 address that was given to an interface by hand (RFC 5227): probes before it is used,
 * announcements when it begins to be, a watch over it afterwards. For any event loop: a descriptor, a deadline, and calls that never
 * block. One object belongs to one thread at a time. Needs CAP_NET_RAW. `now` is arci_time_monotonic(), milliseconds.
 */
#ifndef ARCI_KERNEL_INTERFACE_ADDRESS_CHECK_H
#define ARCI_KERNEL_INTERFACE_ADDRESS_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/address.h>

#include "base/cleanup.h"
#include "kernel/interface/name.h"

enum arci_address_state {
    ARCI_ADDRESS_CHECKING,
    ARCI_ADDRESS_FREE,
    ARCI_ADDRESS_TAKEN, /* another host, or another interface of this one, has it: not to be used; it is looked again every 30 s */
    ARCI_ADDRESS_CONTESTED /* in use here, and another host has claimed it within the last minute */
};

struct arci_address_check_options {
    int interface_index;
    const char *interface; /* its name, for messages */
    uint8_t mac[ARCI_MAC_SIZE];
    struct arctic_address address; /* IPv4 */
    bool in_use;   /* it is in use here already, and stays so: FREE from the first, or CONTESTED */
    uint32_t unit; /* milliseconds for the RFC's second: a check takes 4 to 7 of them */
};

struct arci_address_check;

/* Errors: ARCTIC_E_USAGE (no IPv4), ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_address_check_start(const struct arci_address_check_options *options,
                             struct arci_address_check **ret_check, struct arctic_error *error);

/* NULL is allowed. */
void arci_address_check_free(struct arci_address_check *check);

ARCI_DEFINE_CLEANUP(struct arci_address_check *, arci_address_check_free, arci_address_check_cleanup)

/* The same for the object's life; when it is readable, arci_address_check_read() is due. */
int arci_address_check_fd(const struct arci_address_check *check);

/* When arci_address_check_tick() is due; INT64_MAX: never. Ask again after each call below. */
int64_t arci_address_check_deadline(const struct arci_address_check *check);

/* Both return whether the state has changed. */
bool arci_address_check_read(struct arci_address_check *check, int64_t now);
bool arci_address_check_tick(struct arci_address_check *check, int64_t now);

enum arci_address_state arci_address_check_state(const struct arci_address_check *check);

/* Who has the address, for people, where the state is TAKEN or CONTESTED: a MAC address, or that this host has it, and on which interface. */
const char *arci_address_check_holder(const struct arci_address_check *check);

#endif
