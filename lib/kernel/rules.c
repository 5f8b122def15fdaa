/* ip rules and routes through libnl-route. */
#include "kernel/rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <linux/fib_rules.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>

#include "base/error.h"
#include "kernel/next-hop.h"

struct arci_rules {
    struct arci_rules_options options;
    struct nl_sock *socket;
};

struct wanted_route {
    uint32_t table;
    unsigned anchor;
    bool found;
};

static const enum arctic_family families[] = {ARCTIC_FAMILY_IPV4, ARCTIC_FAMILY_IPV6};

ARCI_DEFINE_CLEANUP(struct rtnl_rule *, rtnl_rule_put, rule_cleanup)
ARCI_DEFINE_CLEANUP(struct rtnl_route *, rtnl_route_put, route_cleanup)
ARCI_DEFINE_CLEANUP(struct nl_addr *, nl_addr_put, address_cleanup)
ARCI_DEFINE_CLEANUP(struct nl_cache *, nl_cache_free, cache_cleanup)
ARCI_DEFINE_CLEANUP(struct nl_msg *, nlmsg_free, message_cleanup)

static int fail_nl(struct arctic_error *error, int result, const char *what, enum arctic_family family)
{
    return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "%s for IPv%d: %s", what, family, nl_geterror(result));
}

static int socket_family(enum arctic_family family)
{
    return family == ARCTIC_FAMILY_IPV4 ? AF_INET : AF_INET6;
}

int arci_rules_create(const struct arci_rules_options *options, struct arci_rules **ret_rules,
                      struct arctic_error *error)
{
    ARCI_CLEANUP(arci_rules_cleanup) struct arci_rules *rules = calloc(1, sizeof *rules);
    if (!rules || !(rules->socket = nl_socket_alloc()))
        return arci_fail_memory(error);
    rules->options = *options;
    int result = nl_connect(rules->socket, NETLINK_ROUTE);
    if (result < 0)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "cannot open a route netlink socket: %s",
                         nl_geterror(result));
    *ret_rules = arci_steal(rules);
    return ARCTIC_OK;
}

void arci_rules_free(struct arci_rules *rules)
{
    if (!rules)
        return;
    nl_socket_free(rules->socket);
    free(rules);
}

bool arci_rules_family_there(enum arctic_family family)
{
    return family == ARCTIC_FAMILY_IPV4 || access("/proc/sys/net/ipv6/conf/all", F_OK) == 0;
}

static bool is_ours(struct rtnl_rule *rule)
{
    uint8_t protocol = 0;
    return rtnl_rule_get_protocol(rule, &protocol) >= 0 && protocol == ARCI_ROUTE_PROTOCOL;
}

/* What one of our rules says; 0 and false: nothing. */
struct wanted_rule {
    uint32_t priority;
    uint8_t action; /* FR_ACT_* */
    uint32_t mark;
    uint32_t mask;
    uint32_t table;
    uint32_t target; /* of FR_ACT_GOTO */
    bool from_lo;
};

#define RULE_COUNT 3

/* In the order in which they are made: a goto waits for its target, and the way to this host for both. */
static void list_wanted(const struct arci_rules_options *options, struct wanted_rule *ret_rules)
{
    ret_rules[0] = (struct wanted_rule){.priority = options->priority + 1, .action = FR_ACT_NOP};
    ret_rules[1] = (struct wanted_rule){.priority = options->priority - 1,
                                        .action = FR_ACT_GOTO,
                                        .mark = options->captured,
                                        .mask = options->mask,
                                        .target = options->priority + 1,
                                        .from_lo = true};
    ret_rules[2] = (struct wanted_rule){.priority = options->priority,
                                        .action = FR_ACT_TO_TBL,
                                        .mark = options->flag,
                                        .mask = options->flag,
                                        .table = options->table};
}

static bool comes_from(struct rtnl_rule *rule, bool lo)
{
    const char *interface = rtnl_rule_get_iif(rule);
    return lo ? interface && strcmp(interface, "lo") == 0 : !interface;
}

