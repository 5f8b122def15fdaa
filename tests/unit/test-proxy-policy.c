/* What the entry and the exit let through: destinations, circles, coverage; and the tables they are looked up in. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "proxy/counters.h"
#include "proxy/flow-table.h"
#include "proxy/own-addresses.h"
#include "proxy/policy.h"
#include "proxy/snapshot.h"

static struct arctic_address address(const char *text)
{
    struct arctic_address value;
    struct arctic_error error;
    assert_ok(arctic_address_parse(text, &value, &error), error);
    return value;
}

static struct arctic_endpoint endpoint(const char *text)
{
    struct arctic_endpoint value;
    struct arctic_error error;
    assert_ok(arctic_endpoint_parse(text, &value, &error), error);
    return value;
}

static struct arctic_cidr cidr(const char *text)
{
    struct arctic_cidr value;
    struct arctic_error error;
    assert_ok(arctic_cidr_parse(text, &value, &error), error);
    return value;
}

/* Destinations */

static struct arctic_address own_items[2], broadcast_items[1];
static struct arci_host_addresses host = {{own_items, 2}, {broadcast_items, 1}};

static int set_up_host(void **state)
{
    (void)state;
    own_items[0] = address("192.0.2.10");
    own_items[1] = address("2001:db8::10");
    broadcast_items[0] = address("192.0.2.255");
    return 0;
}

static bool forbids(const struct arci_exit_policy *policy, const char *destination)
{
    struct arctic_endpoint target = endpoint(destination);
    return arci_policy_forbids(policy, &host, &target) != NULL;
}

static void exit_is_closed_towards_itself_and_its_link(void **state)
{
    (void)state;
    static const char *const closed[] = {
        "127.0.0.1:80",
        "127.255.255.254:80",
        "0.0.0.0:80",
        "0.1.2.3:80",
        "169.254.169.254:80",
        "224.0.0.1:80",
        "239.255.255.255:80",
        "255.255.255.255:80",
        "192.0.2.255:80",
        "[::1]:80",
        "[::]:80",
        "[fe80::1]:80",
        "[febf::1]:80",
        "[ff02::1]:80",
        "[::ffff:127.0.0.1]:80",
        "[::ffff:10.0.0.1]:80",
        "[::127.0.0.1]:80",
    };
    static const char *const open[] = {"10.0.0.1:80",  "192.0.2.10:80",      "126.255.255.255:80",
                                       "128.0.0.1:1",  "223.255.255.255:80", "[2001:db8::1]:80",
                                       "[fec0::1]:80", "[fd00::1]:65535"};
    struct arci_exit_policy policy = {0};
    for (size_t i = 0; i < sizeof closed / sizeof closed[0]; i++) {
        if (!forbids(&policy, closed[i]))
            fail_msg("%s is open", closed[i]);
    }
    for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) {
        if (forbids(&policy, open[i]))
            fail_msg("%s is closed", open[i]);
    }
    struct arctic_endpoint none = {address("10.0.0.1"), 0};
    assert_non_null(arci_policy_forbids(&policy, &host, &none));
}

static void agents_own_ports_are_closed_on_own_addresses(void **state)
{
    (void)state;
    struct arci_exit_policy policy = {.own_ports = {8080, 61000}, .own_port_count = 2};
    assert_true(forbids(&policy, "192.0.2.10:8080"));
    assert_true(forbids(&policy, "[2001:db8::10]:61000"));
    assert_false(forbids(&policy, "192.0.2.10:22"));
    assert_false(forbids(&policy, "192.0.2.11:8080"));
}

static void operator_may_open_what_is_closed(void **state)
{
    (void)state;
    struct arci_exit_policy policy = {.allowed = {cidr("127.0.0.0/8"), cidr("192.0.2.10/32")},
                                      .allowed_count = 2,
                                      .own_ports = {8080},
                                      .own_port_count = 1};
    assert_false(forbids(&policy, "127.0.0.1:80"));
    assert_false(forbids(&policy, "192.0.2.10:8080"));
    assert_true(forbids(&policy, "[::1]:80"));
    assert_true(forbids(&policy, "169.254.0.1:80"));
}

