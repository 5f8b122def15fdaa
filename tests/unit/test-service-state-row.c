/* What peers tell each other of a service's state. */
#include "tests/unit/unit.h"

#include <string.h>

#include "agent/peers/service-state-row.h"
#include "base/json.h"

static json_t *parse(const char *text)
{
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    return object;
}

static void test_all_of_it_comes_through(void **state)
{
    (void)state;
    struct arci_service_live live = {
        .state = ARCI_SERVICE_DEGRADED,
        .state_reason = "parent interface 'eth0' is down",
        .interface_name = "arc-qrstvwxyz12",
        .interface_mac = "02:00:00:00:00:01",
    };
    struct arci_service_live told = {0};
    assert_int_equal(arctic_cidr_parse_host("10.1.0.10/24", &live.actual_ipv4, NULL), ARCTIC_OK);
    live.lease = (struct arci_service_lease){.held = true,
                                             .router_count = 1,
                                             .dns_count = 2,
                                             .domain = "lab.example",
                                             .expires_at = 1800000000000};
    live.lease.server = live.lease.routers[0] = live.lease.dns[1] = live.actual_ipv4.address;
    live.lease.dns[0] = live.actual_ipv4.address;
    ARCI_JSON *row = arci_service_state_row(&live);
    assert_true(arci_service_state_row_read(row, &told));
    assert_true(told.lease.held && told.lease.router_count == 1 && told.lease.dns_count == 2);
    assert_string_equal(told.lease.domain, "lab.example");
    assert_int_equal(told.lease.expires_at, live.lease.expires_at);
    assert_int_equal(arctic_address_compare(&told.lease.dns[1], &live.lease.dns[1]), 0);
    assert_int_equal(told.state, live.state);
    assert_string_equal(told.state_reason, live.state_reason);
    assert_string_equal(told.interface_name, live.interface_name);
    assert_string_equal(told.interface_mac, live.interface_mac);
    assert_true(arctic_cidr_equal(&told.actual_ipv4, &live.actual_ipv4));
    assert_int_equal(told.actual_ipv6.address.family, ARCTIC_FAMILY_NONE);
}

/* An older peer knows nothing of interfaces, a newer one tells more than is known here. */
static void test_other_versions(void **state)
{
    (void)state;
    struct arci_service_live told = {.interface_name = "stale"};
    ARCI_JSON *row = parse("{\"state\":\"active\",\"state_reason\":\"\",\"weather\":1}");
    assert_true(arci_service_state_row_read(row, &told));
    assert_int_equal(told.state, ARCI_SERVICE_ACTIVE);
    assert_string_equal(told.interface_name, "");
    ARCI_JSON *again = arci_service_state_row(&told);
    assert_null(json_object_get(again, "weather"));
    assert_null(json_object_get(again, "interface_name"));
}

static void test_nonsense_is_not_taken(void **state)
{
    (void)state;
#define INTERFACE(name, mac, ipv4, ipv6)                                                                     \
    "{\"state\":\"active\",\"state_reason\":\"\",\"interface_name\":" name ",\"interface_mac\":" mac         \
    ",\"actual_interface_ipv4\":" ipv4 ",\"actual_interface_ipv6\":" ipv6 "}"
#define LEASE(server, routers, dns, domain)                                                                  \
    "{\"state\":\"active\",\"state_reason\":\"\",\"interface_dhcp\":{\"server\":" server                     \
    ",\"routers\":" routers ",\"dns\":" dns ",\"domain\":" domain ",\"expires_at\":null}}"
    static const char *const rows[] = {
        "{}",
        "{\"state\":\"active\"}",
        "{\"state\":\"splendid\",\"state_reason\":\"\"}",
        "{\"state\":\"active\",\"state_reason\":7}",
        INTERFACE("7", "\"02:00:00:00:00:01\"", "\"\"", "\"\""),
        INTERFACE("\"sixteen-letters-\"", "\"02:00:00:00:00:01\"", "\"\"", "\"\""),
        INTERFACE("\"arc-1\"", "\"02:00:00:00:00:01:02\"", "\"\"", "\"\""),
        INTERFACE("\"arc-1\"", "\"02:00:00:00:00:01\"", "\"10.1.0.10\"", "\"\""),
        INTERFACE("\"arc-1\"", "\"02:00:00:00:00:01\"", "\"fd00::1/64\"", "\"\""),
        INTERFACE("\"arc-1\"", "\"02:00:00:00:00:01\"", "\"\"", "null"),
        LEASE("\"10.1.0.2\"", "[]", "[]", "\"\\u001b[2J\""),
        LEASE("\"10.1.0.2\"", "[]", "{}", "null"),
        LEASE("\"10.1.0.2\"", "[\"x\"]", "[]", "null"),
        LEASE("\"10.1.0.2\"", "[\"::\",\"::\",\"::\",\"::\",\"::\"]", "[]", "null"),
        LEASE("7", "[]", "[]", "null"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct arci_service_live told = {.state_reason = "as it was"};
        ARCI_JSON *row = parse(rows[i]);
        if (arci_service_state_row_read(row, &told))
            fail_msg("taken: %s", rows[i]);
        assert_string_equal(told.state_reason, "as it was");
    }
    struct arci_service_live none;
    assert_false(arci_service_state_row_read(NULL, &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_it_comes_through),
        cmocka_unit_test(test_other_versions),
        cmocka_unit_test(test_nonsense_is_not_taken),
    };
    return cmocka_run_group_tests_name("service-state-row", tests, NULL, NULL);
}
