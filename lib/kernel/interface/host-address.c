/* See host-address.h. */
#include "kernel/interface/host-address.h"

#include <ifaddrs.h>
#include <string.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "base/address.h"

static bool is_address(const struct ifaddrs *item, const struct arctic_address *address)
{
    if (!item->ifa_addr || (item->ifa_addr->sa_family != AF_INET && item->ifa_addr->sa_family != AF_INET6))
        return false;
    struct arctic_address other = arci_endpoint_from_sockaddr(item->ifa_addr).address;
    return arctic_address_compare(&other, address) == 0;
}

static void find_mac(const struct ifaddrs *list, const char *interface, uint8_t ret_mac[ARCI_MAC_SIZE])
{
    memset(ret_mac, 0, ARCI_MAC_SIZE);
    for (const struct ifaddrs *item = list; item; item = item->ifa_next) {
        struct sockaddr_ll link;
        if (!item->ifa_addr || item->ifa_addr->sa_family != AF_PACKET ||
            strcmp(item->ifa_name, interface) != 0)
            continue;
        memcpy(&link, item->ifa_addr, sizeof link);
        if (link.sll_halen == ARCI_MAC_SIZE)
            memcpy(ret_mac, link.sll_addr, ARCI_MAC_SIZE);
        return;
    }
}

bool arci_host_has_address(const struct arctic_address *address, const char *interface,
                           uint8_t ret_mac[ARCI_MAC_SIZE])
{
    struct ifaddrs *list = NULL;
    const struct ifaddrs *found = NULL;
    if (getifaddrs(&list) < 0)
        return false;
    for (const struct ifaddrs *item = list; item && !found; item = item->ifa_next) {
        if (strcmp(item->ifa_name, interface) != 0 && is_address(item, address))
            found = item;
    }
    if (found)
        find_mac(list, found->ifa_name, ret_mac);
    freeifaddrs(list);
    return found != NULL;
}