static void circles_are_found_from_both_ends(void **state)
{
    (void)state;
    const struct arctic_endpoint peer[] = {endpoint("198.51.100.1:61000"), endpoint("[2001:db8:1::1]:61000")};
    struct arctic_address from_peer = address("198.51.100.1"), from_peer6 = address("2001:db8:1::1");
    struct arctic_address other = address("198.51.100.2"), own = address("2001:db8::10");
    assert_true(arci_policy_is_loop(peer, 2, &from_peer));
    assert_true(arci_policy_is_loop(peer, 2, &from_peer6));
    assert_false(arci_policy_is_loop(peer, 2, &other));
    assert_true(arci_policy_is_own(&host, &own));
    assert_false(arci_policy_is_own(&host, &other));
}

static void lack_of_ipv6_is_seen(void **state)
{
    (void)state;
    struct arctic_address items[] = {address("192.0.2.1"), address("::1"), address("fe80::1"),
                                     address("2001:db8::1")};
    struct arci_host_addresses with = {.own = {items, 4}}, without = {.own = {items, 3}};
    assert_true(arci_policy_has_ipv6(&with));
    assert_false(arci_policy_has_ipv6(&without));
}

static void hosts_addresses_are_read(void **state)
{
    (void)state;
    struct arci_own_addresses own = {0};
    const struct arci_host_addresses *addresses = arci_own_addresses(&own);
    struct arctic_address loopback = address("127.0.0.1");
    assert_true(arci_policy_is_own(addresses, &loopback));
    assert_ptr_equal(arci_own_addresses(&own), addresses);
    arci_own_addresses_release(&own);
}

/* Snapshots */

static const struct arctic_id peer_a = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ0A"},
                              peer_b = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ0B"};
static const struct arctic_id service_1 = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ01"},
                              service_2 = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ02"},
                              service_3 = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ03"};

static struct arci_snapshot *make_snapshot(bool connected)
{
    struct arctic_error error;
    struct arci_snapshot *snapshot;
    struct arci_snapshot_options options = {.local_id = peer_a};
    struct arci_snapshot_peer b = {.id = peer_b, .connected = connected},
                              a = {.id = peer_a, .connected = true};
    struct arci_route routes[] = {
        {.id = 1, .priority = 1, .source = cidr("10.1.0.0/16"), .destination = cidr("10.2.0.0/16")},
        {.id = 2, .priority = 1, .destination = cidr("2001:db8:2::/48")}};
    struct arci_snapshot_service service = {
        .id = service_2, .peer_id = peer_b, .routes = routes, .route_count = 2};
    assert_ok(arci_snapshot_create(&options, &snapshot, &error), error);
    assert_ok(arci_snapshot_add_peer(snapshot, &b, &error), error);
    assert_ok(arci_snapshot_add_peer(snapshot, &a, &error), error);
    assert_ok(arci_snapshot_add_exit(snapshot, &service, &error), error);
    assert_ok(arci_snapshot_add_entry(snapshot, &service, &error), error);
    service = (struct arci_snapshot_service){.id = service_1, .peer_id = peer_b, .interface = "arctic-1"};
    assert_ok(arci_snapshot_add_exit(snapshot, &service, &error), error);
    assert_ok(arci_snapshot_add_entry(snapshot, &service, &error), error);
    return snapshot;
}

static const char *admit(const struct arci_snapshot *snapshot, const struct arctic_id *service,
                         const struct arctic_id *peer, const char *client, const char *destination)
{
    const char *why = NULL;
    struct arci_stream_request request = {*service, endpoint(destination), endpoint(client)};
    bool may_change;
    const struct arci_snapshot_exit *exit = arci_snapshot_admit(snapshot, peer, &request, &why, &may_change);
    assert_true(exit ? arctic_id_equal(&exit->id, service) : why != NULL);
    /* A service does not change hands; of all else the peer may know more than this host. */
    if (!exit)
        assert_int_equal(may_change, strcmp(why, "the service belongs to another peer") != 0);
    return exit ? NULL : why;
}

/* Another peer may have signed a service under the same id: each is served what it has signed, and no more. */
static void exit_tells_services_of_one_id_apart(void **state)
{
    (void)state;
    struct arci_snapshot *snapshot = make_snapshot(true);
    struct arctic_error error;
    const struct arci_route route = {.id = 1, .destination = cidr("10.7.0.0/16"), .priority = 100};
    const struct arci_snapshot_service service = {
        .id = service_2, .peer_id = peer_a, .routes = &route, .route_count = 1};
    assert_ok(arci_snapshot_add_exit(snapshot, &service, &error), error);
    assert_int_equal(arci_snapshot_add_exit(snapshot, &service, &error), ARCTIC_E_ALREADY_EXISTS);
    assert_null(admit(snapshot, &service_2, &peer_b, "10.1.2.3:5", "10.2.3.4:80"));
    assert_non_null(admit(snapshot, &service_2, &peer_b, "10.1.2.3:5", "10.7.0.1:80"));
    assert_non_null(admit(snapshot, &service_2, &peer_a, "10.1.2.3:5", "10.2.3.4:80"));
    assert_non_null(arci_snapshot_find_exit(snapshot, &service_2, &peer_a));
    arci_snapshot_unref(snapshot);
}

