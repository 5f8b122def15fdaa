/* From a server's OFFER or ACK to a lease: what it grants, for how long, and why it would not be taken. */
#ifndef ARCI_KERNEL_DHCP_GRANT_H
#define ARCI_KERNEL_DHCP_GRANT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/dhcp/lease.h"
#include "kernel/dhcp/message.h"

/* Shorter ones would end before they have been checked and used. */
#define ARCI_DHCP_DURATION_MIN 10
#define ARCI_DHCP_DURATION_FOREVER UINT32_MAX /* RFC 2131 section 3.3 */

/* Durations are seconds from the request; all of them ARCI_DHCP_DURATION_FOREVER in a grant without an end. */
struct arci_dhcp_grant {
    struct arci_dhcp_lease lease; /* its times are not set */
    uint32_t duration;
    uint32_t renew_after;
    uint32_t rebind_after; /* renew_after < rebind_after < duration, but for those without an end */
};

/*
 * What a reply grants, and NULL; or why it can not be accepted, a clause for people. `scatter` (any number) moves the moment of renewal by up to a
 * 32nd of the duration where the server names none, so that those who were granted at once do not ask at once.
 */
const char *arci_dhcp_grant_read(const struct arci_dhcp_reply *reply, uint32_t scatter,
                                 struct arci_dhcp_grant *ret_grant);

/* Why no server can have granted this address, a clause for people; NULL: it can. */
const char *arci_dhcp_lease_fault(const struct arci_dhcp_lease *lease);

/* Whether the times of a lease are in order, and none beyond what can be counted with. */
bool arci_dhcp_lease_times_valid(const struct arci_dhcp_lease *lease);

#endif
