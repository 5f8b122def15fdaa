/* See policy.h. */
#include "proxy/policy.h"

#include <string.h>

struct network {
    uint8_t family;
    uint8_t length;
    uint8_t bytes[16];
    const char *name;
};

static const struct network closed_networks[] = {
    {ARCTIC_FAMILY_IPV4, 8, {0}, "an address of this network (0.0.0.0/8)"},
    {ARCTIC_FAMILY_IPV4, 8, {127}, "a loopback address"},
    {ARCTIC_FAMILY_IPV4, 16, {169, 254}, "a link-local address"},
    {ARCTIC_FAMILY_IPV4, 4, {224}, "a multicast address"},
    {ARCTIC_FAMILY_IPV4, 32, {255, 255, 255, 255}, "the broadcast address"},
    {ARCTIC_FAMILY_IPV6, 10, {0xfe, 0x80}, "a link-local address"},
    {ARCTIC_FAMILY_IPV6, 8, {0xff}, "a multicast address"},
    {ARCTIC_FAMILY_IPV6, 128, {[15] = 1}, "a loopback address"},
    /* ::, and the old and the mapped way of writing IPv4, which the rules for IPv4 would not see (RFC 4291 section 2.5.5) */
    {ARCTIC_FAMILY_IPV6, 96, {0}, "an IPv4-compatible or unspecified address"},
    {ARCTIC_FAMILY_IPV6, 96, {[10] = 0xff, [11] = 0xff}, "an IPv4-mapped address"},
};

static bool in_network(const struct network *network, const struct arctic_address *address)
{
    struct arctic_cidr cidr = {.address.family = network->family, .length = network->length};
    memcpy(cidr.address.bytes, network->bytes, sizeof network->bytes);
    return arctic_cidr_contains(&cidr, address);
}

static bool is_allowed(const struct arci_exit_policy *policy, const struct arctic_address *address)
{
    for (size_t i = 0; i < policy->allowed_count; i++) {
        if (arctic_cidr_contains(&policy->allowed[i], address))
            return true;
    }
    return false;
}

static bool contains(const struct arci_address_set *set, const struct arctic_address *address)
{
    for (size_t i = 0; i < set->count; i++) {
        if (arctic_address_compare(&set->items[i], address) == 0)
            return true;
    }
    return false;
}

static bool is_own_port(const struct arci_exit_policy *policy, uint16_t port)
{
    for (size_t i = 0; i < policy->own_port_count; i++) {
        if (policy->own_ports[i] == port)
            return true;
    }
    return false;
}

/* NULL: in none. */
static const char *closed_network_of(const struct arctic_address *address)
{
    for (size_t i = 0; i < sizeof closed_networks / sizeof closed_networks[0]; i++) {
        if (in_network(&closed_networks[i], address))
            return closed_networks[i].name;
    }
    return NULL;
}

const char *arci_policy_forbids(const struct arci_exit_policy *policy, const struct arci_host_addresses *host,
                                const struct arctic_endpoint *destination)
{
    if (destination->port == 0)
        return "port 0";
    if (is_allowed(policy, &destination->address))
        return NULL;
    const char *closed = closed_network_of(&destination->address);
    if (closed)
        return closed;
    if (contains(&host->broadcast, &destination->address))
        return "a broadcast address";
    if (is_own_port(policy, destination->port) && contains(&host->own, &destination->address))
        return "a port of the agent itself";
    return NULL;
}

bool arci_policy_is_loop(const struct arctic_endpoint *peer_endpoints, size_t count,
                         const struct arctic_address *source)
{
    for (size_t i = 0; i < count; i++) {
        if (arctic_address_compare(&peer_endpoints[i].address, source) == 0)
            return true;
    }
    return false;
}

bool arci_policy_is_own(const struct arci_host_addresses *host, const struct arctic_address *client)
{
    return contains(&host->own, client);
}

const char *arci_policy_forbids_client(const struct arci_host_addresses *host,
                                       const struct arctic_address *client)
{
    const char *closed = closed_network_of(client);
    if (!closed && contains(&host->broadcast, client))
        closed = "a broadcast address";
    return closed;
}

bool arci_policy_has_ipv6(const struct arci_host_addresses *host)
{
    for (size_t i = 0; i < host->own.count; i++) {
        const struct arctic_address *address = &host->own.items[i];
        if (address->family == ARCTIC_FAMILY_IPV6 && !closed_network_of(address))
            return true;
    }
    return false;
}
