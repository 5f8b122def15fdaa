/* See link.h. */
#include "kernel/interface/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/macvlan.h>

#include "base/address.h"
#include "base/error.h"
#include "kernel/privilege.h"

#ifndef IFF_LOWER_UP
#define IFF_LOWER_UP 0x10000 /* <linux/if.h>, which does not go with <net/if.h> */
#endif

ARCI_DEFINE_CLEANUP(struct rtnl_link *, rtnl_link_put, link_cleanup)
ARCI_DEFINE_CLEANUP(struct rtnl_addr *, rtnl_addr_put, addr_cleanup)
ARCI_DEFINE_CLEANUP(struct nl_addr *, nl_addr_put, address_cleanup)
ARCI_DEFINE_CLEANUP(struct nl_cache *, nl_cache_free, cache_cleanup)

void arci_links_release(struct arci_links *links)
{
    free(links->items);
    free(links->addresses);
    *links = (struct arci_links){0};
}

static int fail_nl(struct arctic_error *error, int result, const char *what, const char *name)
{
    if (result == -NLE_PERM)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "%s '%s': missing capability CAP_NET_ADMIN: %s", what,
                         name, ARCI_PRIVILEGE_ADVICE);
    return arci_fail(error, result == -NLE_EXIST ? ARCTIC_E_ALREADY_EXISTS : ARCTIC_E_SYSTEM, NULL,
                     "%s '%s': %s", what, name, nl_geterror(result));
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

static void read_link(struct rtnl_link *object, struct arci_link *ret_link)
{
    struct nl_addr *mac = rtnl_link_get_addr(object);
    unsigned flags = rtnl_link_get_flags(object);
    const char *type = rtnl_link_get_type(object);
    struct arci_link link = {
        .index = rtnl_link_get_ifindex(object),
        .parent = rtnl_link_get_link(object),
        .master = rtnl_link_get_master(object),
        .mtu = rtnl_link_get_mtu(object),
        .ethernet = rtnl_link_get_arptype(object) == ARPHRD_ETHER,
        .macvlan = rtnl_link_is_macvlan(object) != 0,
        .vrf = type && strcmp(type, "vrf") == 0,
        .up = flags & IFF_UP,
        .neighbours = (flags & IFF_MULTICAST) && !(flags & IFF_NOARP),
        .carrier = flags & IFF_LOWER_UP,
    };
    copy_text(link.name, sizeof link.name, rtnl_link_get_name(object));
    copy_text(link.alias, sizeof link.alias, rtnl_link_get_ifalias(object));
    if (mac && nl_addr_get_len(mac) == sizeof link.mac)
        memcpy(link.mac, nl_addr_get_binary_addr(mac), sizeof link.mac);
    link.bridge_mode = link.macvlan && rtnl_link_macvlan_get_mode(object) == MACVLAN_MODE_BRIDGE;
    *ret_link = link;
}

/* False for an address of another family than IPv4 and IPv6. */
static bool read_address(struct rtnl_addr *object, struct arci_link_address *ret_address)
{
    struct nl_addr *local = rtnl_addr_get_local(object);
    struct arci_link_address address = {
        .index = rtnl_addr_get_ifindex(object),
        .valid = rtnl_addr_get_valid_lifetime(object),
        .flags = rtnl_addr_get_flags(object),
        .global = rtnl_addr_get_scope(object) == RT_SCOPE_UNIVERSE,
        .cidr.length = (uint8_t)rtnl_addr_get_prefixlen(object),
    };
    if (!local)
        return false;
    address.cidr.address.family = nl_addr_get_family(local) == AF_INET    ? ARCTIC_FAMILY_IPV4
                                  : nl_addr_get_family(local) == AF_INET6 ? ARCTIC_FAMILY_IPV6
                                                                          : ARCTIC_FAMILY_NONE;
    size_t size = arci_address_size(address.cidr.address.family);
    if (size == 0 || nl_addr_get_len(local) != size)
        return false;
    memcpy(address.cidr.address.bytes, nl_addr_get_binary_addr(local), size);
    *ret_address = address;
    return true;
}

static int read_links(struct nl_sock *socket, struct arci_links *links, struct arctic_error *error)
{
    ARCI_CLEANUP(cache_cleanup) struct nl_cache *cache = NULL;
    int result = rtnl_link_alloc_cache(socket, AF_UNSPEC, &cache);
    if (result < 0)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "cannot list the network interfaces: %s",
                         nl_geterror(result));
    links->items = calloc((size_t)nl_cache_nitems(cache) + 1, sizeof *links->items);
    if (!links->items)
        return arci_fail_memory(error);
    for (struct nl_object *object = nl_cache_get_first(cache); object; object = nl_cache_get_next(object))
        read_link((struct rtnl_link *)object, &links->items[links->count++]);
    return ARCTIC_OK;
}