static bool is_wanted(const struct wanted_rule *wanted, struct rtnl_rule *rule)
{
    return is_ours(rule) && rtnl_rule_get_action(rule) == wanted->action &&
           rtnl_rule_get_prio(rule) == wanted->priority && rtnl_rule_get_mark(rule) == wanted->mark &&
           rtnl_rule_get_mask(rule) == wanted->mask && rtnl_rule_get_table(rule) == wanted->table &&
           rtnl_rule_get_goto(rule) == wanted->target && comes_from(rule, wanted->from_lo) &&
           !rtnl_rule_get_src(rule) && !rtnl_rule_get_dst(rule) && !rtnl_rule_get_oif(rule);
}

/* Index of the rule among the wanted ones that were not found yet, RULE_COUNT: none. */
static size_t find_wanted(const struct wanted_rule *wanted, const bool *found, struct rtnl_rule *rule)
{
    size_t i = 0;
    while (i < RULE_COUNT && (found[i] || !is_wanted(&wanted[i], rule)))
        i++;
    return i;
}

/*
 * Looks through the rules of a family and deletes those of ours that are not wanted, or all of ours. Either
 * way ret_found[i] says whether wanted rule i is there.
 */
enum sweep { SWEEP_NOTHING, SWEEP_UNWANTED, SWEEP_ALL };

static int sweep_rules(struct arci_rules *rules, enum arctic_family family, enum sweep sweep, bool *ret_found,
                       struct arctic_error *error)
{
    struct wanted_rule wanted[RULE_COUNT];
    ARCI_CLEANUP(cache_cleanup) struct nl_cache *cache = NULL;
    int result = rtnl_rule_alloc_cache(rules->socket, socket_family(family), &cache);
    if (result < 0)
        return fail_nl(error, result, "cannot list the ip rules", family);
    list_wanted(&rules->options, wanted);
    for (struct nl_object *object = nl_cache_get_first(cache); object; object = nl_cache_get_next(object)) {
        struct rtnl_rule *rule = (struct rtnl_rule *)object;
        if (rtnl_rule_get_family(rule) !=
            socket_family(family)) /* libnl asks for the rules of all families */
            continue;
        size_t index = find_wanted(wanted, ret_found, rule);
        if (index < RULE_COUNT)
            ret_found[index] = true;
        bool condemned =
            is_ours(rule) && (sweep == SWEEP_ALL || (sweep == SWEEP_UNWANTED && index == RULE_COUNT));
        result = condemned ? rtnl_rule_delete(rules->socket, rule, 0) : 0;
        if (result < 0 && result != -NLE_OBJ_NOTFOUND)
            return fail_nl(error, result, "cannot delete an ip rule", family);
    }
    return ARCTIC_OK;
}

static int add_rule(struct arci_rules *rules, enum arctic_family family, const struct wanted_rule *wanted,
                    struct arctic_error *error)
{
    ARCI_CLEANUP(rule_cleanup) struct rtnl_rule *rule = rtnl_rule_alloc();
    if (!rule)
        return arci_fail_memory(error);
    rtnl_rule_set_family(rule, socket_family(family));
    rtnl_rule_set_action(rule, wanted->action);
    rtnl_rule_set_prio(rule, wanted->priority);
    rtnl_rule_set_protocol(rule, ARCI_ROUTE_PROTOCOL);
    if (wanted->mask) {
        rtnl_rule_set_mark(rule, wanted->mark);
        rtnl_rule_set_mask(rule, wanted->mask);
    }
    if (wanted->table)
        rtnl_rule_set_table(rule, wanted->table);
    if (wanted->target)
        rtnl_rule_set_goto(rule, wanted->target);
    if (wanted->from_lo && rtnl_rule_set_iif(rule, "lo") < 0)
        return arci_fail_memory(error);
    int result = rtnl_rule_add(rules->socket, rule, NLM_F_CREATE | NLM_F_EXCL);
    return result < 0 ? fail_nl(error, result, "cannot add an ip rule", family) : ARCTIC_OK;
}

