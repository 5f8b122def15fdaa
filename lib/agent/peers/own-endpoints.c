/* Addresses of this host that others may use. */
#include "agent/peers/own-endpoints.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"

static bool is_unspecified(const struct arctic_address *address)
{
    static const struct arctic_address any4 = {.family = ARCTIC_FAMILY_IPV4};
    static const struct arctic_address any6 = {.family = ARCTIC_FAMILY_IPV6};
    return arctic_address_compare(address, &any4) == 0 || arctic_address_compare(address, &any6) == 0;
}

bool arci_own_endpoints_is_of_use(const struct arctic_address *address)
{
    const uint8_t *bytes = address->bytes;
    if (address->family == ARCTIC_FAMILY_IPV4)
        return bytes[0] != 127 && bytes[0] < 224 && !(bytes[0] == 169 && bytes[1] == 254);
    static const struct arctic_address loopback = {.family = ARCTIC_FAMILY_IPV6, .bytes = {[15] = 1}};
    return !(bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80) && bytes[0] != 0xff &&
           arctic_address_compare(address, &loopback) != 0;
}

static void add_family(const struct arctic_agent *agent, const struct arci_host_addresses *host,
                       uint8_t family, struct arci_peer_live *live)
{
    for (size_t i = 0; i < host->own.count && live->endpoint_count < ARCI_PEER_ENDPOINTS_MAX; i++) {
        const struct arctic_address *address = &host->own.items[i];
        if (address->family == family && arci_own_endpoints_is_of_use(address))
            live->endpoints[live->endpoint_count++] = (struct arctic_endpoint){*address, agent->tunnel_port};
    }
}

void arci_own_endpoints(struct arctic_agent *agent, struct arci_peer_live *live)
{
    const struct arci_host_addresses *host = arci_own_addresses(&agent->own_addresses);
    struct arctic_endpoint api = arci_http_server_endpoint(agent->api);
    live->endpoint_count = 0;
    add_family(agent, host, ARCTIC_FAMILY_IPV4, live);
    add_family(agent, host, ARCTIC_FAMILY_IPV6, live);
    if (is_unspecified(&api.address) && live->endpoint_count > 0)
        api.address = live->endpoints[0].address;
    live->address[0] = '\0';
    if (!is_unspecified(&api.address))
        arctic_endpoint_format(&api, live->address);
    if (agent->tunnel_port == 0)
        live->endpoint_count = 0;
}

void arci_own_endpoints_describe(struct arctic_agent *agent, struct arci_peer *peer)
{
    struct arci_peer_live live = {.endpoint_count = 0};
    arci_own_endpoints(agent, &live);
    memset(peer->addresses, 0, sizeof peer->addresses);
    for (size_t i = 0; i < live.endpoint_count; i++)
        peer->addresses[i] = live.endpoints[i].address;
    peer->address_count = live.endpoint_count;
}