static void exit_serves_what_its_service_covers(void **state)
{
    (void)state;
    struct arci_snapshot *snapshot = make_snapshot(true);
    assert_null(admit(snapshot, &service_2, &peer_b, "10.1.2.3:5", "10.2.3.4:80"));
    assert_null(admit(snapshot, &service_2, &peer_b, "[2001:db8::9]:5", "[2001:db8:2::1]:80"));
    assert_null(
        admit(snapshot, &service_1, &peer_b, "172.16.0.1:5", "203.0.113.1:80")); /* by its interface */
    assert_non_null(admit(snapshot, &service_2, &peer_b, "10.9.2.3:5", "10.2.3.4:80"));
    assert_non_null(admit(snapshot, &service_2, &peer_b, "10.1.2.3:5", "10.3.3.4:80"));
    assert_string_equal(admit(snapshot, &service_2, &peer_a, "10.1.2.3:5", "10.2.3.4:80"),
                        "the service belongs to another peer");
    assert_string_equal(admit(snapshot, &service_3, &peer_b, "10.1.2.3:5", "10.2.3.4:80"),
                        "no such service ends here");
    arci_snapshot_unref(snapshot);
    snapshot = make_snapshot(false);
    assert_string_equal(admit(snapshot, &service_2, &peer_b, "10.1.2.3:5", "10.2.3.4:80"),
                        "the peer is not connected");
    arci_snapshot_unref(snapshot);
}

static void clients_without_an_address_of_their_own(void **state)
{
    (void)state;
    static const char *const closed[] = {
        "0.0.0.0", "127.1.2.3", "169.254.0.1", "239.1.1.1", "255.255.255.255", "192.0.2.255",
        "::",      "::1",       "fe80::1",     "ff02::1",   "::ffff:10.0.0.1"};
    static const char *const open[] = {"10.1.0.2", "192.0.2.11", "2001:db8::11"};
    for (size_t i = 0; i < sizeof closed / sizeof *closed; i++) {
        struct arctic_address client = address(closed[i]);
        assert_non_null(arci_policy_forbids_client(&host, &client));
    }
    for (size_t i = 0; i < sizeof open / sizeof *open; i++) {
        struct arctic_address client = address(open[i]);
        assert_null(arci_policy_forbids_client(&host, &client));
    }
}

/* The source peer's own connections are carried too. */
static void address_of_another_peer_is_known(void **state)
{
    (void)state;
    struct arctic_error error;
    struct arci_snapshot *snapshot;
    struct arci_snapshot_options options = {.local_id = peer_a};
    struct arci_snapshot_peer a = {.id = peer_a, .endpoints = {endpoint("192.0.2.1:1")}, .endpoint_count = 1},
                              b = {.id = peer_b,
                                   .endpoints = {endpoint("[2001:db8::1]:1")},
                                   .endpoint_count = 1};
    struct arctic_address of_a = address("192.0.2.1"), of_b = address("2001:db8::1"), of_none = address("::");
    assert_ok(arci_snapshot_create(&options, &snapshot, &error), error);
    assert_ok(arci_snapshot_add_peer(snapshot, &a, &error), error);
    assert_ok(arci_snapshot_add_peer(snapshot, &b, &error), error);
    assert_true(arci_snapshot_is_peer(snapshot, 1, &of_a));
    assert_false(arci_snapshot_is_peer(snapshot, 0, &of_a));
    assert_true(arci_snapshot_is_peer(snapshot, 0, &of_b));
    assert_false(arci_snapshot_is_peer(snapshot, 1, &of_b));
    assert_false(arci_snapshot_is_peer(snapshot, 1, &of_none));
    arci_snapshot_unref(snapshot);
}

