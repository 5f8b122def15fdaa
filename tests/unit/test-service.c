/* Services: requests, partial updates, the rules between members, and the two forms they are written in. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/json.h"
#include "model/service.h"
#include "tests/unit/alloc-failure.h"
#include "tests/unit/random.h"

#define SOURCE "peer_00000000000000000000000001"
#define TARGET "peer_00000000000000000000000002"
#define BODY(more) "{\"target_peer_id\":\"" TARGET "\",\"transport_type\":\"tcp\"" more "}"

static json_t *parse(const char *text)
{
    struct arctic_error error;
    json_t *object = NULL;
    assert_ok(arci_json_parse(text, strlen(text), &object, &error), error);
    return object;
}

static int read_body(const char *text, struct arci_service *service, struct arctic_error *error)
{
    ARCI_JSON *object = parse(text);
    return arci_service_from_json(object, service, error);
}

static void test_smallest_request(void **state)
{
    (void)state;
    struct arci_service service;
    struct arctic_error error;
    assert_ok(read_body(BODY(""), &service, &error), error);
    assert_string_equal(service.target_peer_id.text, TARGET);
    assert_string_equal(service.source_peer_id.text, "");
    assert_string_equal(service.name, "");
    assert_int_equal(service.transport, ARCI_TRANSPORT_TCP);
    assert_int_equal(service.when_unreachable, ARCI_STEP_ASIDE);
    assert_int_equal(service.next_route_id, 1);
}

static void test_full_request(void **state)
{
    (void)state;
    struct arci_service service;
    struct arctic_error error;
    assert_ok(
        read_body(BODY(",\"name\":\"db\",\"source_peer_id\":\"" SOURCE "\",\"requires_interface\":true,"
                       "\"fully_transparent\":true,\"desired_interface_ipv4\":\"192.168.100.10/24\","
                       "\"desired_interface_ipv6\":\"fd00::10/64\",\"when_unreachable\":\"block\","
                       "\"qos\":{\"bandwidth_limit_mbps\":1000,\"rtt_ms\":100,\"memory_limit_kb\":4096},"
                       "\"bandwidth_limit_mbps\":1000"),
                  &service, &error),
        error);
    char text[ARCTIC_CIDR_TEXT];
    assert_string_equal(arctic_cidr_format(&service.desired_ipv4, text), "192.168.100.10/24");
    assert_string_equal(arctic_cidr_format(&service.desired_ipv6, text), "fd00::10/64");
    assert_int_equal(service.qos.bandwidth_limit_mbps, 1000);
    assert_int_equal(service.qos.rtt_ms, 100);
    assert_int_equal(service.qos.memory_limit_kb, 4096);
    assert_int_equal(service.when_unreachable, ARCI_BLOCK);
    assert_true(service.requires_interface && service.fully_transparent);
}

static void test_requests_that_are_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int code;
        const char *field;
    } cases[] = {
        {"{\"transport_type\":\"tcp\"}", ARCTIC_E_MISSING_FIELD, "target_peer_id"},
        {"{\"target_peer_id\":\"" TARGET "\"}", ARCTIC_E_MISSING_FIELD, "transport_type"},
        {"{\"target_peer_id\":\"" TARGET "\",\"transport_type\":\"udp\"}", ARCTIC_E_INVALID_TRANSPORT,
         "transport_type"},
        {"{\"target_peer_id\":\"" TARGET "\",\"transport_type\":\"TCP\"}", ARCTIC_E_INVALID_TRANSPORT,
         "transport_type"},
        {"{\"target_peer_id\":\"" TARGET "\",\"transport_type\":1}", ARCTIC_E_INVALID_REQUEST,
         "transport_type"},
        {"{\"target_peer_id\":\"" TARGET "\",\"transport_type\":null}", ARCTIC_E_INVALID_REQUEST,
         "transport_type"},
        {"{\"target_peer_id\":\"svc_00000000000000000000000002\",\"transport_type\":\"tcp\"}",
         ARCTIC_E_INVALID_REQUEST, "target_peer_id"},
        {"{\"target_peer_id\":7,\"transport_type\":\"tcp\"}", ARCTIC_E_INVALID_REQUEST, "target_peer_id"},
        {BODY(",\"source_peer_id\":\"" TARGET "\""), ARCTIC_E_INVALID_REQUEST, "target_peer_id"},
        {BODY(",\"transport\":\"tcp\""), ARCTIC_E_INVALID_REQUEST, "transport"},
        {BODY(",\"routes\":[]"), ARCTIC_E_INVALID_REQUEST, "routes"},
        {BODY(",\"name\":\"\""), ARCTIC_E_INVALID_REQUEST, "name"},
        {BODY(",\"name\":\"svc_mine\""), ARCTIC_E_INVALID_REQUEST, "name"},
        {BODY(",\"name\":\" db\""), ARCTIC_E_INVALID_REQUEST, "name"},
        {BODY(",\"name\":\"a\\nb\""), ARCTIC_E_INVALID_REQUEST, "name"},
        {BODY(",\"requires_interface\":1"), ARCTIC_E_INVALID_REQUEST, "requires_interface"},
        {BODY(",\"fully_transparent\":true"), ARCTIC_E_INVALID_REQUEST, "fully_transparent"},
        {"{\"target_peer_id\":\"" TARGET "\",\"transport_type\":\"kcp\",\"fully_transparent\":true,"
         "\"requires_interface\":true}",
         ARCTIC_E_INVALID_REQUEST, "fully_transparent"},
        {BODY(",\"desired_interface_ipv4\":\"192.168.100.10/24\""), ARCTIC_E_INVALID_REQUEST,
         "desired_interface_ipv4"},
        {BODY(",\"desired_interface_ipv6\":\"fd00::10/64\""), ARCTIC_E_INVALID_REQUEST,
         "desired_interface_ipv6"},
        {BODY(",\"requires_interface\":true,\"desired_interface_ipv4\":\"fd00::10/64\""),
         ARCTIC_E_INVALID_REQUEST, "desired_interface_ipv4"},
        {BODY(",\"requires_interface\":true,\"desired_interface_ipv6\":\"192.168.100.10/24\""),
         ARCTIC_E_INVALID_REQUEST, "desired_interface_ipv6"},
        {BODY(",\"requires_interface\":true,\"desired_interface_ipv4\":\"192.168.100.10\""),
         ARCTIC_E_INVALID_CIDR, "desired_interface_ipv4"},
        {BODY(",\"requires_interface\":true,\"desired_interface_ipv4\":\"192.168.100.0/24\""),
         ARCTIC_E_INVALID_REQUEST, "desired_interface_ipv4"},
        {BODY(",\"requires_interface\":true,\"desired_interface_ipv4\":\"192.168.100.255/24\""),
         ARCTIC_E_INVALID_REQUEST, "desired_interface_ipv4"},
        {BODY(",\"requires_interface\":true,\"desired_interface_ipv4\":\"127.0.0.1/8\""),
         ARCTIC_E_INVALID_REQUEST, "desired_interface_ipv4"},
        {BODY(",\"requires_interface\":true,\"desired_interface_ipv6\":\"ff02::1/64\""),
         ARCTIC_E_INVALID_REQUEST, "desired_interface_ipv6"},
        {BODY(",\"requires_interface\":true,\"desired_interface_ipv6\":\"fd00::/64\""),
         ARCTIC_E_INVALID_REQUEST, "desired_interface_ipv6"},
        {BODY(",\"bandwidth_limit_mbps\":1000001"), ARCTIC_E_INVALID_REQUEST, "bandwidth_limit_mbps"},
        {BODY(",\"bandwidth_limit_mbps\":-1"), ARCTIC_E_INVALID_REQUEST, "bandwidth_limit_mbps"},
        {BODY(",\"bandwidth_limit_mbps\":1.5"), ARCTIC_E_INVALID_REQUEST, "bandwidth_limit_mbps"},
        {BODY(",\"bandwidth_limit_mbps\":1,\"qos\":{\"bandwidth_limit_mbps\":2}"), ARCTIC_E_INVALID_REQUEST,
         "bandwidth_limit_mbps"},
        {BODY(",\"qos\":5"), ARCTIC_E_INVALID_REQUEST, "qos"},
        {BODY(",\"qos\":{\"rtt\":5}"), ARCTIC_E_INVALID_REQUEST, "rtt"},
        {BODY(",\"qos\":{\"rtt_ms\":10001}"), ARCTIC_E_INVALID_REQUEST, "rtt_ms"},
        {BODY(",\"qos\":{\"memory_limit_kb\":4194305}"), ARCTIC_E_INVALID_REQUEST, "memory_limit_kb"},
        {BODY(",\"when_unreachable\":\"wait\""), ARCTIC_E_INVALID_REQUEST, "when_unreachable"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arci_service service = {.next_route_id = 77};
        struct arctic_error error = {0};
        int code = read_body(cases[i].body, &service, &error);
        if (code != cases[i].code || strcmp(error.field, cases[i].field) != 0)
            fail_msg("%s: %s in '%s' (%s)", cases[i].body, arctic_code_name(code), error.field,
                     error.message);
        assert_int_equal(service.next_route_id, 77);
    }
}

static void test_flat_and_nested_limit(void **state)
{
    (void)state;
    struct arci_service service;
    struct arctic_error error;
    assert_ok(read_body(BODY(",\"bandwidth_limit_mbps\":500"), &service, &error), error);
    assert_int_equal(service.qos.bandwidth_limit_mbps, 500);
    assert_ok(read_body(BODY(",\"qos\":{\"bandwidth_limit_mbps\":500}"), &service, &error), error);
    assert_int_equal(service.qos.bandwidth_limit_mbps, 500);
    assert_ok(read_body(BODY(",\"bandwidth_limit_mbps\":0,\"qos\":{\"rtt_ms\":7}"), &service, &error), error);
    assert_int_equal(service.qos.bandwidth_limit_mbps, 0);
    assert_int_equal(service.qos.rtt_ms, 7);
}

/* A service with something in every member. */
static struct arci_service full_service(void)
{
    struct arci_service service = {0};
    struct arctic_error error;
    assert_ok(
        read_body(BODY(",\"name\":\"db\",\"source_peer_id\":\"" SOURCE "\",\"requires_interface\":true,"
                       "\"desired_interface_ipv4\":\"192.168.100.10/24\","
                       "\"qos\":{\"bandwidth_limit_mbps\":1000,\"rtt_ms\":100,\"memory_limit_kb\":4096}"),
                  &service, &error),
        error);
    snprintf(service.id.text, sizeof service.id.text, "svc_00000000000000000000000003");
    service.created_at = 1767225600123;
    service.updated_at = 1767225601000;
    struct arci_route route = {.id = 4, .priority = 100};
    assert_ok(arctic_cidr_parse("10.0.0.0/8", &route.source, &error), error);
    assert_ok(arci_routes_append(&service.routes, &route, &error), error);
    service.next_route_id = 9;
    return service;
}

