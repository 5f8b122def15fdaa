/* RTM_GETROUTE and RTM_GETNEIGH without a dump: the kernel looks one address up (rtnetlink(7)). */
#include "kernel/next-hop.h"

#include <string.h>
#include <sys/socket.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/error.h"

#define LINK_ADDRESS_MAX 32 /* MAX_ADDR_LEN of linux/netdevice.h */

struct link_address {
    uint8_t bytes[LINK_ADDRESS_MAX];
    size_t size; /* 0: not known */
};

ARCI_DEFINE_CLEANUP(struct nl_sock *, nl_socket_free, nl_socket_cleanup)
ARCI_DEFINE_CLEANUP(struct nl_msg *, nlmsg_free, message_cleanup)

static uint8_t socket_family(const struct arctic_address *address)
{
    return address->family == ARCTIC_FAMILY_IPV4 ? AF_INET : AF_INET6;
}

/* Sends a question that has one answer, for `visit`. Returns one of libnl's numbers. */
static int ask(struct nl_msg *question, nl_recvmsg_msg_cb_t visit, void *argument)
{
    ARCI_CLEANUP(nl_socket_cleanup) struct nl_sock *socket = nl_socket_alloc();
    if (!socket || !question)
        return -NLE_NOMEM;
    nl_socket_disable_auto_ack(socket);
    int result = nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, visit, argument);
    if (result >= 0)
        result = nl_connect(socket, NETLINK_ROUTE);
    if (result >= 0)
        result = nl_send_auto(socket, question);
    return result < 0 ? result : nl_recvmsgs_default(socket);
}

/* The route */

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
    struct arci_next_hop *hop = argument;
    const struct rtmsg *route = nlmsg_data(nlmsg_hdr(message));
    struct nlattr *attributes[RTA_MAX + 1];
    if (nlmsg_parse(nlmsg_hdr(message), sizeof *route, attributes, RTA_MAX, NULL) < 0)
        return NL_SKIP;
    hop->type = route->rtm_type;
    hop->table = attributes[RTA_TABLE] ? nla_get_u32(attributes[RTA_TABLE]) : route->rtm_table;
    if (attributes[RTA_OIF])
        hop->interface = nla_get_u32(attributes[RTA_OIF]);
    if (attributes[RTA_GATEWAY]) {
        hop->router = read_address(route->rtm_family, nla_data(attributes[RTA_GATEWAY]),
                                   nla_len(attributes[RTA_GATEWAY]));
    } else if (attributes[RTA_VIA] && nla_len(attributes[RTA_VIA]) > (int)sizeof(struct rtvia)) {
        const struct rtvia *via = nla_data(attributes[RTA_VIA]);
        hop->router = read_address(via->rtvia_family, via->rtvia_addr,
                                   nla_len(attributes[RTA_VIA]) - (int)sizeof(struct rtvia));
    }
    return NL_OK;
}

static struct nl_msg *ask_for_route(const struct arctic_address *destination, uint32_t mark)
{
    ARCI_CLEANUP(message_cleanup) struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, 0);
    int size = (int)arci_address_size(destination->family);
    struct rtmsg header = {.rtm_family = socket_family(destination),
                           .rtm_dst_len = (unsigned char)(size * 8),
                           .rtm_flags = RTM_F_LOOKUP_TABLE};
    if (!message || nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO) < 0 ||
        nla_put(message, RTA_DST, size, destination->bytes) < 0 ||
        (mark != 0 && nla_put_u32(message, RTA_MARK, mark) < 0))
        return NULL;
    return arci_steal(message);
}

int arci_next_hop_find(const struct arctic_address *destination, uint32_t mark, struct arci_next_hop *ret_hop,
                       struct arctic_error *error)
{
    struct arci_next_hop hop = {0};
    ARCI_CLEANUP(message_cleanup) struct nl_msg *question = ask_for_route(destination, mark);
    int result = ask(question, on_route, &hop);
    if (result == -NLE_NOMEM)
        return arci_fail_memory(error);
    if (result < 0)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "cannot look a route up: %s", nl_geterror(result));
    *ret_hop = hop;
    return ARCTIC_OK;
}

/* Neighbours */

static int on_neighbour(struct nl_msg *message, void *argument)
{
    struct link_address *link = argument;
    struct nlattr *attributes[NDA_MAX + 1];
    if (nlmsg_parse(nlmsg_hdr(message), sizeof(struct ndmsg), attributes, NDA_MAX, NULL) < 0 ||
        !attributes[NDA_LLADDR] || nla_len(attributes[NDA_LLADDR]) > LINK_ADDRESS_MAX)
        return NL_SKIP;
    link->size = (size_t)nla_len(attributes[NDA_LLADDR]);
    memcpy(link->bytes, nla_data(attributes[NDA_LLADDR]), link->size);
    return NL_OK;
}

static struct nl_msg *ask_for_neighbour(const struct arctic_address *address, uint32_t interface)
{
    ARCI_CLEANUP(message_cleanup) struct nl_msg *message = nlmsg_alloc_simple(RTM_GETNEIGH, 0);
    struct ndmsg header = {.ndm_family = socket_family(address), .ndm_ifindex = (int)interface};
    if (!message || nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO) < 0 ||
        nla_put(message, NDA_DST, (int)arci_address_size(address->family), address->bytes) < 0)
        return NULL;
    return arci_steal(message);
}

static struct link_address find_neighbour(const struct arctic_address *address, uint32_t interface)
{
    struct link_address link = {.size = 0};
    ARCI_CLEANUP(message_cleanup) struct nl_msg *question = ask_for_neighbour(address, interface);
    return ask(question, on_neighbour, &link) < 0 ? (struct link_address){.size = 0} : link;
}

static bool is_same_place(const struct link_address *a, const struct link_address *b)
{
    return a->size > 0 && a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* RFC 4291 section 2.5.6 */
static bool is_link_local(const struct arctic_address *address)
{
    return address->family == ARCTIC_FAMILY_IPV6 && address->bytes[0] == 0xfe &&
           (address->bytes[1] & 0xc0) == 0x80;
}

bool arci_next_hop_is(const struct arci_next_hop *hop, const struct arctic_address *addresses, size_t count)
{
    if (hop->router.family == ARCTIC_FAMILY_NONE)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (arctic_address_compare(&hop->router, &addresses[i]) == 0)
            return true;
    }
    if (!is_link_local(&hop->router))
        return false;
    struct link_address router = find_neighbour(&hop->router, hop->interface);
    for (size_t i = 0; i < count && router.size > 0; i++) {
        struct link_address other = find_neighbour(&addresses[i], hop->interface);
        if (is_same_place(&router, &other))
            return true;
    }
    return false;
}
