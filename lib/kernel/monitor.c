/* rtnetlink notifications: a socket with a filter, and the links that are ours. */
#include "kernel/monitor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <arctic/id.h>

#include "base/error.h"
#include "kernel/anchor.h"
#include "kernel/kernel.h"
#include "kernel/nft/netfilter.h"
#include "kernel/rules.h"

#define DATAGRAM_MAX 32768
#define DATAGRAMS_A_READ 64
#define LINKS_MAX 4096 /* more than services fit into the marks */

/* A link of ours, and a hash of what others should leave as it is. */
struct own_link {
    int index;
    bool anchor;
    uint64_t state;
};

struct arci_monitor {
    int fd;
    uint32_t route_table;
    struct arci_netfilter *netfilter;
    struct own_link *links;
    size_t link_count;
    size_t link_capacity;
};

#define AT(type, member) (uint32_t)(NLMSG_HDRLEN + offsetof(struct type, member))

/*
 * Passes all but routes, and of these what bears our protocol number, or may be in our table: tables above 255 have no number of
 * their own in the header (rtm_table is RT_TABLE_COMPAT then). Loads of more than a byte are in network byte order (sk_run_filter).
 */
static int attach_filter(int fd, uint32_t route_table, struct arctic_error *error)
{
    uint32_t table = route_table < 256 ? route_table : RT_TABLE_COMPAT;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)offsetof(struct nlmsghdr, nlmsg_type)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 4), /* no route: take it */
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, AT(rtmsg, rtm_protocol)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCI_ROUTE_PROTOCOL, 2, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, AT(rtmsg, rtm_table)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, table, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    const struct sock_fprog program = {.len = sizeof code / sizeof *code, .filter = code};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
        return arci_fail_errno(error, "cannot filter the kernel's notifications of routes");
    return ARCTIC_OK;
}

static int join_groups(int fd, struct arctic_error *error)
{
    static const int groups[] = {RTNLGRP_LINK,       RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                 RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,  RTNLGRP_IPV4_RULE,
                                 RTNLGRP_IPV6_RULE};
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &groups[i], sizeof groups[i]) < 0)
            return arci_fail_errno(error, "cannot listen to the kernel's notifications of links and routes");
    }
    return ARCTIC_OK;
}

/* The links that are there already: the answers come among the notifications. */
static int ask_for_links(int fd, struct arctic_error *error)
{
    struct {
        struct nlmsghdr header;
        struct ifinfomsg link;
    } request = {.header = {.nlmsg_len = sizeof request,
                            .nlmsg_type = RTM_GETLINK,
                            .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP}};
    if (send(fd, &request, sizeof request, 0) < 0)
        return arci_fail_errno(error, "cannot ask the kernel for its links");
    return ARCTIC_OK;
}

int arci_monitor_open(uint32_t route_table, struct arci_monitor **ret_monitor, struct arctic_error *error)
{
    struct sockaddr_nl address = {.nl_family = AF_NETLINK};
    ARCI_CLEANUP(arci_monitor_cleanup) struct arci_monitor *monitor = calloc(1, sizeof *monitor);
    if (!monitor)
        return arci_fail_memory(error);
    monitor->route_table = route_table ? route_table : ARCI_KERNEL_TABLE_DEFAULT;
    monitor->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (monitor->fd < 0 || bind(monitor->fd, (struct sockaddr *)&address, sizeof address) < 0)
        return arci_fail_errno(error, "cannot open a route netlink socket");
    int code = attach_filter(monitor->fd, monitor->route_table, error);
    if (code >= 0)
        code = join_groups(monitor->fd, error);
    if (code >= 0)
        code = ask_for_links(monitor->fd, error);
    if (code >= 0)
        code = arci_netfilter_create(&monitor->netfilter, error);
    if (code >= 0)
        code = arci_netfilter_never_block(monitor->netfilter, error);
    if (code >= 0)
        *ret_monitor = arci_steal(monitor);
    return code;
}

void arci_monitor_close(struct arci_monitor *monitor)
{
    if (!monitor)
        return;
    if (monitor->fd >= 0)
        close(monitor->fd);
    arci_netfilter_free(monitor->netfilter);
    free(monitor->links);
    free(monitor);
}

int arci_monitor_fd(const struct arci_monitor *monitor)
{
    return monitor->fd;
}

/*
 * Whether a socket of this process has asked for the change: libnl numbers its sockets by the process (nl_socket_alloc()), in the
 * lower 22 bits. One of another process namespace may look the same; what it changes is seen a little later, by a look in turn.
 */
