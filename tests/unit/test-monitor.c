/* The monitor: which of the kernel's notifications are about the agent's own things. */
#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>

#include "kernel/anchor.h"
#include "kernel/monitor.h"
#include "kernel/rules.h"

#define SERVICE "svc_01ARZ3NDEKTSV4RRFFQ69G5FAV"
#define OTHER_PROCESS 4000000u
#define TABLE 61000u

static int open_monitor(void **state)
{
    struct arctic_error error;
    struct arci_monitor *monitor = NULL;
    assert_ok(arci_monitor_open(TABLE, &monitor, &error), error);
    *state = monitor;
    return 0;
}

static int close_monitor(void **state)
{
    arci_monitor_close(*state);
    return 0;
}

static struct nl_msg *message_of(uint16_t type, uint32_t sender, const void *header, size_t size)
{
    struct nl_msg *message = nlmsg_alloc_simple(type, 0);
    assert_non_null(message);
    nlmsg_hdr(message)->nlmsg_pid = sender;
    assert_int_equal(nlmsg_append(message, (void *)header, size, NLMSG_ALIGNTO), 0);
    return message;
}

static unsigned judge(struct arci_monitor *monitor, struct nl_msg *message)
{
    unsigned concerns = arci_monitor_judge(monitor, nlmsg_hdr(message), nlmsg_hdr(message)->nlmsg_len);
    nlmsg_free(message);
    return concerns;
}

static unsigned link_event(struct arci_monitor *monitor, uint16_t type, uint32_t sender, int index,
                           unsigned flags, const char *alias)
{
    const struct ifinfomsg header = {.ifi_index = index, .ifi_flags = flags};
    struct nl_msg *message = message_of(type, sender, &header, sizeof header);
    nla_put_string(message, IFLA_IFNAME, "x0");
    if (alias)
        nla_put_string(message, IFLA_IFALIAS, alias);
    return judge(monitor, message);
}

static unsigned address_event(struct arci_monitor *monitor, uint32_t sender, int index)
{
    const struct ifaddrmsg header = {.ifa_family = AF_INET, .ifa_index = (uint32_t)index};
    return judge(monitor, message_of(RTM_DELADDR, sender, &header, sizeof header));
}

static unsigned route_event(struct arci_monitor *monitor, uint32_t sender, uint32_t table, uint8_t protocol)
{
    const struct rtmsg header = {
        .rtm_family = AF_INET, .rtm_table = RT_TABLE_COMPAT, .rtm_protocol = protocol};
    struct nl_msg *message = message_of(RTM_DELROUTE, sender, &header, sizeof header);
    nla_put_u32(message, RTA_TABLE, table);
    return judge(monitor, message);
}

static unsigned rule_event(struct arci_monitor *monitor, uint32_t sender, uint8_t protocol)
{
    const struct fib_rule_hdr header = {.family = AF_INET6};
    struct nl_msg *message = message_of(RTM_DELRULE, sender, &header, sizeof header);
    nla_put_u8(message, FRA_PROTOCOL, protocol);
    return judge(monitor, message);
}

static uint32_t own_socket(void)
{
    return ((uint32_t)getpid() & 0x3fffff) | 7u << 22;
}

static void test_links_of_others_are_passed_by(void **state)
{
    assert_int_equal(link_event(*state, RTM_NEWLINK, 0, 7, IFF_UP, NULL), 0);
    assert_int_equal(link_event(*state, RTM_NEWLINK, 0, 7, 0, "svc_uplink"), 0);
    assert_int_equal(link_event(*state, RTM_DELLINK, 0, 7, 0, "svc_uplink"), 0);
    assert_int_equal(address_event(*state, OTHER_PROCESS, 7), 0);
}