static int read_addresses(struct nl_sock *socket, struct arci_links *links, struct arctic_error *error)
{
    ARCI_CLEANUP(cache_cleanup) struct nl_cache *cache = NULL;
    int result = rtnl_addr_alloc_cache(socket, &cache);
    if (result < 0)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "cannot list the addresses of this host: %s",
                         nl_geterror(result));
    links->addresses = calloc((size_t)nl_cache_nitems(cache) + 1, sizeof *links->addresses);
    if (!links->addresses)
        return arci_fail_memory(error);
    for (struct nl_object *object = nl_cache_get_first(cache); object; object = nl_cache_get_next(object)) {
        if (read_address((struct rtnl_addr *)object, &links->addresses[links->address_count]))
            links->address_count++;
    }
    return ARCTIC_OK;
}

int arci_links_read(struct nl_sock *socket, struct arci_links *ret_links, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_links_release) struct arci_links links = {0};
    int code = read_links(socket, &links, error);
    if (code >= 0)
        code = read_addresses(socket, &links, error);
    if (code < 0)
        return code;
    *ret_links = links;
    links = (struct arci_links){0};
    return ARCTIC_OK;
}

const struct arci_link *arci_links_by_index(const struct arci_links *links, int index)
{
    for (size_t i = 0; i < links->count; i++) {
        if (links->items[i].index == index)
            return &links->items[i];
    }
    return NULL;
}

const struct arci_link *arci_links_by_name(const struct arci_links *links, const char *name)
{
    for (size_t i = 0; i < links->count; i++) {
        if (strcmp(links->items[i].name, name) == 0)
            return &links->items[i];
    }
    return NULL;
}

bool arci_link_is_of_service(const struct arci_link *link)
{
    struct arctic_id id;
    return link->macvlan && arctic_id_parse(ARCTIC_ID_SERVICE, link->alias, &id, NULL) >= 0;
}

static bool set_mac(struct rtnl_link *link, const uint8_t *mac)
{
    ARCI_CLEANUP(address_cleanup) struct nl_addr *address = nl_addr_build(AF_LLC, mac, ARCI_MAC_SIZE);
    if (address)
        rtnl_link_set_addr(link, address);
    return address != NULL;
}

/*
 * Bridge mode: services' interfaces on one parent reach each other and each other's clients without a switch that sends frames back
 * where they came from, as vepa would need; private would cut them off, and passthru allows one interface on a parent.
 */
static int add_macvlan(struct nl_sock *socket, const char *name, const struct arci_link *parent,
                       const uint8_t *mac, struct arctic_error *error)
{
    ARCI_CLEANUP(link_cleanup) struct rtnl_link *link = rtnl_link_macvlan_alloc();
    if (!link || !set_mac(link, mac))
        return arci_fail_memory(error);
    rtnl_link_set_name(link, name);
    rtnl_link_set_link(link, parent->index);
    int result = rtnl_link_macvlan_set_mode(link, MACVLAN_MODE_BRIDGE);
    if (result >= 0)
        result = rtnl_link_add(socket, link, NLM_F_CREATE | NLM_F_EXCL);
    if (result == -NLE_BUSY)
        return arci_fail(
            error, ARCTIC_E_SYSTEM, NULL,
            "parent interface '%s' can carry no MACVLAN: it belongs to a bridge, a bond or the like "
            "(name that one with PARENT_INTERFACE)",
            parent->name);
    if (result == -NLE_INVAL) /* macvlan_common_newlink() */
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL,
                         "parent interface '%s' can carry no MACVLAN: one in passthru mode has it for itself "
                         "(delete that one, or name another parent with PARENT_INTERFACE)",
                         parent->name);
    if (result == -NLE_OPNOTSUPP)
        return arci_fail(
            error, ARCTIC_E_SYSTEM, NULL,
            "parent interface '%s' can carry no MACVLAN, or the kernel has none (CONFIG_MACVLAN)",
            parent->name);
    return result < 0 ? fail_nl(error, result, "cannot make the MACVLAN interface", name) : ARCTIC_OK;
}