static bool is_own_request(const struct nlmsghdr *message)
{
    const uint32_t bits = 0x3fffff;
    return message->nlmsg_pid != 0 && (message->nlmsg_pid & bits) == ((uint32_t)getpid() & bits);
}

static struct own_link *find_link(struct arci_monitor *monitor, int index)
{
    for (size_t i = 0; i < monitor->link_count; i++) {
        if (monitor->links[i].index == index)
            return &monitor->links[i];
    }
    return NULL;
}

/* NULL where there is no room: it counts as somebody else's until the next look in turn. */
static struct own_link *add_link(struct arci_monitor *monitor, int index)
{
    if (monitor->link_count == LINKS_MAX)
        return NULL;
    if (monitor->link_count == monitor->link_capacity) {
        size_t capacity = monitor->link_capacity ? 2 * monitor->link_capacity : 16;
        struct own_link *links = reallocarray(monitor->links, capacity, sizeof *links);
        if (!links)
            return NULL;
        monitor->links = links;
        monitor->link_capacity = capacity;
    }
    struct own_link *link = &monitor->links[monitor->link_count++];
    *link = (struct own_link){.index = index};
    return link;
}

static void forget_link(struct arci_monitor *monitor, struct own_link *link)
{
    *link = monitor->links[--monitor->link_count];
}

static unsigned concern_of(const struct own_link *link)
{
    return link->anchor ? ARCI_MONITOR_KERNEL : ARCI_MONITOR_INTERFACES;
}

static uint64_t hash(uint64_t seed, const void *bytes, size_t length)
{
    const uint8_t *data = bytes;
    for (size_t i = 0; i < length; i++) /* FNV-1a */
        seed = (seed ^ data[i]) * 0x100000001b3u;
    return seed;
}

/* Of what others should leave alone; counters, queues and the carrier come and go. */
static uint64_t link_state(const struct ifinfomsg *link, struct nlattr **attributes)
{
    static const int kept[] = {IFLA_IFNAME, IFLA_IFALIAS, IFLA_ADDRESS, IFLA_MTU, IFLA_LINK, IFLA_MASTER};
    unsigned flags = link->ifi_flags & (IFF_UP | IFF_NOARP | IFF_MULTICAST);
    uint64_t state = hash(0xcbf29ce484222325u, &flags, sizeof flags);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        const struct nlattr *attribute = attributes[kept[i]];
        state = hash(state, &kept[i], sizeof kept[i]);
        if (attribute)
            state = hash(state, nla_data(attribute), (size_t)nla_len(attribute));
    }
    return state;
}

/* The aliases of an interface of ours (anchor.h, and a service's id). Attributes end where they say, not at a NUL. */
static bool is_ours(const struct nlattr *alias, bool *ret_anchor)
{
    char text[256];
    struct arctic_id id;
    if (!alias || nla_strlcpy(text, alias, sizeof text) == 0)
        return false;
    *ret_anchor = strcmp(text, ARCI_ANCHOR_ALIAS) == 0;
    return *ret_anchor || arctic_id_parse(ARCTIC_ID_SERVICE, text, &id, NULL) >= 0;
}

static unsigned judge_new_link(struct arci_monitor *monitor, const struct nlmsghdr *message)
{
    const struct ifinfomsg *header = nlmsg_data(message);
    struct nlattr *attributes[IFLA_MAX + 1];
    bool anchor = false;
    if (header->ifi_family != AF_UNSPEC ||
        nlmsg_parse((struct nlmsghdr *)message, sizeof *header, attributes, IFLA_MAX, NULL) < 0)
        return 0; /* a port of a bridge, told of twice */
    struct own_link *link = find_link(monitor, header->ifi_index);
    if (!is_ours(attributes[IFLA_IFALIAS], &anchor)) {
        unsigned concern = link ? concern_of(link) : 0;
        if (link)
            forget_link(monitor, link);
        return concern;
    }
    if (!link && !(link = add_link(monitor, header->ifi_index)))
        return 0;
    uint64_t state = link_state(header, attributes);
    bool same = link->state == state;
    link->state = state;
    link->anchor = anchor;
    return same || is_own_request(message) ? 0 : concern_of(link);
}

static unsigned judge_lost_link(struct arci_monitor *monitor, const struct nlmsghdr *message)
{
    const struct ifinfomsg *header = nlmsg_data(message);
    struct own_link *link = header->ifi_family == AF_UNSPEC ? find_link(monitor, header->ifi_index) : NULL;
    if (!link)
        return 0;
    unsigned concern = is_own_request(message) ? 0 : concern_of(link);
    forget_link(monitor, link);
    return concern;
}

