/* See parent.h. Each question has a netlink socket of its own, so that an answer may be left unread. */
#include "kernel/interface/parent.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include "base/error.h"

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

#define DUMP_TRIES 5

ARCI_DEFINE_CLEANUP(struct nl_sock *, nl_socket_free, socket_cleanup)
ARCI_DEFINE_CLEANUP(struct nl_msg *, nlmsg_free, message_cleanup)

struct search {
    const struct arci_links *links;
    const struct arci_link *found;
    uint32_t metric;
};

static bool is_zero(struct nlattr *attribute)
{
    const uint8_t *bytes = nla_data(attribute);
    for (int i = 0; i < nla_len(attribute); i++) {
        if (bytes[i])
            return false;
    }
    return true;
}

/* Of several next hops the first. */
static int outgoing(struct nlattr **attributes)
{
    if (attributes[RTA_OIF])
        return (int)nla_get_u32(attributes[RTA_OIF]);
    if (!attributes[RTA_MULTIPATH] || (size_t)nla_len(attributes[RTA_MULTIPATH]) < sizeof(struct rtnexthop))
        return 0;
    const struct rtnexthop *hop = nla_data(attributes[RTA_MULTIPATH]);
    return hop->rtnh_ifindex;
}

static int visit(struct nl_msg *message, void *argument)
{
    struct search *search = argument;
    const struct rtmsg *route = nlmsg_data(nlmsg_hdr(message));
    struct nlattr *attributes[RTA_MAX + 1];
    if (nlmsg_parse(nlmsg_hdr(message), sizeof *route, attributes, RTA_MAX, NULL) < 0)
        return NL_OK;
    /* IPv4 tells in the order of networks (fib_table_dump()): after those that begin with 0.0.0.0 there is no default route. */
    if (route->rtm_family == AF_INET && attributes[RTA_DST] && !is_zero(attributes[RTA_DST]))
        return NL_STOP;
    uint32_t table = attributes[RTA_TABLE] ? nla_get_u32(attributes[RTA_TABLE]) : route->rtm_table;
    if (table != RT_TABLE_MAIN || route->rtm_dst_len != 0 || route->rtm_type != RTN_UNICAST ||
        (route->rtm_flags & RTM_F_CLONED))
        return NL_OK;
    uint32_t metric = attributes[RTA_PRIORITY] ? nla_get_u32(attributes[RTA_PRIORITY]) : 0;
    const struct arci_link *link = arci_links_by_index(search->links, outgoing(attributes));
    if (link && !arci_link_is_of_service(link) && (!search->found || metric < search->metric)) {
        search->found = link;
        search->metric = metric;
    }
    return NL_OK;
}

static int ask(int family, struct search *search)
{
    int on = 1;
    struct rtmsg header = {.rtm_family = (unsigned char)family};
    ARCI_CLEANUP(socket_cleanup) struct nl_sock *socket = nl_socket_alloc();
    ARCI_CLEANUP(message_cleanup)
    struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_DUMP);
    if (!socket || !message || nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO) < 0 ||
        nla_put_u32(message, RTA_TABLE, RT_TABLE_MAIN) < 0)
        return -NLE_NOMEM;
    int result = nl_connect(socket, NETLINK_ROUTE);
    if (result < 0)
        return result;
    (void)setsockopt(nl_socket_get_fd(socket), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    result = nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, visit, search);
    if (result >= 0)
        result = nl_send_auto(socket, message);
    if (result >= 0)
        result = nl_recvmsgs_default(socket);
    return result;
}

/* A family that the host has not is no failure: it has no default route. */
static const struct arci_link *find_default(const struct arci_links *links, int family)
{
    struct search search;
    int result = -NLE_DUMP_INTR;
    for (int i = 0; i < DUMP_TRIES && result == -NLE_DUMP_INTR; i++) {
        search = (struct search){.links = links};
        result = ask(family, &search);
    }
    return search.found;
}

const struct arci_link *arci_interface_parent(const struct arci_links *links, const char *setting,
                                              char *reason, size_t size)
{
    const struct arci_link *parent = NULL;
    if (setting[0]) {
        parent = arci_links_by_name(links, setting);
        if (!parent)
            snprintf(reason, size, "no parent interface: '%s' (PARENT_INTERFACE) is not there", setting);
    } else {
        parent = find_default(links, AF_INET);
        parent = parent ? parent : find_default(links, AF_INET6);
        if (!parent)
            snprintf(reason, size,
                     "no parent interface: the host has no default route (add one, or set PARENT_INTERFACE)");
    }
    if (parent && !parent->ethernet) {
        snprintf(
            reason, size,
            "no parent interface: '%s' is no Ethernet interface, MACVLAN needs one (set PARENT_INTERFACE)",
            parent->name);
        return NULL;
    }
    return parent;
}