static char *record_text(const struct arci_service *service)
{
    ARCI_JSON *record = arci_service_to_record(service);
    assert_non_null(record);
    return arci_json_canonical(record);
}

static void test_updates(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int code;
        const char *field;
    } cases[] = {
        {"{\"target_peer_id\":\"" SOURCE "\"}", ARCTIC_E_INVALID_REQUEST, "target_peer_id"},
        {"{\"id\":\"svc_00000000000000000000000004\"}", ARCTIC_E_INVALID_REQUEST, "id"},
        {"{\"name\":null}", ARCTIC_E_INVALID_REQUEST, "name"},
        {"{\"qos\":{\"rtt_ms\":null}}", ARCTIC_E_INVALID_REQUEST, "rtt_ms"},
        {"{\"qos\":null}", ARCTIC_E_INVALID_REQUEST, "qos"},
        {"{\"name\":\"ok\",\"requires_interface\":false}", ARCTIC_E_INVALID_REQUEST,
         "desired_interface_ipv4"},
        {"{\"name\":\"ok\",\"transport_type\":\"x\"}", ARCTIC_E_INVALID_TRANSPORT, "transport_type"},
        {"{\"state\":\"active\"}", ARCTIC_E_INVALID_REQUEST, "state"},
    };
    struct arci_service service = full_service();
    ARCI_FREE char *before = record_text(&service);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arctic_error error = {0};
        ARCI_JSON *object = parse(cases[i].body);
        int code = arci_service_update_from_json(object, &service, &error);
        if (code != cases[i].code || strcmp(error.field, cases[i].field) != 0)
            fail_msg("%s: %s in '%s' (%s)", cases[i].body, arctic_code_name(code), error.field,
                     error.message);
        ARCI_FREE char *after = record_text(&service);
        assert_string_equal(after, before);
    }
    struct arctic_error error;
    ARCI_JSON *object = parse("{\"bandwidth_limit_mbps\":0,\"requires_interface\":false,"
                              "\"desired_interface_ipv4\":null,\"transport_type\":\"kcp\"}");
    assert_ok(arci_service_update_from_json(object, &service, &error), error);
    assert_int_equal(service.qos.bandwidth_limit_mbps, 0);
    assert_int_equal(service.qos.rtt_ms, 100);
    assert_int_equal(service.transport, ARCI_TRANSPORT_KCP);
    assert_int_equal(service.desired_ipv4.address.family, ARCTIC_FAMILY_NONE);
    assert_string_equal(service.name, "db");
    assert_int_equal(service.routes.count, 1);
    arci_service_release(&service);
}

