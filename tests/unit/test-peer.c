/* Peers: their forms, requests to add and change them. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "model/peer.h"
#include "tests/unit/alloc-failure.h"

static json_t *parse(const char *text)
{
    struct arctic_error error;
    json_t *object = NULL;
    assert_ok(arci_json_parse(text, strlen(text), &object, &error), error);
    return object;
}

#define FINGERPRINT "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct arci_peer full_peer(void)
{
    struct arci_peer peer = {
        .id = {"peer_00000000000000000000000001"},
        .name = "agent-a",
        .description = "rack 4",
        .api_port = 8080,
        .api_tls_port = 8443,
        .api_fingerprint = FINGERPRINT,
        .tunnel_port = 61000,
        .iptunnel_port = 51840,
        .version = "0.1.0",
        .qos_enabled = true,
        .created_at = 1767225600000,
        .updated_at = 1767225600001,
    };
    memset(peer.public_key, 0xff, sizeof peer.public_key);
    return peer;
}

static struct arci_peer_live full_live(void)
{
    struct arci_peer_live live = {
        .state = ARCI_PEER_CONNECTED,
        .address = "192.0.2.1:8080",
        .endpoint_count = 2,
        .last_seen_at = 1767225600000,
        .rtt_us = 100250,
    };
    struct arctic_error error;
    assert_ok(arctic_endpoint_parse("192.0.2.1:61000", &live.endpoints[0], &error), error);
    assert_ok(arctic_endpoint_parse("[2001:db8::1]:61000", &live.endpoints[1], &error), error);
    return live;
}

static void assert_api_form(const struct arci_peer *peer, const struct arci_peer_live *live,
                            const char *wanted)
{
    ARCI_JSON *object = arci_peer_to_json(peer, live);
    ARCI_FREE char *text = arci_json_canonical(object);
    assert_string_equal(text, wanted);
}

static void test_api_form(void **state)
{
    (void)state;
    struct arci_peer peer = full_peer();
    struct arci_peer_live live = full_live();
    assert_api_form(&peer, &live,
                    "{\"address\":\"192.0.2.1:8080\",\"api_fingerprint\":\"" FINGERPRINT
                    "\",\"api_tls_port\":8443,\"created_at\":\"2026-01-01T00:00:00.000Z\","
                    "\"description\":\"rack 4\",\"endpoints\":[\"192.0.2.1:61000\",\"[2001:db8::1]:61000\"],"
                    "\"id\":\"peer_00000000000000000000000001\",\"is_local\":false,"
                    "\"last_seen_at\":\"2026-01-01T00:00:00.000Z\",\"name\":\"agent-a\","
                    "\"public_key\":\"__________________________________________8\",\"qos_enabled\":true,"
                    "\"rtt_ms\":100.25,\"state\":\"connected\",\"tunnel\":{\"state\":\"up\"},"
                    "\"updated_at\":\"2026-01-01T00:00:00.001Z\",\"version\":\"0.1.0\"}");
    struct arci_peer bare = {.id = peer.id, .name = "agent-b"};
    struct arci_peer_live unseen = {.rtt_us = -1};
    assert_api_form(
        &bare, &unseen,
        "{\"address\":null,\"api_fingerprint\":null,\"api_tls_port\":null,\"created_at\":null,"
        "\"description\":null,\"endpoints\":[],"
        "\"id\":\"peer_00000000000000000000000001\",\"is_local\":false,\"last_seen_at\":null,"
        "\"name\":\"agent-b\",\"public_key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"qos_enabled\":false,\"rtt_ms\":null,\"state\":\"discovered\",\"tunnel\":{\"state\":\"down\"},"
        "\"updated_at\":null,\"version\":null}");
}

static void test_record_round_trip(void **state)
{
    (void)state;
    struct arci_peer peer = full_peer();
    struct arci_peer back;
    struct arctic_error error;
    ARCI_JSON *record = arci_peer_to_record(&peer);
    assert_int_equal(json_object_set_new(record, "of_a_newer_version", json_true()), 0);
    assert_ok(arci_peer_from_record(record, &back, &error), error);
    assert_memory_equal(&peer.public_key, &back.public_key, sizeof peer.public_key);
    assert_string_equal(back.name, peer.name);
    assert_string_equal(back.description, peer.description);
    assert_string_equal(back.version, peer.version);
    assert_int_equal(back.api_port, 8080);
    assert_int_equal(back.api_tls_port, 8443);
    assert_string_equal(back.api_fingerprint, FINGERPRINT);
    assert_int_equal(back.tunnel_port, 61000);
    assert_int_equal(back.iptunnel_port, 51840);
    assert_int_equal(back.created_at, peer.created_at);
    assert_int_equal(back.updated_at, peer.updated_at);
    assert_true(back.qos_enabled);
}

static void test_record_of_a_run(void **state)
{
    (void)state;
    struct arci_peer peer = full_peer();
    struct arci_peer back;
    struct arctic_error error;
    ARCI_JSON *license = parse("{\"license_id\":\"any\"}");
    peer.cluster = (struct arci_cluster_identity){
        .id = {"clu_00000000000000000000000003"},
        .former = {{"clu_00000000000000000000000001"}, {"clu_00000000000000000000000002"}},
        .former_count = 2};
    snprintf(peer.instance, sizeof peer.instance, "AAAAAAAAAAAAAAAAAAAAAA");
    peer.license = license;
    peer.admission = license;
    ARCI_JSON *record = arci_peer_to_record(&peer);
    assert_ok(arci_peer_from_record(record, &back, &error), error);
    assert_string_equal(back.cluster.id.text, peer.cluster.id.text);
    assert_int_equal(back.cluster.former_count, 2);
    assert_string_equal(back.cluster.former[1].text, "clu_00000000000000000000000002");
    assert_string_equal(back.instance, peer.instance);
    assert_true(json_equal(back.license, license));
    assert_true(json_equal(back.admission, license));

    /* Peers that do not say. */
    ARCI_JSON *silent = json_deep_copy(record);
    for (size_t i = 0; i < 4; i++)
        json_object_del(
            silent, ((const char *const[]){"cluster_id", "former_cluster_ids", "instance", "license"})[i]);
    assert_ok(arci_peer_from_record(silent, &back, &error), error);
    assert_string_equal(back.cluster.id.text, "");
    assert_string_equal(back.instance, "");
    assert_null(back.license);
}

