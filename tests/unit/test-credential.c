/* Credentials: their forms, requests for new ones, and the change of a secret. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "model/credential.h"
#include "tests/unit/alloc-failure.h"

#define URN "urn:tillered:arctic:"
#define HASH "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define NEW_HASH "sha256:BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
#define NOW 1767225600000

static json_t *parse(const char *text)
{
    struct arctic_error error;
    json_t *object = NULL;
    assert_ok(arci_json_parse(text, strlen(text), &object, &error), error);
    return object;
}

static struct arci_credential full_credential(void)
{
    struct arci_credential credential = {
        .client_id = {"cli_00000000000000000000000001"},
        .name = "monitoring",
        .secret_hash = HASH,
        .scopes = ARCI_SCOPE_PEERS_READ | ARCI_SCOPE_SERVICES_READ,
        .created_at = NOW,
        .bootstrap = true,
    };
    arci_credential_rotate(&credential, NEW_HASH, NOW + 1);
    return credential;
}

static void assert_text(json_t *taken, const char *wanted)
{
    ARCI_JSON *object = taken;
    ARCI_FREE char *text = arci_json_canonical(object);
    assert_string_equal(text, wanted);
}

static void assert_round_trip(const struct arci_credential *credential)
{
    struct arci_credential back;
    struct arctic_error error;
    ARCI_JSON *record = arci_credential_to_record(credential);
    assert_ok(arci_credential_from_record(record, &back, &error), error);
    /* Not as memory: what lies between the members is anything. */
    assert_string_equal(back.client_id.text, credential->client_id.text);
    assert_string_equal(back.name, credential->name);
    assert_string_equal(back.secret_hash, credential->secret_hash);
    assert_int_equal(back.scopes, credential->scopes);
    assert_int_equal(back.created_at, credential->created_at);
    assert_int_equal(back.bootstrap, credential->bootstrap);
    assert_int_equal(back.rotated_at, credential->rotated_at);
    assert_int_equal(back.former_count, credential->former_count);
    for (size_t i = 0; i < back.former_count; i++) {
        assert_string_equal(back.formers[i].hash, credential->formers[i].hash);
        assert_int_equal(back.formers[i].until, credential->formers[i].until);
    }
}

static void test_record_is_read_as_written(void **state)
{
    struct arci_credential credential = full_credential();
    (void)state;
    assert_round_trip(&credential);
    memset(credential.name, 0, sizeof credential.name);
    assert_round_trip(&credential);
    /* One that was never rotated has the form of before there was rotation. */
    const struct arci_credential plain = {.client_id = credential.client_id,
                                          .secret_hash = HASH,
                                          .scopes = ARCI_SCOPE_ADMIN,
                                          .created_at = NOW};
    assert_round_trip(&plain);
    assert_text(arci_credential_to_record(&plain),
                "{\"client_id\":\"cli_00000000000000000000000001\",\"created_at\":1767225600000,"
                "\"name\":\"\",\"scope\":\"" URN "admin\",\"secret_hash\":\"" HASH "\"}");
}

static void test_api_form_has_no_trace_of_secrets(void **state)
{
    struct arci_credential credential = full_credential();
    (void)state;
    assert_text(
        arci_credential_to_json(&credential),
        "{\"client_id\":\"cli_00000000000000000000000001\",\"created_at\":\"2026-01-01T00:00:00.000Z\","
        "\"former_secret_until\":\"2026-01-02T00:00:00.001Z\",\"name\":\"monitoring\","
        "\"rotated_at\":\"2026-01-01T00:00:00.001Z\",\"scopes\":[\"" URN "peers.read\",\"" URN
        "services.read\"]}");
}

#define DAY (INT64_C(24) * 3600 * 1000)

static void test_each_former_secret_lasts_a_day(void **state)
{
    struct arci_credential credential = {.client_id = {"cli_00000000000000000000000001"},
                                         .secret_hash = "sha256:first",
                                         .scopes = ARCI_SCOPE_ADMIN};
    (void)state;
    arci_credential_rotate(&credential, "sha256:second", NOW);
    assert_string_equal(credential.secret_hash, "sha256:second");
    arci_credential_rotate(&credential, "sha256:third", NOW + 5);
    assert_int_equal(credential.former_count, 2);
    assert_string_equal(credential.formers[0].hash, "sha256:second");
    assert_int_equal(credential.formers[0].until, NOW + 5 + DAY);
    assert_string_equal(credential.formers[1].hash, "sha256:first");
    assert_int_equal(credential.formers[1].until, NOW + DAY);
    /* What has ended is not kept. */
    arci_credential_rotate(&credential, "sha256:fourth", NOW + DAY);
    assert_int_equal(credential.former_count, 2);
    assert_string_equal(credential.formers[0].hash, "sha256:third");
    assert_string_equal(credential.formers[1].hash, "sha256:second");
    for (int i = 0; i < 10; i++)
        arci_credential_rotate(&credential, "sha256:more", NOW + DAY);
    assert_int_equal(credential.former_count, ARCI_FORMER_SECRETS_MAX);
    assert_round_trip(&credential);
}