static void assert_api_form(const struct arci_service *service, const struct arci_service_live *live,
                            bool with_routes, const char *wanted)
{
    ARCI_JSON *object = arci_service_to_json(service, live, with_routes);
    ARCI_FREE char *text = arci_json_canonical(object);
    assert_string_equal(text, wanted);
}

#define SETTLED                                                                                              \
    "\"bandwidth_limit_mbps\":1000,\"created_at\":\"2026-01-01T00:00:00.123Z\","                             \
    "\"desired_interface_ipv4\":\"192.168.100.10/24\",\"desired_interface_ipv6\":null,"                      \
    "\"fully_transparent\":false,\"id\":\"svc_00000000000000000000000003\","
#define REST                                                                                                 \
    "\"name\":\"db\",\"qos\":{\"bandwidth_limit_mbps\":1000,\"memory_limit_kb\":4096,\"rtt_ms\":100},"       \
    "\"requires_interface\":true,\"route_count\":1,"
#define ENDS                                                                                                 \
    "\"target_peer_id\":\"" TARGET "\",\"transport_type\":\"tcp\","                                          \
    "\"updated_at\":\"2026-01-01T00:00:01.000Z\",\"when_unreachable\":\"step_aside\"}"

static void test_api_form(void **state)
{
    (void)state;
    struct arci_service service = full_service();
    struct arci_service_live live = {
        .state = ARCI_SERVICE_DEGRADED,
        .state_reason = "target peer does not answer",
        .interface_name = "mv0",
        .interface_mac = "02:00:00:00:00:01",
    };
    live.actual_ipv4 = service.desired_ipv4;
    live.lease = (struct arci_service_lease){.held = true, .dns_count = 1};
    assert_int_equal(arctic_address_parse("10.1.0.2", &live.lease.server, NULL), ARCTIC_OK);
    live.lease.dns[0] = live.lease.server;
    assert_api_form(&service, &live, false,
                    "{\"actual_interface_ipv4\":\"192.168.100.10/24\",\"actual_interface_ipv6\":null," SETTLED
                    "\"interface_dhcp\":{\"dns\":[\"10.1.0.2\"],\"domain\":null,\"expires_at\":null,"
                    "\"routers\":[],\"server\":\"10.1.0.2\"},"
                    "\"interface_mac\":\"02:00:00:00:00:01\",\"interface_name\":\"mv0\"," REST
                    "\"source_peer_id\":\"" SOURCE "\",\"state\":\"degraded\","
                    "\"state_reason\":\"target peer does not answer\"," ENDS);
    assert_api_form(
        &service, NULL, true,
        "{\"actual_interface_ipv4\":null,\"actual_interface_ipv6\":null," SETTLED
        "\"interface_dhcp\":null,\"interface_mac\":null,\"interface_name\":null," REST
        "\"routes\":[{\"dest_cidr\":null,\"id\":4,\"priority\":100,\"source_cidr\":\"10.0.0.0/8\"}],"
        "\"source_peer_id\":\"" SOURCE "\",\"state\":\"pending\",\"state_reason\":null," ENDS);
    arci_service_release(&service);
}