static void test_a_run_that_makes_no_sense(void **state)
{
    (void)state;
    static const struct {
        const char *member, *value;
    } bad[] = {
        {"cluster_id", "{\"x\":7}"},
        {"cluster_id", "{\"x\":\"peer_00000000000000000000000003\"}"},
        {"former_cluster_ids", "{\"x\":\"clu_00000000000000000000000003\"}"},
        {"former_cluster_ids", "{\"x\":[7]}"},
        {"former_cluster_ids", "{\"x\":[\"clu_\"]}"},
        {"former_cluster_ids", "{\"x\":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]}"},
        {"instance", "{\"x\":\"AAAAAAAAAAAAAAAAAAAAAAA\"}"},
        {"license", "{\"x\":\"a\"}"},
        {"admission", "{\"x\":[]}"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct arci_peer peer = full_peer();
        struct arctic_error error;
        ARCI_JSON *record = arci_peer_to_record(&peer);
        ARCI_JSON *value = parse(bad[i].value);
        json_object_set(record, bad[i].member, json_object_get(value, "x"));
        assert_int_equal(arci_peer_from_record(record, &peer, &error), ARCTIC_E_INVALID_REQUEST);
        assert_string_equal(error.field, bad[i].member);
    }
}

/* A peer of before the API over TLS, and one that has it turned off. */
static void test_record_without_tls(void **state)
{
    (void)state;
    struct arci_peer peer = full_peer();
    struct arci_peer back;
    struct arctic_error error;
    peer.api_tls_port = 0;
    peer.api_fingerprint[0] = '\0';
    ARCI_JSON *record = arci_peer_to_record(&peer);
    assert_ok(arci_peer_from_record(record, &back, &error), error);
    assert_int_equal(back.api_tls_port, 0);
    assert_string_equal(back.api_fingerprint, "");
    json_object_del(record, "api_tls_port");
    json_object_del(record, "api_fingerprint");
    assert_ok(arci_peer_from_record(record, &back, &error), error);
    assert_int_equal(back.api_tls_port, 0);
}

static void assert_record_refused(const char *name, json_t *value, int code)
{
    struct arci_peer peer = full_peer();
    struct arci_peer back;
    struct arctic_error error = {0};
    ARCI_JSON *record = arci_peer_to_record(&peer);
    assert_int_equal(json_object_set_new(record, name, value), 0);
    int got = arci_peer_from_record(record, &back, &error);
    if (got != code || strcmp(error.field, name) != 0)
        fail_msg("'%s': %s in '%s' (%s)", name, arctic_code_name(got), error.field, error.message);
}

static void test_records_that_are_wrong(void **state)
{
    (void)state;
    assert_record_refused("id", json_string("svc_00000000000000000000000001"), ARCTIC_E_INVALID_REQUEST);
    assert_record_refused("name", json_string("peer_x"), ARCTIC_E_INVALID_REQUEST);
    assert_record_refused("public_key", json_string("AAAA"), ARCTIC_E_INVALID_REQUEST);
    assert_record_refused("public_key", json_string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="),
                          ARCTIC_E_INVALID_REQUEST);
    assert_record_refused("api_port", json_integer(65536), ARCTIC_E_INVALID_REQUEST);
    assert_record_refused("api_tls_port", json_integer(65536), ARCTIC_E_INVALID_REQUEST);
    assert_record_refused("api_fingerprint", json_string("sha256:00"), ARCTIC_E_INVALID_REQUEST);
    assert_record_refused("api_fingerprint", json_string(FINGERPRINT "0"), ARCTIC_E_INVALID_REQUEST);
    assert_record_refused("tunnel_port", json_integer(-1), ARCTIC_E_INVALID_REQUEST);
    assert_record_refused("version", json_string("0123456789012345678901234567890123456789"),
                          ARCTIC_E_INVALID_REQUEST);
    assert_record_refused("version", json_string("\x1b[2J"), ARCTIC_E_INVALID_REQUEST);
    assert_record_refused("created_at", json_string("yesterday"), ARCTIC_E_INVALID_REQUEST);
}

static void test_live_record(void **state)
{
    (void)state;
    struct arci_peer_live live = full_live();
    struct arci_peer_live back;
    struct arctic_error error;
    ARCI_JSON *record = arci_peer_live_to_record(&live);
    assert_ok(arci_peer_live_from_record(record, &back, &error), error);
    assert_string_equal(back.address, live.address);
    assert_int_equal(back.endpoint_count, 2);
    assert_memory_equal(back.endpoints, live.endpoints, sizeof live.endpoints);
    assert_int_equal(back.last_seen_at, live.last_seen_at);
    assert_int_equal(back.rtt_us, -1);
    assert_int_equal(back.state, ARCI_PEER_DISCOVERED);
    ARCI_JSON *many =
        parse("{\"endpoints\":[\"1.1.1.1:1\",\"1.1.1.1:2\",\"1.1.1.1:3\",\"1.1.1.1:4\",\"1.1.1.1:5\","
              "\"1.1.1.1:6\",\"1.1.1.1:7\",\"1.1.1.1:8\",\"1.1.1.1:9\"]}");
    assert_int_equal(arci_peer_live_from_record(many, &back, &error), ARCTIC_E_INVALID_REQUEST);
    ARCI_JSON *odd = parse("{\"endpoints\":[5]}");
    assert_int_equal(arci_peer_live_from_record(odd, &back, &error), ARCTIC_E_INVALID_REQUEST);
    assert_string_equal(error.field, "endpoints");
}

static void test_requests(void **state)
{
    (void)state;
    static const char *const right[] = {"192.0.2.1:8080", "[2001:db8::1]:8080", "host.example:1",
                                        "host_1-a.example.:65535"};
    static const char *const wrong[] = {"192.0.2.1",
                                        "2001:db8::1:8080",
                                        "[192.0.2.1]:80",
                                        "http://192.0.2.1:8080",
                                        "host.example:0",
                                        "host.example:65536",
                                        ":8080",
                                        "a..b:80",
                                        "-a.example:80",
                                        "host example:80",
                                        "",
                                        "host:80/path"};
    struct arci_peer_request request;
    struct arctic_error error;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        ARCI_JSON *object = json_pack("{s:s}", "address", right[i]);
        assert_ok(arci_peer_request_from_json(object, &request, &error), error);
        assert_string_equal(request.address, right[i]);
        assert_string_equal(request.name, "");
    }
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ARCI_JSON *object = json_pack("{s:s}", "address", wrong[i]);
        if (arci_peer_request_from_json(object, &request, &error) != ARCTIC_E_INVALID_REQUEST)
            fail_msg("'%s' was taken for an address", wrong[i]);
        assert_string_equal(error.field, "address");
    }
    ARCI_JSON *missing = parse("{\"name\":\"b\"}");
    assert_int_equal(arci_peer_request_from_json(missing, &request, &error), ARCTIC_E_MISSING_FIELD);
    assert_string_equal(error.field, "address");
    ARCI_JSON *unknown = parse("{\"address\":\"192.0.2.1:1\",\"port\":1}");
    assert_int_equal(arci_peer_request_from_json(unknown, &request, &error), ARCTIC_E_INVALID_REQUEST);
    assert_string_equal(error.field, "port");
}

