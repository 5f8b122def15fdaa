/* See own-addresses.h. */
#include "proxy/own-addresses.h"

#include <ifaddrs.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/time.h"

#define KEEP_MS 5000

static bool collect(const struct ifaddrs *list, struct arci_address_set *ret_set)
{
    size_t count = 0;
    for (const struct ifaddrs *item = list; item; item = item->ifa_next)
        count++;
    struct arctic_address *items = calloc(count + 1, sizeof *items);
    if (!items)
        return false;
    *ret_set = (struct arci_address_set){.items = items};
    for (const struct ifaddrs *item = list; item; item = item->ifa_next) {
        if (!item->ifa_addr)
            continue;
        struct arctic_address address = arci_endpoint_from_sockaddr(item->ifa_addr).address;
        if (address.family != ARCTIC_FAMILY_NONE)
            items[ret_set->count++] = address;
    }
    return true;
}

const struct arci_address_set *arci_own_addresses(struct arci_own_addresses *own)
{
    struct ifaddrs *list;
    struct arci_address_set set;
    int64_t now = arci_time_monotonic();
    if (own->read_at != 0 && now - own->read_at < KEEP_MS)
        return &own->set;
    if (getifaddrs(&list) < 0)
        return &own->set;
    if (collect(list, &set)) {
        free(own->set.items);
        own->set = set;
        own->read_at = now;
    }
    freeifaddrs(list);
    return &own->set;
}

void arci_own_addresses_release(struct arci_own_addresses *own)
{
    free(own->set.items);
    *own = (struct arci_own_addresses){0};
}