static struct rtnl_route *make_route(const struct arci_rules *rules, enum arctic_family family,
                                     unsigned anchor)
{
    static const uint8_t zeros[16];
    ARCI_CLEANUP(route_cleanup) struct rtnl_route *route = rtnl_route_alloc();
    ARCI_CLEANUP(address_cleanup)
    struct nl_addr *any = nl_addr_build(socket_family(family), zeros, family == ARCTIC_FAMILY_IPV4 ? 4 : 16);
    struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
    if (!route || !any || !hop) {
        if (hop)
            rtnl_route_nh_free(hop);
        return NULL;
    }
    rtnl_route_nh_set_ifindex(hop, (int)anchor);
    rtnl_route_add_nexthop(route, hop);
    nl_addr_set_prefixlen(any, 0);
    rtnl_route_set_family(route, (uint8_t)socket_family(family));
    rtnl_route_set_table(route, rules->options.table);
    rtnl_route_set_protocol(route, ARCI_ROUTE_PROTOCOL);
    rtnl_route_set_scope(route, family == ARCTIC_FAMILY_IPV4 ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE);
    if (rtnl_route_set_type(route, RTN_LOCAL) < 0 || rtnl_route_set_dst(route, any) < 0)
        return NULL;
    return arci_steal(route);
}

static int add_route(struct arci_rules *rules, enum arctic_family family, unsigned anchor,
                     struct arctic_error *error)
{
    ARCI_CLEANUP(route_cleanup) struct rtnl_route *route = make_route(rules, family, anchor);
    if (!route)
        return arci_fail_memory(error);
    int result = rtnl_route_add(rules->socket, route, NLM_F_CREATE | NLM_F_REPLACE);
    return result < 0 ? fail_nl(error, result, "cannot add the local route", family) : ARCTIC_OK;
}

static int visit_route(struct nl_msg *message, void *argument)
{
    struct wanted_route *wanted = argument;
    const struct rtmsg *route = nlmsg_data(nlmsg_hdr(message));
    struct nlattr *attributes[RTA_MAX + 1];
    if (nlmsg_parse(nlmsg_hdr(message), sizeof *route, attributes, RTA_MAX, NULL) < 0)
        return NL_OK;
    uint32_t table = attributes[RTA_TABLE] ? nla_get_u32(attributes[RTA_TABLE]) : route->rtm_table;
    if (table != wanted->table || route->rtm_type != RTN_LOCAL || route->rtm_dst_len != 0 ||
        !attributes[RTA_OIF])
        return NL_OK;
    if (nla_get_u32(attributes[RTA_OIF]) == wanted->anchor && route->rtm_protocol == ARCI_ROUTE_PROTOCOL)
        wanted->found = true;
    return NL_OK;
}

/*
 * Lets the kernel filter a dump by table (since 4.20), lest a full BGP table be read for one route. Not for
 * rules, whose request libnl writes in a form that is too short for it.
 */