static void test_updates(void **state)
{
    (void)state;
    struct arci_peer peer = full_peer();
    struct arctic_error error;
    ARCI_JSON *rename = parse("{\"name\":\"b\"}");
    assert_ok(arci_peer_update_from_json(rename, &peer, &error), error);
    assert_string_equal(peer.name, "b");
    assert_string_equal(peer.description, "rack 4");
    ARCI_JSON *clear = parse("{\"description\":null}");
    assert_ok(arci_peer_update_from_json(clear, &peer, &error), error);
    assert_string_equal(peer.description, "");
    ARCI_JSON *lines = parse("{\"description\":\"two\\nlines\"}");
    assert_ok(arci_peer_update_from_json(lines, &peer, &error), error);
    static const char *const wrong[] = {
        "{\"name\":\"c\",\"address\":\"x\"}", "{\"description\":\"x\",\"name\":null}",
        "{\"name\":\"c\",\"description\":5}", "{\"name\":\"c\",\"description\":\"\\u001b\"}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ARCI_JSON *object = parse(wrong[i]);
        assert_int_equal(arci_peer_update_from_json(object, &peer, &error), ARCTIC_E_INVALID_REQUEST);
        assert_string_equal(peer.name, "b");
        assert_string_equal(peer.description, "two\nlines");
    }
}

