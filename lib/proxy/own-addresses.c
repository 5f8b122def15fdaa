/* See own-addresses.h. */
#include "proxy/own-addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/time.h"

#define KEEP_MS 5000

static void release(struct arci_host_addresses *host)
{
    free(host->own.items);
    free(host->broadcast.items);
    *host = (struct arci_host_addresses){0};
}

static void add(struct arci_address_set *set, const struct sockaddr *socket_address)
{
    if (!socket_address)
        return;
    struct arctic_address address = arci_endpoint_from_sockaddr(socket_address).address;
    if (address.family != ARCTIC_FAMILY_NONE)
        set->items[set->count++] = address;
}

/* From the mask, as the kernel's routes have it: the address need not have been given a broadcast address of its own. */
static void add_broadcast(struct arci_address_set *set, const struct ifaddrs *item)
{
    if (!item->ifa_addr || !item->ifa_netmask || item->ifa_addr->sa_family != AF_INET)
        return;
    struct sockaddr_in address, mask;
    memcpy(&address, item->ifa_addr, sizeof address);
    memcpy(&mask, item->ifa_netmask, sizeof mask);
    uint32_t hosts = ~ntohl(mask.sin_addr.s_addr);
    if (hosts <= 1)
        return;
    address.sin_addr.s_addr |= htonl(hosts);
    add(set, (const struct sockaddr *)&address);
}

static bool collect(const struct ifaddrs *list, struct arci_host_addresses *ret_host)
{
    size_t count = 0;
    for (const struct ifaddrs *item = list; item; item = item->ifa_next)
        count++;
    struct arci_host_addresses host = {.own.items = calloc(count + 1, sizeof *host.own.items),
                                       .broadcast.items = calloc(count + 1, sizeof *host.broadcast.items)};
    if (!host.own.items || !host.broadcast.items) {
        release(&host);
        return false;
    }
    for (const struct ifaddrs *item = list; item; item = item->ifa_next) {
        add(&host.own, item->ifa_addr);
        if (item->ifa_flags & IFF_BROADCAST)
            add_broadcast(&host.broadcast, item);
    }
    *ret_host = host;
    return true;
}

const struct arci_host_addresses *arci_own_addresses(struct arci_own_addresses *own)
{
    struct ifaddrs *list;
    struct arci_host_addresses host;
    int64_t now = arci_time_monotonic();
    if (own->read_at != 0 && now - own->read_at < KEEP_MS)
        return &own->host;
    if (getifaddrs(&list) < 0)
        return &own->host;
    if (collect(list, &host)) {
        release(&own->host);
        own->host = host;
        own->read_at = now;
    }
    freeifaddrs(list);
    return &own->host;
}

void arci_own_addresses_release(struct arci_own_addresses *own)
{
    release(&own->host);
    own->read_at = 0;
}
