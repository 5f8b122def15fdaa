/* What a flow may do, apart from its routes: pure functions over addresses. */
#ifndef ARCI_PROXY_POLICY_H
#define ARCI_PROXY_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include <arctic/address.h>

#define ARCI_EXIT_ALLOWED_MAX 64
#define ARCI_EXIT_PORTS_MAX 8

struct arci_exit_policy {
    struct arctic_cidr
        allowed[ARCI_EXIT_ALLOWED_MAX]; /* destinations that an operator opens in spite of the rules below */
    size_t allowed_count;
    uint16_t own_ports[ARCI_EXIT_PORTS_MAX]; /* of this agent (API, tunnel), closed on its own addresses */
    size_t own_port_count;
};

struct arci_address_set {
    struct arctic_address *items;
    size_t count;
};

/* What the host knows of its own interfaces. */
struct arci_host_addresses {
    struct arci_address_set own;
    struct arci_address_set broadcast; /* of the networks it is in */
};

/*
 * Why an exit must not connect to a destination; NULL when it may. Closed are: port 0, the unspecified network, loopback,
 * link-local, multicast and broadcast addresses, addresses of IPv6 that stand for one of IPv4, and the agent's own ports on the
 * host's addresses.
 */
const char *arci_policy_forbids(const struct arci_exit_policy *policy, const struct arci_host_addresses *host,
                                const struct arctic_endpoint *destination);

/* Whether a captured flow comes back from where it would be sent: its source is an address of the target peer. */
bool arci_policy_is_loop(const struct arctic_endpoint *peer_endpoints, size_t count,
                         const struct arctic_address *source);

/*
 * The same, as the exit sees it, which knows all of its addresses: the flow's client is the exit itself, so that the entry has
 * captured a connection that the exit had made.
 */
bool arci_policy_is_own(const struct arci_host_addresses *host, const struct arctic_address *client);

/*
 * Why an exit must not bear a client's address, whatever its service covers; NULL when it may. Closed are the networks that are closed
 * as destinations too, and broadcast addresses; the host's own addresses are arci_policy_is_own()'s.
 */
const char *arci_policy_forbids_client(const struct arci_host_addresses *host,
                                       const struct arctic_address *client);

/* Whether a host has a global address of IPv6. */
bool arci_policy_has_ipv6(const struct arci_host_addresses *host);

#endif