static void test_a_link_of_ours_that_others_change(void **state)
{
    assert_int_equal(link_event(*state, RTM_NEWLINK, own_socket(), 9, IFF_UP, SERVICE), 0);
    assert_int_equal(link_event(*state, RTM_NEWLINK, 0, 9, IFF_UP | IFF_RUNNING, SERVICE), 0);
    assert_int_equal(link_event(*state, RTM_NEWLINK, 0, 9, 0, SERVICE), ARCI_MONITOR_INTERFACES);
    assert_int_equal(link_event(*state, RTM_NEWLINK, 0, 9, 0, SERVICE), 0);
    assert_int_equal(address_event(*state, OTHER_PROCESS, 9), ARCI_MONITOR_INTERFACES);
    assert_int_equal(address_event(*state, own_socket(), 9), 0);
    assert_int_equal(link_event(*state, RTM_NEWLINK, 0, 9, 0, "mine now"), ARCI_MONITOR_INTERFACES);
    assert_int_equal(address_event(*state, OTHER_PROCESS, 9), 0);
}

static void test_a_link_of_ours_that_goes(void **state)
{
    link_event(*state, RTM_NEWLINK, own_socket(), 9, IFF_UP, SERVICE);
    link_event(*state, RTM_NEWLINK, own_socket(), 5, IFF_UP, ARCI_ANCHOR_ALIAS);
    assert_int_equal(link_event(*state, RTM_DELLINK, OTHER_PROCESS, 5, 0, ARCI_ANCHOR_ALIAS),
                     ARCI_MONITOR_KERNEL);
    assert_int_equal(link_event(*state, RTM_DELLINK, OTHER_PROCESS, 9, 0, SERVICE), ARCI_MONITOR_INTERFACES);
    assert_int_equal(link_event(*state, RTM_DELLINK, OTHER_PROCESS, 9, 0, SERVICE), 0);
}

static void test_routes_and_rules(void **state)
{
    assert_int_equal(route_event(*state, 0, TABLE, RTPROT_STATIC), ARCI_MONITOR_KERNEL);
    assert_int_equal(route_event(*state, OTHER_PROCESS, 100000, ARCI_ROUTE_PROTOCOL), ARCI_MONITOR_KERNEL);
    assert_int_equal(route_event(*state, OTHER_PROCESS, 100000, RTPROT_STATIC), 0);
    assert_int_equal(route_event(*state, own_socket(), TABLE, ARCI_ROUTE_PROTOCOL), 0);
    assert_int_equal(rule_event(*state, OTHER_PROCESS, ARCI_ROUTE_PROTOCOL), ARCI_MONITOR_KERNEL);
    assert_int_equal(rule_event(*state, OTHER_PROCESS, RTPROT_STATIC), 0);
    assert_int_equal(rule_event(*state, own_socket(), ARCI_ROUTE_PROTOCOL), 0);
}

static void test_datagrams_that_are_cut_off(void **state)
{
    static const uint16_t types[] = {RTM_NEWLINK,  RTM_DELLINK,  RTM_NEWADDR, RTM_DELADDR,
                                     RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWRULE, RTM_DELRULE};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        const struct ifinfomsg header = {.ifi_index = 9};
        struct nl_msg *message = message_of(types[i], 0, &header, sizeof header);
        nla_put_string(message, IFLA_IFALIAS, SERVICE);
        size_t whole = nlmsg_hdr(message)->nlmsg_len;
        for (size_t length = 0; length < whole; length++) {
            /* On the heap and of this very length, so that a sanitizer sees a byte too many. */
            void *bytes = malloc(length ? length : 1);
            assert_non_null(bytes);
            memcpy(bytes, nlmsg_hdr(message), length);
            arci_monitor_judge(*state, bytes, length);
            if (length >= sizeof(struct nlmsghdr)) {
                ((struct nlmsghdr *)bytes)->nlmsg_len = (uint32_t)length;
                arci_monitor_judge(*state, bytes, length);
            }
            free(bytes);
        }
        nlmsg_free(message);
    }
}

#define MONITOR_TEST(test) cmocka_unit_test_setup_teardown(test, open_monitor, close_monitor)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MONITOR_TEST(test_links_of_others_are_passed_by),
        MONITOR_TEST(test_a_link_of_ours_that_others_change),
        MONITOR_TEST(test_a_link_of_ours_that_goes),
        MONITOR_TEST(test_routes_and_rules),
        MONITOR_TEST(test_datagrams_that_are_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