static void entry_finds_service_and_peer(void **state)
{
    (void)state;
    size_t count;
    struct arci_snapshot *snapshot = make_snapshot(true);
    struct arctic_flow flow = {.source = address("10.1.0.1"), .destination = address("10.2.0.1")};
    uint64_t route = 0;
    const struct arci_snapshot_entry *entry = arci_snapshot_match(snapshot, &flow, &route);
    assert_non_null(entry);
    assert_string_equal(entry->id.text, service_2.text);
    assert_int_equal(route, 1);
    assert_string_equal(arci_snapshot_peers(snapshot, &count)[entry->peer].id.text, peer_b.text);
    strcpy(flow.interface, "arctic-1");
    entry = arci_snapshot_match(snapshot, &flow, &route);
    assert_string_equal(entry->id.text, service_1.text);
    assert_int_equal(route, 0);
    flow = (struct arctic_flow){.source = address("10.1.0.1"), .destination = address("10.7.0.1")};
    assert_null(arci_snapshot_match(snapshot, &flow, &route));
    arci_snapshot_unref(snapshot);
}

static void snapshot_refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct arctic_error error;
    struct arci_snapshot *snapshot = make_snapshot(true);
    struct arci_snapshot_service service = {.id = service_2, .peer_id = peer_b};
    assert_int_equal(arci_snapshot_add_exit(snapshot, &service, &error), ARCTIC_E_ALREADY_EXISTS);
    service = (struct arci_snapshot_service){.id = service_3, .peer_id = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ0C"}};
    assert_int_equal(arci_snapshot_add_entry(snapshot, &service, &error), ARCTIC_E_NOT_FOUND);
    arci_snapshot_unref(snapshot);
}

/* Tables */

static void flow_table_finds_the_same_addresses_and_ports(void **state)
{
    (void)state;
    enum { ROWS = 3000 };
    static struct arci_flow_key keys[ROWS];
    struct arci_flow_table table;
    struct arctic_error error;
    assert_ok(arci_flow_table_init(&table, &error), error);
    for (int i = 0; i < ROWS; i++) {
        keys[i] = (struct arci_flow_key){endpoint("10.0.0.1:1000"), endpoint("10.0.0.2:80"), NULL};
        keys[i].client.port = (uint16_t)(1000 + i);
        assert_true(arci_flow_table_add(&table, &keys[i]));
    }
    for (int i = 0; i < ROWS; i++) {
        struct arci_flow_key again = keys[i];
        assert_false(arci_flow_table_add(&table, &again));
        arci_flow_table_remove(&table, &keys[i]);
        assert_true(arci_flow_table_add(&table, &again));
        arci_flow_table_remove(&table, &again);
    }
    assert_int_equal(table.count, 0);
    arci_flow_table_release(&table);
}

static void counters_live_as_long_as_someone_counts(void **state)
{
    (void)state;
    struct arctic_error error;
    struct arci_counter_registry registry = {.workers = 2};
    struct arci_counters *first, *second, *again;
    assert_ok(arci_counters_get(&registry, &service_2, &second, &error), error);
    assert_ok(arci_counters_get(&registry, &service_1, &first, &error), error);
    assert_ok(arci_counters_get(&registry, &service_2, &again, &error), error);
    assert_ptr_equal(second, again);
    arci_counters_ref(second);
    arci_counters_sweep(&registry, NULL, NULL);
    assert_null(arci_counters_find(&registry, &service_1));
    assert_ptr_equal(arci_counters_find(&registry, &service_2), second);
    arci_counters_unref(second);
    arci_counters_sweep(&registry, NULL, NULL);
    assert_null(arci_counters_find(&registry, &service_2));
    arci_counters_release(&registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_is_closed_towards_itself_and_its_link),
        cmocka_unit_test(agents_own_ports_are_closed_on_own_addresses),
        cmocka_unit_test(operator_may_open_what_is_closed),
        cmocka_unit_test(circles_are_found_from_both_ends),
        cmocka_unit_test(lack_of_ipv6_is_seen),
        cmocka_unit_test(hosts_addresses_are_read),
        cmocka_unit_test(exit_serves_what_its_service_covers),
        cmocka_unit_test(exit_tells_services_of_one_id_apart),
        cmocka_unit_test(address_of_another_peer_is_known),
        cmocka_unit_test(clients_without_an_address_of_their_own),
        cmocka_unit_test(entry_finds_service_and_peer),
        cmocka_unit_test(snapshot_refuses_what_does_not_fit),
        cmocka_unit_test(flow_table_finds_the_same_addresses_and_ports),
        cmocka_unit_test(counters_live_as_long_as_someone_counts),
    };
    return cmocka_run_group_tests(tests, set_up_host, NULL);
}
