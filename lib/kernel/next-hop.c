/* RTM_GETROUTE without a dump: the kernel looks one destination up (rtnetlink(7)). */
#include "kernel/next-hop.h"

#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/error.h"

ARCI_DEFINE_CLEANUP(struct nl_sock *, nl_socket_free, nl_socket_cleanup)
ARCI_DEFINE_CLEANUP(struct nl_msg *, nlmsg_free, message_cleanup)

static struct arctic_address read_address(int family, const void *bytes, int size)
{
    struct arctic_address address = {.family = family == AF_INET ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_IPV6};
    if ((family != AF_INET && family != AF_INET6) || size < (int)arci_address_size(address.family))
        return (struct arctic_address){0};
    memcpy(address.bytes, bytes, arci_address_size(address.family));
    return address;
}

/* A router of IPv6 may lead to IPv4 (RTA_VIA). */
static int on_route(struct nl_msg *message, void *argument)
{
    struct arctic_address *router = argument;
    const struct rtmsg *route = nlmsg_data(nlmsg_hdr(message));
    struct nlattr *attributes[RTA_MAX + 1];
    if (nlmsg_parse(nlmsg_hdr(message), sizeof *route, attributes, RTA_MAX, NULL) < 0)
        return NL_SKIP;
    if (attributes[RTA_GATEWAY]) {
        *router = read_address(route->rtm_family, nla_data(attributes[RTA_GATEWAY]),
                               nla_len(attributes[RTA_GATEWAY]));
    } else if (attributes[RTA_VIA] && nla_len(attributes[RTA_VIA]) > (int)sizeof(struct rtvia)) {
        const struct rtvia *via = nla_data(attributes[RTA_VIA]);
        *router = read_address(via->rtvia_family, via->rtvia_addr,
                               nla_len(attributes[RTA_VIA]) - (int)sizeof(struct rtvia));
    }
    return NL_OK;
}

static struct nl_msg *make_question(const struct arctic_address *destination, uint32_t mark)
{
    ARCI_CLEANUP(message_cleanup) struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, 0);
    int size = (int)arci_address_size(destination->family);
    struct rtmsg header = {.rtm_family = destination->family == ARCTIC_FAMILY_IPV4 ? AF_INET : AF_INET6,
                           .rtm_dst_len = (unsigned char)(size * 8)};
    if (!message || nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO) < 0 ||
        nla_put(message, RTA_DST, size, destination->bytes) < 0 ||
        (mark != 0 && nla_put_u32(message, RTA_MARK, mark) < 0))
        return NULL;
    return arci_steal(message);
}

int arci_next_hop_find(const struct arctic_address *destination, uint32_t mark,
                       struct arctic_address *ret_router, struct arctic_error *error)
{
    struct arctic_address router = {0};
    ARCI_CLEANUP(nl_socket_cleanup) struct nl_sock *socket = nl_socket_alloc();
    ARCI_CLEANUP(message_cleanup) struct nl_msg *question = make_question(destination, mark);
    if (!socket || !question)
        return arci_fail_memory(error);
    nl_socket_disable_auto_ack(socket);
    int result = nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, on_route, &router);
    if (result >= 0)
        result = nl_connect(socket, NETLINK_ROUTE);
    if (result >= 0)
        result = nl_send_auto(socket, question);
    if (result >= 0)
        result = nl_recvmsgs_default(socket);
    if (result < 0)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "cannot look a route up: %s", nl_geterror(result));
    *ret_router = router;
    return ARCTIC_OK;
}
