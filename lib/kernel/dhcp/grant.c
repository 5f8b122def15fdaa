/* Reading a grant out of a reply. */
#include "kernel/dhcp/grant.h"

#include <string.h>

#include "kernel/dhcp/ipv4.h"

/* Seconds: what the shortest lease has. Sooner ones would have the client and the server talk all the time. */
#define RENEWAL_MIN 5
#define REBINDING_MIN 8

static void copy_addresses(const uint32_t *from, size_t count, struct arctic_address *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = arci_ipv4_address(from[i]);
}

static void read_lease(const struct arci_dhcp_reply *reply, struct arci_dhcp_lease *lease)
{
    lease->address = arci_ipv4_address(reply->address);
    lease->server = arci_ipv4_address(reply->server);
    lease->router_count = reply->router_count;
    lease->dns_count = reply->dns_count;
    copy_addresses(reply->routers, reply->router_count, lease->routers);
    copy_addresses(reply->dns, reply->dns_count, lease->dns);
    memcpy(lease->domain, reply->domain, sizeof lease->domain);
}

/*
 * RFC 2131 section 4.4.5: half and seven eighths of the duration, unless the server names others, which have to be in order. Products are of
 * 64 bits: durations have 32.
 */
static void read_times(const struct arci_dhcp_reply *reply, uint32_t scatter, struct arci_dhcp_grant *grant)
{
    uint32_t duration = grant->duration;
    grant->renew_after = duration / 2 - scatter % (duration / 32 + 1);
    grant->rebind_after = (uint32_t)((uint64_t)duration * 7 / 8);
    if (duration == ARCI_DHCP_DURATION_FOREVER) {
        grant->renew_after = grant->rebind_after = duration;
        return;
    }
    if (reply->has_rebinding_time && reply->rebinding_time < duration &&
        reply->rebinding_time >= REBINDING_MIN)
        grant->rebind_after = reply->rebinding_time;
    if (reply->has_renewal_time && reply->renewal_time < grant->rebind_after &&
        reply->renewal_time >= RENEWAL_MIN)
        grant->renew_after = reply->renewal_time;
    if (grant->renew_after >= grant->rebind_after)
        grant->renew_after = grant->rebind_after / 2;
}

const char *arci_dhcp_grant_read(const struct arci_dhcp_reply *reply, uint32_t scatter,
                                 struct arci_dhcp_grant *ret_grant)
{
    struct arci_dhcp_grant grant = {.duration = reply->lease_time, .lease = {.prefix_length = 32}};
    read_lease(reply, &grant.lease);
    /*
     * Without a mask the address is taken for itself: it brings no route, so that nothing depends on the mask, and the classes of old, which
     * RFC 2131 would have us guess from, would be wrong nearly everywhere.
     */
    if (reply->has_mask && !arci_ipv4_mask_length(reply->mask, &grant.lease.prefix_length))
        return "its network mask has holes";
    const char *fault = arci_dhcp_lease_fault(&grant.lease);
    if (fault)
        return fault;
    if (!reply->has_lease_time)
        return "it says not for how long";
    if (grant.duration < ARCI_DHCP_DURATION_MIN)
        return "it is for less than 10 s";
    read_times(reply, scatter, &grant);
    *ret_grant = grant;
    return NULL;
}
