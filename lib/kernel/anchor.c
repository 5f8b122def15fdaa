/* TUN device without traffic. */
#include "kernel/anchor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <netlink/route/link.h>
#include <netlink/route/link/inet6.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/privilege.h"

#ifndef IFF_TUN_EXCL
#define IFF_TUN_EXCL 0x8000
#endif

ARCI_DEFINE_CLEANUP(struct nl_sock *, nl_socket_free, nl_socket_cleanup)
ARCI_DEFINE_CLEANUP(struct rtnl_link *, rtnl_link_put, link_cleanup)

static int open_device(const char *name, int *ret_fd, struct arctic_error *error)
{
    ARCI_CLOSE int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == EACCES)
        return arci_fail_errno(
            error, "cannot open /dev/net/tun (let the agent's user read and write it, as udev does: chmod "
                   "666 /dev/net/tun; what is made with it takes CAP_NET_ADMIN all the same)");
    if (fd < 0)
        return arci_fail_errno(
            error, "cannot open /dev/net/tun (load its kernel module with 'modprobe tun', or give "
                   "the agent the device; containers: --device /dev/net/tun)");
    struct ifreq request = {.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | IFF_TUN_EXCL)};
    memcpy(request.ifr_name, name, strlen(name));
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        if (errno == EBUSY || errno == EEXIST || errno == EINVAL)
            return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, NULL,
                             "interface '%s' is there already: another agent runs in this network namespace, "
                             "or the name is "
                             "in use for something else",
                             name);
        if (errno == EPERM)
            return arci_fail_errno(error,
                                   "cannot make the TUN interface '%s' (CAP_NET_ADMIN counts only in network "
                                   "namespaces of the agent's own user namespace: " ARCI_PRIVILEGE_ADVICE ")",
                                   name);
        return arci_fail_errno(error, "cannot make the TUN interface '%s'", name);
    }
    *ret_fd = arci_steal_fd(&fd);
    return ARCTIC_OK;
}

static int open_ipv6_setting(const char *name, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", name);
    return open(path, flags | O_CLOEXEC);
}

/*
 * The setting is gone where the MTU was made less than 1280 for a moment (addrconf_notify()), or the kernel has no IPv6. Other failures,
 * such as a lack of descriptors, say nothing about the device.
 */
static bool has_ipv6(const char *name)
{
    char value = '0';
    ARCI_CLOSE int fd = open_ipv6_setting(name, O_RDONLY);
    if (fd < 0)
        return errno != ENOENT;
    return read(fd, &value, 1) != 1 || value == '0';
}

/*
 * Where IPv6 is off by default it is off on new interfaces too, and these take no routes. On this one it leads to
 * nobody, so that it may be on.
 */
static void allow_ipv6(const char *name)
{
    ARCI_CLOSE int fd = open_ipv6_setting(name, O_WRONLY);
    if (fd >= 0 && write(fd, "0", 1) != 1)
        return; /* the routes will say so */
}

/* No link-local address: IPv6 would announce itself on a device that nobody reads. */
static int put_up(unsigned index, const char *name, struct arctic_error *error)
{
    ARCI_CLEANUP(nl_socket_cleanup) struct nl_sock *socket = nl_socket_alloc();
    ARCI_CLEANUP(link_cleanup) struct rtnl_link *link = rtnl_link_alloc();
    ARCI_CLEANUP(link_cleanup) struct rtnl_link *quiet = rtnl_link_alloc();
    ARCI_CLEANUP(link_cleanup) struct rtnl_link *up = rtnl_link_alloc();
    if (!socket || !link || !quiet || !up)
        return arci_fail_memory(error);
    rtnl_link_set_ifindex(link, (int)index);
    rtnl_link_set_ifalias(up, ARCI_ANCHOR_ALIAS);
    rtnl_link_set_flags(up, IFF_UP);
    int result = nl_connect(socket, NETLINK_ROUTE);
    if (result >= 0 && rtnl_link_inet6_set_addr_gen_mode(quiet, IN6_ADDR_GEN_MODE_NONE) >= 0)
        (void)rtnl_link_change(socket, link, quiet, 0); /* fails where IPv6 is off */
    if (result >= 0)
        result = rtnl_link_change(socket, link, up, 0);
    if (result < 0)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "cannot put up interface '%s': %s", name,
                         nl_geterror(result));
    return ARCTIC_OK;
}

int arci_anchor_open(const char *name, struct arci_anchor *ret_anchor, struct arctic_error *error)
{
    if (name[0] == '\0' || strlen(name) >= IF_NAMESIZE)
        return arci_fail(error, ARCTIC_E_USAGE, "anchor_name", "'%s' can not be the name of an interface",
                         name);
    ARCI_CLOSE int fd = -1;
    ARCI_CLOSE int look_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (look_fd < 0)
        return arci_fail_errno(error, "cannot make a socket to look at interface '%s'", name);
    int code = open_device(name, &fd, error);
    if (code < 0)
        return code;
    unsigned index = if_nametoindex(name);
    if (index == 0)
        return arci_fail_errno(error, "interface '%s' is gone again", name);
    allow_ipv6(name);
    code = put_up(index, name, error);
    if (code < 0)
        return code;
    struct arci_anchor anchor = {
        .fd = arci_steal_fd(&fd), .look_fd = arci_steal_fd(&look_fd), .index = index, .ipv6 = has_ipv6(name)};
    memcpy(anchor.name, name, strlen(name)); /* which may be ret_anchor->name */
    *ret_anchor = anchor;
    return ARCTIC_OK;
}

bool arci_anchor_alive(const struct arci_anchor *anchor)
{
    struct ifreq request = {.ifr_flags = 0};
    memcpy(request.ifr_name, anchor->name, sizeof request.ifr_name);
    if (anchor->fd < 0 || ioctl(anchor->look_fd, SIOCGIFINDEX, &request) < 0 ||
        request.ifr_ifindex != (int)anchor->index)
        return false;
    if (ioctl(anchor->look_fd, SIOCGIFFLAGS, &request) < 0 || !(request.ifr_flags & IFF_UP))
        return false;
    return !anchor->ipv6 || has_ipv6(anchor->name);
}

void arci_anchor_close(struct arci_anchor *anchor)
{
    if (anchor->fd >= 0) {
        close(anchor->fd);
        close(anchor->look_fd);
    }
    anchor->fd = -1;
    anchor->index = 0;
}