static void test_record_round_trip(void **state)
{
    (void)state;
    struct arci_service service = full_service();
    struct arci_service back = {0};
    struct arctic_error error;
    ARCI_FREE char *before = record_text(&service);
    ARCI_JSON *record = parse(before);
    assert_int_equal(json_object_set_new(record, "of_a_newer_version", json_true()), 0);
    assert_ok(arci_service_from_record(record, &back, &error), error);
    ARCI_FREE char *after = record_text(&back);
    assert_string_equal(after, before);
    assert_int_equal(back.created_at, service.created_at);
    assert_int_equal(back.next_route_id, 9);
    arci_service_release(&back);
    arci_service_release(&service);
}

/* Every member of a record is looked at: without it, or with another type, the record is refused. */
static void test_record_members_are_checked(void **state)
{
    (void)state;
    static const char *const required[] = {
        "id",     "source_peer_id", "target_peer_id", "name",      "transport_type",
        "routes", "next_route_id",  "created_at",     "updated_at"};
    struct arci_service service = full_service();
    struct arci_service back;
    ARCI_JSON *record = arci_service_to_record(&service);
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        struct arctic_error error = {0};
        ARCI_JSON *broken = json_copy(record);
        assert_int_equal(json_object_del(broken, required[i]), 0);
        assert_int_equal(arci_service_from_record(broken, &back, &error), ARCTIC_E_MISSING_FIELD);
        assert_string_equal(error.field, required[i]);
    }
    const char *name;
    json_t *value;
    json_object_foreach(record, name, value)
    {
        ARCI_JSON *broken = json_copy(record);
        assert_int_equal(json_object_set_new(broken, name, json_real(1.5)), 0);
        if (arci_service_from_record(broken, &back, NULL) >= 0)
            fail_msg("a record with 1.5 for '%s' was read", name);
    }
    /* An id that a route has must not be given again. */
    assert_int_equal(json_object_set_new(record, "next_route_id", json_integer(4)), 0);
    assert_int_equal(arci_service_from_record(record, &back, NULL), ARCTIC_E_INVALID_REQUEST);
    arci_service_release(&service);
}