static unsigned judge_address(struct arci_monitor *monitor, const struct nlmsghdr *message)
{
    const struct ifaddrmsg *header = nlmsg_data(message);
    const struct own_link *link = find_link(monitor, (int)header->ifa_index);
    return !link || link->anchor || is_own_request(message) ? 0 : ARCI_MONITOR_INTERFACES;
}

static unsigned judge_route(struct arci_monitor *monitor, const struct nlmsghdr *message)
{
    const struct rtmsg *header = nlmsg_data(message);
    struct nlattr *attributes[RTA_MAX + 1];
    if (is_own_request(message) ||
        nlmsg_parse((struct nlmsghdr *)message, sizeof *header, attributes, RTA_MAX, NULL) < 0)
        return 0;
    uint32_t table = attributes[RTA_TABLE] ? nla_get_u32(attributes[RTA_TABLE]) : header->rtm_table;
    return table == monitor->route_table || header->rtm_protocol == ARCI_ROUTE_PROTOCOL ? ARCI_MONITOR_KERNEL
                                                                                        : 0;
}

static unsigned judge_rule(const struct nlmsghdr *message)
{
    struct nlattr *attributes[FRA_MAX + 1];
    if (is_own_request(message) ||
        nlmsg_parse((struct nlmsghdr *)message, sizeof(struct fib_rule_hdr), attributes, FRA_MAX, NULL) < 0)
        return 0;
    const struct nlattr *protocol = attributes[FRA_PROTOCOL];
    return protocol && nla_get_u8(protocol) == ARCI_ROUTE_PROTOCOL ? ARCI_MONITOR_KERNEL : 0;
}

static unsigned judge_message(struct arci_monitor *monitor, const struct nlmsghdr *message)
{
    static const struct {
        uint16_t type;
        size_t size; /* of the header that follows */
    } known[] = {
        {RTM_NEWLINK, sizeof(struct ifinfomsg)},    {RTM_DELLINK, sizeof(struct ifinfomsg)},
        {RTM_NEWADDR, sizeof(struct ifaddrmsg)},    {RTM_DELADDR, sizeof(struct ifaddrmsg)},
        {RTM_NEWROUTE, sizeof(struct rtmsg)},       {RTM_DELROUTE, sizeof(struct rtmsg)},
        {RTM_NEWRULE, sizeof(struct fib_rule_hdr)}, {RTM_DELRULE, sizeof(struct fib_rule_hdr)},
    };
    size_t i = 0;
    while (i < sizeof known / sizeof *known && known[i].type != message->nlmsg_type)
        i++;
    if (i == sizeof known / sizeof *known || !nlmsg_valid_hdr(message, (int)known[i].size))
        return 0;
    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
        return judge_new_link(monitor, message);
    case RTM_DELLINK:
        return judge_lost_link(monitor, message);
    case RTM_NEWADDR:
    case RTM_DELADDR:
        return judge_address(monitor, message);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        return judge_route(monitor, message);
    default:
        return judge_rule(message);
    }
}

unsigned arci_monitor_judge(struct arci_monitor *monitor, const void *bytes, size_t length)
{
    unsigned concerns = 0;
    int left = (int)length;
    for (const struct nlmsghdr *message = bytes; nlmsg_ok(message, left);
         message = nlmsg_next((struct nlmsghdr *)message, &left))
        concerns |= judge_message(monitor, message);
    return concerns;
}

/* Notifications were lost, or came with more than there is room for: any link may be another one now. */
static unsigned start_over(struct arci_monitor *monitor)
{
    (void)ask_for_links(monitor->fd, NULL); /* what is missed so is seen by the looks in turn */
    return ARCI_MONITOR_ALL;
}

unsigned arci_monitor_read(struct arci_monitor *monitor)
{
    _Alignas(struct nlmsghdr) char bytes[DATAGRAM_MAX];
    unsigned concerns = 0;
    for (int i = 0; i < DATAGRAMS_A_READ; i++) {
        struct sockaddr_nl sender = {0};
        socklen_t size = sizeof sender;
        ssize_t length =
            recvfrom(monitor->fd, bytes, sizeof bytes, MSG_TRUNC, (struct sockaddr *)&sender, &size);
        if (length < 0 && errno == ENOBUFS)
            concerns |= start_over(monitor);
        else if (length < 0)
            return concerns;
        else if ((size_t)length > sizeof bytes)
            concerns |= start_over(monitor);
        else if (sender.nl_pid == 0) /* the kernel; programs may send to groups too */
            concerns |= arci_monitor_judge(monitor, bytes, (size_t)length);
    }
    return concerns;
}

bool arci_monitor_generation(struct arci_monitor *monitor, uint32_t *ret_generation)
{
    return arci_netfilter_generation(monitor->netfilter, ret_generation, NULL) >= 0;
}