int arci_link_make(struct nl_sock *socket, const char *name, const struct arci_link *parent,
                   const uint8_t mac[ARCI_MAC_SIZE], struct arci_link *ret_link, struct arctic_error *error)
{
    ARCI_CLEANUP(link_cleanup) struct rtnl_link *made = NULL;
    int code = add_macvlan(socket, name, parent, mac, error);
    if (code < 0)
        return code;
    int result = rtnl_link_get_kernel(socket, 0, name, &made);
    if (result < 0)
        return fail_nl(error, result, "cannot read the interface that was just made,", name);
    read_link(made, ret_link);
    return ARCTIC_OK;
}

int arci_link_delete(struct nl_sock *socket, const struct arci_link *link, struct arctic_error *error)
{
    ARCI_CLEANUP(link_cleanup) struct rtnl_link *object = rtnl_link_alloc();
    if (!object)
        return arci_fail_memory(error);
    rtnl_link_set_ifindex(object, link->index);
    int result = rtnl_link_delete(socket, object);
    if (result < 0 && result != -NLE_OBJ_NOTFOUND && result != -NLE_NODEV)
        return fail_nl(error, result, "cannot delete the interface", link->name);
    return ARCTIC_OK;
}

int arci_link_change(struct nl_sock *socket, const struct arci_link *link,
                     const struct arci_link_change *change, struct arctic_error *error)
{
    ARCI_CLEANUP(link_cleanup) struct rtnl_link *which = rtnl_link_alloc();
    ARCI_CLEANUP(link_cleanup) struct rtnl_link *wanted = rtnl_link_alloc();
    if (!which || !wanted || (change->mac && !set_mac(wanted, change->mac)))
        return arci_fail_memory(error);
    rtnl_link_set_ifindex(which, link->index);
    if (change->alias)
        rtnl_link_set_ifalias(wanted, change->alias);
    if (change->mtu)
        rtnl_link_set_mtu(wanted, change->mtu);
    if (change->up) {
        rtnl_link_set_flags(wanted, IFF_UP | IFF_MULTICAST);
        rtnl_link_unset_flags(wanted, IFF_NOARP);
    }
    int result = rtnl_link_change(socket, which, wanted, 0);
    return result < 0 ? fail_nl(error, result, "cannot set up the interface", link->name) : ARCTIC_OK;
}

static struct rtnl_addr *make_address(const struct arci_link *link, const struct arctic_cidr *cidr)
{
    int family = cidr->address.family == ARCTIC_FAMILY_IPV4 ? AF_INET : AF_INET6;
    ARCI_CLEANUP(addr_cleanup) struct rtnl_addr *object = rtnl_addr_alloc();
    ARCI_CLEANUP(address_cleanup)
    struct nl_addr *local =
        nl_addr_build(family, cidr->address.bytes, arci_address_size(cidr->address.family));
    if (!object || !local)
        return NULL;
    nl_addr_set_prefixlen(local, cidr->length);
    rtnl_addr_set_ifindex(object, link->index);
    if (rtnl_addr_set_local(object, local) < 0)
        return NULL;
    return arci_steal(object);
}

int arci_link_add_address(struct nl_sock *socket, const struct arci_link *link,
                          const struct arctic_cidr *cidr, uint32_t seconds, bool proven,
                          struct arctic_error *error)
{
    char text[ARCTIC_CIDR_TEXT];
    ARCI_CLEANUP(addr_cleanup) struct rtnl_addr *object = make_address(link, cidr);
    if (!object)
        return arci_fail_memory(error);
    rtnl_addr_set_flags(object, IFA_F_NOPREFIXROUTE | (proven ? IFA_F_NODAD : 0u));
    if (seconds) {
        rtnl_addr_set_valid_lifetime(object, seconds);
        rtnl_addr_set_preferred_lifetime(object, seconds);
    }
    int result = rtnl_addr_add(socket, object, NLM_F_CREATE | NLM_F_REPLACE);
    if (result < 0)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "cannot give '%s' the address %s: %s", link->name,
                         arctic_cidr_format(cidr, text), nl_geterror(result));
    return ARCTIC_OK;
}

int arci_link_delete_address(struct nl_sock *socket, const struct arci_link *link,
                             const struct arctic_cidr *cidr, struct arctic_error *error)
{
    char text[ARCTIC_CIDR_TEXT];
    ARCI_CLEANUP(addr_cleanup) struct rtnl_addr *object = make_address(link, cidr);
    if (!object)
        return arci_fail_memory(error);
    int result = rtnl_addr_delete(socket, object, 0);
    if (result < 0 && result != -NLE_OBJ_NOTFOUND && result != -NLE_NOADDR)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "cannot take the address %s from '%s': %s",
                         arctic_cidr_format(cidr, text), link->name, nl_geterror(result));
    return ARCTIC_OK;
}