static struct arctic_cidr random_prefix(struct test_random *random, uint8_t family)
{
    struct arctic_address address = {.family = family};
    unsigned bits = family == ARCTIC_FAMILY_IPV4 ? 32 : 128;
    for (size_t i = 0; i < bits / 8; i++)
        address.bytes[i] = (uint8_t)(test_random_below(random, 3) ? test_random_next(random) : 0);
    uint8_t length = (uint8_t)test_random_below(random, bits + 1);
    return (struct arctic_cidr){arci_address_mask(&address, length), length};
}

/* What is signed is the text: a peer that makes it of values must come to the same, byte by byte. */
static void test_the_text_of_a_record_is_its_canonical_form(void **state)
{
    struct test_random random = {.state = 1};
    (void)state;
    struct arci_service service = full_service();
    snprintf(service.name, sizeof service.name, "%s", ",\"routes\":[] \xc3\xa4\\");
    for (uint64_t i = 0; i < 2000; i++) {
        uint8_t family = test_random_below(&random, 2) ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_IPV6;
        uint32_t members = 1 + test_random_below(&random, 3);
        struct arci_route route = {.id = 5 + i * i * i * 1000,
                                   .priority = (int32_t)(1 + test_random_below(&random, INT32_MAX))};
        if (members & 1)
            route.source = random_prefix(&random, family);
        if (members & 2)
            route.destination = random_prefix(&random, family);
        assert_int_equal(arci_routes_append(&service.routes, &route, NULL), ARCTIC_OK);
        if (i > 3 && i < 1990)
            continue;
        service.next_route_id = route.id + 1;
        ARCI_FREE char *made_of_values = record_text(&service);
        ARCI_FREE char *text = arci_service_to_record_text(&service);
        assert_string_equal(text, made_of_values);
    }
    arci_service_release(&service);
}

static bool forms_attempt(void *context)
{
    struct arci_service *service = context;
    struct arci_service copy;
    struct arci_service back;
    ARCI_JSON *object = arci_service_to_json(service, NULL, true);
    ARCI_JSON *record = arci_service_to_record(service);
    ARCI_FREE char *text = arci_service_to_record_text(service);
    if (!object || !record || !text || arci_service_from_record(record, &back, NULL) < 0)
        return false;
    arci_service_release(&back);
    if (arci_service_copy(service, &copy, NULL) < 0)
        return false;
    arci_service_release(&copy);
    return true;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct arci_service service = full_service();
    /* The text of a record does without the smaller block that it is moved to. */
    alloc_failure_try_running_out(forms_attempt, &service);
    arci_service_release(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smallest_request),
        cmocka_unit_test(test_full_request),
        cmocka_unit_test(test_requests_that_are_wrong),
        cmocka_unit_test(test_flat_and_nested_limit),
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_api_form),
        cmocka_unit_test(test_record_round_trip),
        cmocka_unit_test(test_record_members_are_checked),
        cmocka_unit_test(test_the_text_of_a_record_is_its_canonical_form),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("service", tests, NULL, NULL);
}