static void assert_name(const char *name, bool right)
{
    struct arctic_error error;
    int code = arci_name_validate(name, "name", &error);
    if ((code == ARCTIC_OK) != right)
        fail_msg("'%s': %s", name, code < 0 ? error.message : "taken");
}

static void test_names(void **state)
{
    (void)state;
    char longest[ARCI_NAME_SIZE + 1];
    memset(longest, 'x', sizeof longest);
    longest[ARCI_NAME_SIZE] = '\0';
    assert_name(longest, false);
    longest[ARCI_NAME_SIZE - 1] = '\0';
    assert_name(longest, true);
    assert_name("db replication", true);
    assert_name("Z\xc3\xbcrich \xe2\x86\x92 \xe6\x9d\xb1\xe4\xba\xac", true);
    assert_name("svc", true);
    assert_name("", false);
    assert_name(" a", false);
    assert_name("a ", false);
    assert_name("a\tb", false);
    assert_name("a\x7f", false);
    assert_name("a\xc2\x9b", false); /* C1: a terminal's escape */
    assert_name("a\xe2\x80\xae"
                "b",
                false); /* right-to-left override */
    assert_name("a\xff", false);
    assert_name("a\xc0\x80", false);
    assert_name("peer_1", false);
    assert_name("cust_1", false);
}

static void assert_appended(const char *name, const char *suffix, const char *expected)
{
    char text[ARCI_NAME_SIZE];
    snprintf(text, sizeof text, "%s", name);
    arci_name_append(text, suffix);
    assert_string_equal(text, expected);
    assert_name(text, true);
}

/* 63 bytes at most, and no half a character. */
static void test_a_name_with_a_suffix(void **state)
{
    (void)state;
    assert_appended("db", "-01ABCDEF", "db-01ABCDEF");
    assert_appended("123456789 123456789 123456789 123456789 123456789 12345678901", "-X",
                    "123456789 123456789 123456789 123456789 123456789 12345678901-X");
    assert_appended("123456789 123456789 123456789 123456789 123456789 12345678901", "-01ABCDEF",
                    "123456789 123456789 123456789 123456789 123456789 1234-01ABCDEF");
    assert_appended("123456789 123456789 123456789 123456789 123456789 123\xe6\x9d\xb1\xe4\xba\xac",
                    "-01ABCDEF", "123456789 123456789 123456789 123456789 123456789 123-01ABCDEF");
}

static bool forms_attempt(void *context)
{
    struct arci_peer peer = full_peer();
    ARCI_JSON *object = arci_peer_to_json(&peer, context);
    ARCI_JSON *record = arci_peer_to_record(&peer);
    ARCI_JSON *live = arci_peer_live_to_record(context);
    return object && record && live;
}

static void test_out_of_memory(void **state)
{
    (void)state;
    struct arci_peer_live live = full_live();
    alloc_failure_try_all(forms_attempt, &live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_api_form),
        cmocka_unit_test(test_record_round_trip),
        cmocka_unit_test(test_record_of_a_run),
        cmocka_unit_test(test_a_run_that_makes_no_sense),
        cmocka_unit_test(test_record_without_tls),
        cmocka_unit_test(test_records_that_are_wrong),
        cmocka_unit_test(test_live_record),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_updates),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_a_name_with_a_suffix),
        cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