static void strict(struct arci_rules *rules, int on)
{
    (void)setsockopt(nl_socket_get_fd(rules->socket), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
}

static int dump_routes(struct arci_rules *rules, enum arctic_family family, struct wanted_route *wanted)
{
    ARCI_CLEANUP(message_cleanup) struct nl_msg *message = nlmsg_alloc_simple(RTM_GETROUTE, NLM_F_DUMP);
    struct rtmsg header = {.rtm_family = (unsigned char)socket_family(family)};
    if (!message || nlmsg_append(message, &header, sizeof header, NLMSG_ALIGNTO) < 0 ||
        nla_put_u32(message, RTA_TABLE, wanted->table) < 0)
        return -NLE_NOMEM;
    strict(rules, 1);
    int result = nl_socket_modify_cb(rules->socket, NL_CB_VALID, NL_CB_CUSTOM, visit_route, wanted);
    if (result >= 0)
        result = nl_send_auto(rules->socket, message);
    if (result >= 0)
        result = nl_recvmsgs_default(rules->socket);
    nl_socket_modify_cb(rules->socket, NL_CB_VALID, NL_CB_DEFAULT, NULL, NULL);
    strict(rules, 0);
    return result == -NLE_OBJ_NOTFOUND ? 0 : result; /* a table that was never used */
}

static int find_route(struct arci_rules *rules, enum arctic_family family, unsigned anchor, bool *ret_found,
                      struct arctic_error *error)
{
    struct wanted_route wanted;
    int result = -NLE_DUMP_INTR;
    for (int i = 0; i < 5 && result == -NLE_DUMP_INTR; i++) {
        wanted = (struct wanted_route){.table = rules->options.table, .anchor = anchor};
        result = dump_routes(rules, family, &wanted);
    }
    if (result < 0)
        return fail_nl(error, result, "cannot list the routes of the agent's table", family);
    *ret_found = wanted.found;
    return ARCTIC_OK;
}

int arci_rules_look(struct arci_rules *rules, enum arctic_family family, unsigned anchor, bool *ret_rules,
                    bool *ret_route, struct arctic_error *error)
{
    bool route = false;
    bool found[RULE_COUNT] = {false};
    int code = find_route(rules, family, anchor, &route, error);
    if (code >= 0)
        code = sweep_rules(rules, family, SWEEP_NOTHING, found, error);
    if (code < 0)
        return code;
    *ret_route = route;
    *ret_rules = true;
    for (size_t i = 0; i < RULE_COUNT; i++)
        *ret_rules = *ret_rules && found[i];
    return ARCTIC_OK;
}

bool arci_rules_is_own_table(const struct arci_rules *rules, uint32_t table)
{
    return table == rules->options.table;
}

bool arci_rules_diverted(const struct arci_rules *rules, const struct arctic_address *destination,
                         uint32_t *ret_table)
{
    struct arci_next_hop hop;
    if (arci_next_hop_find(destination, rules->options.flag, &hop, NULL) < 0)
        return false;
    *ret_table = hop.table;
    return hop.table != RT_TABLE_LOCAL &&
           (hop.type != RTN_LOCAL || !arci_rules_is_own_table(rules, hop.table));
}

/* The route first: a rule without it would do no harm, but no good either. */
static int ensure_family(struct arci_rules *rules, enum arctic_family family, unsigned anchor,
                         unsigned *ret_made, struct arctic_error *error)
{
    bool route = false;
    bool found[RULE_COUNT] = {false};
    struct wanted_rule wanted[RULE_COUNT];
    int code = find_route(rules, family, anchor, &route, error);
    if (code >= 0 && !route) {
        *ret_made |= ARCI_RULES_MADE_ROUTE;
        code = add_route(rules, family, anchor, error);
    }
    if (code >= 0)
        code = sweep_rules(rules, family, SWEEP_UNWANTED, found, error);
    list_wanted(&rules->options, wanted);
    for (size_t i = 0; code >= 0 && i < RULE_COUNT; i++) {
        if (found[i])
            continue;
        *ret_made |= ARCI_RULES_MADE_RULE;
        code = add_rule(rules, family, &wanted[i], error);
    }
    return code;
}

int arci_rules_ensure(struct arci_rules *rules, unsigned anchor, unsigned *ret_made,
                      struct arctic_error *error)
{
    *ret_made = 0;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        if (!arci_rules_family_there(families[i]))
            continue;
        int code = ensure_family(rules, families[i], anchor, ret_made, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

int arci_rules_remove(struct arci_rules *rules, struct arctic_error *error)
{
    int worst = ARCTIC_OK;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        bool found[RULE_COUNT] = {false};
        if (!arci_rules_family_there(families[i]))
            continue;
        int code = sweep_rules(rules, families[i], SWEEP_ALL, found, error);
        worst = code < 0 ? code : worst;
    }
    return worst;
}
