/* See host-address.h. */
#include "kernel/interface/host-address.h"

#include <ifaddrs.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/address.h"

static bool is_address(const struct ifaddrs *item, const struct arctic_address *address)
{
    if (!item->ifa_addr || (item->ifa_addr->sa_family != AF_INET && item->ifa_addr->sa_family != AF_INET6))
        return false;
    struct arctic_address other = arci_endpoint_from_sockaddr(item->ifa_addr).address;
    return arctic_address_compare(&other, address) == 0;
}

bool arci_host_has_address(const struct arctic_address *address, const char *interface,
                           char ret_name[ARCI_INTERFACE_NAME_SIZE])
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
        snprintf(ret_name, ARCI_INTERFACE_NAME_SIZE, "%s", found->ifa_name);
    freeifaddrs(list);
    return found != NULL;
}
