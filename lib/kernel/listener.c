/* Transparent TCP listeners on the loopback addresses, which is where the capture chains send connections. */
#include "kernel/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/error.h"

#define PORT_TRIES 32 /* for a free port that is free in both families */

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value);
}

static int prepare(int fd, int family, bool shared, uint32_t mark)
{
    if (set(fd, SOL_SOCKET, SO_MARK, (int)mark) < 0)
        return -1;
    /* A listener that others can not join still follows itself at once after a restart. */
    if (set(fd, SOL_SOCKET, shared ? SO_REUSEPORT : SO_REUSEADDR, 1) < 0)
        return -1;
    if (family == AF_INET)
        return set(fd, SOL_IP, IP_TRANSPARENT, 1) < 0 ? -1 : set(fd, SOL_IP, IP_PKTINFO, 1);
    if (set(fd, SOL_IPV6, IPV6_V6ONLY, 1) < 0 || set(fd, SOL_IPV6, IPV6_TRANSPARENT, 1) < 0)
        return -1;
    return set(fd, SOL_IPV6, IPV6_RECVPKTINFO, 1);
}

static socklen_t loopback(int family, uint16_t port, struct sockaddr_storage *ret_address)
{
    struct arctic_endpoint endpoint = {.port = port};
    endpoint.address.family = family == AF_INET ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_IPV6;
    if (family == AF_INET)
        endpoint.address.bytes[0] = 127;
    endpoint.address.bytes[family == AF_INET ? 3 : 15] = 1;
    return arci_endpoint_to_sockaddr(&endpoint, ret_address);
}

/* Returns a descriptor, or -1 with errno. */
static int open_one(int family, uint16_t port, bool shared, uint32_t mark)
{
    struct sockaddr_storage address;
    socklen_t length = loopback(family, port, &address);
    ARCI_CLOSE int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || prepare(fd, family, shared, mark) < 0)
        return -1;
    if (bind(fd, (const struct sockaddr *)&address, length) < 0 || listen(fd, SOMAXCONN) < 0)
        return -1;
    return arci_steal_fd(&fd);
}

static int port_of(int fd, uint16_t *ret_port)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return -1;
    *ret_port = arci_endpoint_from_sockaddr((const struct sockaddr *)&address).port;
    return 0;
}

/* As open_one() for both families; 0, or -1 with errno. */
static int open_both(uint16_t port, bool shared, uint32_t mark, struct arci_listeners *ret_listeners)
{
    struct arci_listeners listeners = {.ipv6 = -1};
    ARCI_CLOSE int ipv4 = open_one(AF_INET, port, shared, mark);
    if (ipv4 < 0 || port_of(ipv4, &listeners.port) < 0)
        return -1;
    listeners.ipv6 = open_one(AF_INET6, listeners.port, shared, mark);
    if (listeners.ipv6 < 0 && errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)
        return -1;
    listeners.ipv4 = arci_steal_fd(&ipv4);
    *ret_listeners = listeners;
    return 0;
}

int arci_listeners_open(uint16_t port, bool shared, uint32_t mark, struct arci_listeners *ret_listeners,
                        struct arctic_error *error)
{
    for (int i = 0; i < PORT_TRIES; i++) {
        if (open_both(port, shared, mark, ret_listeners) == 0)
            return ARCTIC_OK;
        if (port != 0 || errno != EADDRINUSE)
            break;
    }
    return arci_fail_errno(error, "cannot listen on port %u of 127.0.0.1 and ::1 for captured connections",
                           port);
}

void arci_listeners_close(struct arci_listeners *listeners)
{
    if (listeners->ipv4 >= 0)
        close(listeners->ipv4);
    if (listeners->ipv6 >= 0)
        close(listeners->ipv6);
    *listeners = (struct arci_listeners){.ipv4 = -1, .ipv6 = -1};
}
