/*
 * Ingress interface from the packet options that the kernel keeps for an accepted socket (ip(7), ipv6(7),
 * RFC 2292 section 8).
 */
#include "kernel/ingress.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/error.h"

#ifndef IPV6_2292PKTOPTIONS
#define IPV6_2292PKTOPTIONS 6
#endif

/* Returns 0 where the options tell none. */
static unsigned interface_index(void *options, size_t size)
{
    struct msghdr message = {.msg_control = options, .msg_controllen = size};
    for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
        struct in_pktinfo ipv4;
        struct in6_pktinfo ipv6;
        if (item->cmsg_level == SOL_IP && item->cmsg_type == IP_PKTINFO &&
            item->cmsg_len >= CMSG_LEN(sizeof ipv4)) {
            memcpy(&ipv4, CMSG_DATA(item), sizeof ipv4);
            return (unsigned)ipv4.ipi_ifindex;
        }
        if (item->cmsg_level == SOL_IPV6 && item->cmsg_type == IPV6_PKTINFO &&
            item->cmsg_len >= CMSG_LEN(sizeof ipv6)) {
            memcpy(&ipv6, CMSG_DATA(item), sizeof ipv6);
            return ipv6.ipi6_ifindex;
        }
    }
    return 0;
}

/* With packet options on, an IPv6 socket clones each packet that it receives (tcp_v6_do_rcv()). */
static void stop_options(int fd, int level, int option)
{
    int off = 0;
    (void)setsockopt(fd, level, option, &off, sizeof off);
}

/* By the connection itself: if_indextoname() makes a socket, for which there may be no descriptor. False where it is gone. */
static bool interface_name(int fd, unsigned index, char ret_name[IF_NAMESIZE])
{
    struct ifreq request = {.ifr_ifindex = (int)index};
    if (index == 0 || ioctl(fd, SIOCGIFNAME, &request) < 0)
        return false;
    memcpy(ret_name, request.ifr_name, IF_NAMESIZE);
    return true;
}

static int read_interface(int fd, int family, const char *anchor, char *ret_name, struct arctic_error *error)
{
    _Alignas(struct cmsghdr) char options[256];
    socklen_t size = sizeof options;
    bool ipv4 = family == AF_INET;
    if (getsockopt(fd, ipv4 ? SOL_IP : SOL_IPV6, ipv4 ? IP_PKTOPTIONS : IPV6_2292PKTOPTIONS, options, &size) <
        0)
        return arci_fail_errno(error, "cannot read where a connection came in");
    unsigned index = interface_index(options, size);
    stop_options(fd, ipv4 ? SOL_IP : SOL_IPV6, ipv4 ? IP_PKTINFO : IPV6_RECVPKTINFO);
    char name[IF_NAMESIZE] = "";
    if (!interface_name(fd, index, name))
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL,
                         "the interface with index %u, where a connection came in, is gone", index);
    memset(ret_name, 0, IF_NAMESIZE);
    /* The kernel takes it from the route (rt_iif), and the one to ourselves leads over the anchor. */
    if (strcmp(name, "lo") != 0 && strcmp(name, anchor) != 0)
        memcpy(ret_name, name, strlen(name));
    return ARCTIC_OK;
}

static bool is_loopback(const struct arctic_address *address)
{
    static const uint8_t one[16] = {[15] = 1};
    if (address->family == ARCTIC_FAMILY_IPV4)
        return address->bytes[0] == 127;
    return memcmp(address->bytes, one, sizeof one) == 0;
}

int arci_ingress_read(int fd, const char *anchor, struct arci_ingress *ret_ingress,
                      struct arctic_error *error)
{
    struct sockaddr_storage local;
    struct sockaddr_storage peer;
    socklen_t local_length = sizeof local;
    socklen_t peer_length = sizeof peer;
    if (getsockname(fd, (struct sockaddr *)&local, &local_length) < 0 ||
        getpeername(fd, (struct sockaddr *)&peer, &peer_length) < 0)
        return arci_fail_errno(error, "cannot read the addresses of a connection");
    struct arci_ingress ingress = {
        .source = arci_endpoint_from_sockaddr((const struct sockaddr *)&peer),
        .destination = arci_endpoint_from_sockaddr((const struct sockaddr *)&local),
    };
    /* Loopback is never captured: this one was made to the listener itself. */
    if (is_loopback(&ingress.destination.address))
        return arci_fail(error, ARCTIC_E_FORBIDDEN, NULL,
                         "a connection was made to the listener for captured connections");
    int code = read_interface(fd, local.ss_family, anchor, ingress.interface, error);
    if (code >= 0)
        *ret_ingress = ingress;
    return code;
}