static void assert_refused(const char *text, int wanted, const char *field, const char *words)
{
    struct arci_credential credential = {.scopes = 77};
    struct arctic_error error = {0};
    ARCI_JSON *object = parse(text);
    assert_int_equal(arci_credential_from_json(object, &credential, &error), wanted);
    assert_string_equal(error.field, field);
    assert_non_null(strstr(error.message, words));
    assert_int_equal(credential.scopes, 77);
}

static void test_requests(void **state)
{
    struct arci_credential credential;
    struct arctic_error error;
    (void)state;
    ARCI_JSON *object =
        parse("{\"name\": \"ci\", \"scopes\": [\"admin\", \"" URN "peers.write\", \"admin\"]}");
    assert_ok(arci_credential_from_json(object, &credential, &error), error);
    assert_string_equal(credential.name, "ci");
    assert_int_equal(credential.scopes, ARCI_SCOPE_ADMIN | ARCI_SCOPE_PEERS_WRITE);
    assert_false(credential.bootstrap);

    assert_refused("{}", ARCTIC_E_MISSING_FIELD, "scopes", "scopes");
    assert_refused("{\"scopes\": []}", ARCTIC_E_INVALID_REQUEST, "scopes", "at least one");
    assert_refused("{\"scopes\": [\"root\"]}", ARCTIC_E_INVALID_REQUEST, "scopes", "'root' is no scope");
    assert_refused("{\"scopes\": [\"admin \"]}", ARCTIC_E_INVALID_REQUEST, "scopes", "'admin '");
    assert_refused("{\"scopes\": [\"\"]}", ARCTIC_E_INVALID_REQUEST, "scopes", "no scope");
    assert_refused("{\"scopes\": [null]}", ARCTIC_E_INVALID_REQUEST, "scopes", "strings");
    assert_refused("{\"scopes\": \"admin\"}", ARCTIC_E_INVALID_REQUEST, "scopes", "scopes");
    assert_refused("{\"scopes\": [\"admin\"], \"bootstrap\": true}", ARCTIC_E_INVALID_REQUEST, "bootstrap",
                   "bootstrap");
    assert_refused("{\"scopes\": [\"admin\"], \"name\": \"\"}", ARCTIC_E_INVALID_REQUEST, "name", "name");
}

static void test_scopes_to_give_away(void **state)
{
    (void)state;
    assert_true(arci_scopes_cover(ARCI_SCOPE_ADMIN, ARCI_SCOPES_ALL));
    assert_true(arci_scopes_cover(ARCI_SCOPE_PEERS_READ | ARCI_SCOPE_PEERS_WRITE, ARCI_SCOPE_PEERS_READ));
    assert_false(arci_scopes_cover(ARCI_SCOPES_ALL & ~(uint32_t)ARCI_SCOPE_ADMIN, ARCI_SCOPE_ADMIN));
    assert_false(arci_scopes_cover(ARCI_SCOPE_PEERS_WRITE, ARCI_SCOPE_PEERS_READ));
}

static void test_all_scopes_have_a_name(void **state)
{
    uint32_t back = 0;
    struct arctic_error error;
    (void)state;
    ARCI_JSON *names = arci_scopes_to_json(ARCI_SCOPES_ALL);
    assert_int_equal(json_array_size(names), 7);
    assert_ok(arci_scopes_from_json(names, &back, &error), error);
    assert_int_equal(back, ARCI_SCOPES_ALL);
}

static bool attempt_forms(void *context)
{
    const struct arci_credential *credential = context;
    ARCI_JSON *shown = arci_credential_to_json(credential);
    ARCI_JSON *record = arci_credential_to_record(credential);
    return shown && record;
}

static void test_running_out_of_memory(void **state)
{
    struct arci_credential credential = full_credential();
    (void)state;
    alloc_failure_try_all(attempt_forms, &credential);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_is_read_as_written),
        cmocka_unit_test(test_api_form_has_no_trace_of_secrets),
        cmocka_unit_test(test_each_former_secret_lasts_a_day),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_scopes_to_give_away),
        cmocka_unit_test(test_all_scopes_have_a_name),
        cmocka_unit_test(test_running_out_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
