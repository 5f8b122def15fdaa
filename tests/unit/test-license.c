/* Licences: issued, read back, shown to others, tampered with, and growing old. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/license.h"

#define DAY ((int64_t)86400000)

struct issued {
    char *root_pem;
    char root_text[ARCTIC_KEY_TEXT];
    uint8_t root_key[1][ARCI_KEY_SIZE];
    struct arci_trust_roots roots;
    char *text; /* the licence file */
};

static struct arctic_license_terms sample_terms(void)
{
    static const char *const features[] = {"kcp", "qos", NULL};
    return (struct arctic_license_terms){
        .size = sizeof(struct arctic_license_terms),
        .customer_id = "cust_01JD2Q4Y7M8N9P0QRSTVWXYZ12",
        .features = features,
        .issued_at = 1767225600000,  /* 2026-01-01 */
        .expires_at = 1798761600000, /* 2027-01-01 */
        .max_nodes = 25,
        .max_services = 200,
    };
}

static int issue_sample(void **state)
{
    struct issued *issued = calloc(1, sizeof *issued);
    struct arctic_error error = {0};
    struct arctic_license_terms terms = sample_terms();
    assert_ok(arctic_license_keygen(&issued->root_pem, issued->root_text, &error), error);
    assert_true(arci_base64_decode_exact(issued->root_text, issued->root_key[0], ARCI_KEY_SIZE));
    issued->roots = (struct arci_trust_roots){(const uint8_t(*)[ARCI_KEY_SIZE])issued->root_key, 1};
    assert_ok(arctic_license_issue(issued->root_pem, &terms, &issued->text, &error), error);
    *state = issued;
    return 0;
}

static int free_sample(void **state)
{
    struct issued *issued = *state;
    arctic_license_free_text(issued->root_pem);
    arctic_license_free_text(issued->text);
    free(issued);
    return 0;
}

static int parse_file(const struct issued *issued, const char *text, struct arci_license **ret_license,
                      struct arctic_error *error)
{
    return arci_license_parse(text, strlen(text), ARCI_LICENSE_FILE, &issued->roots, ret_license, error);
}

static void assert_invalid(const struct issued *issued, const char *text, const char *field, const char *part)
{
    struct arctic_error error = {0};
    ARCI_LICENSE *license = NULL;
    int code = parse_file(issued, text, &license, &error);
    if (code != ARCTIC_E_LICENSE_INVALID || strcmp(error.field, field) != 0 || !strstr(error.message, part))
        fail_msg("%s: got %s at '%s' '%s', wanted '%s' at '%s'", text, arctic_code_name(code), error.field,
                 error.message, part, field);
    assert_null(license);
}

static void test_issued_licence_is_read_back(void **state)
{
    const struct issued *issued = *state;
    struct arctic_error error = {0};
    ARCI_LICENSE *license = NULL;
    assert_ok(parse_file(issued, issued->text, &license, &error), error);
    assert_string_equal(license->customer_id.text, "cust_01JD2Q4Y7M8N9P0QRSTVWXYZ12");
    assert_int_equal(strncmp(license->license_id.text, "lic_", 4), 0);
    assert_int_equal(license->issued_at, 1767225600000);
    assert_int_equal(license->expires_at, 1798761600000);
    assert_int_equal(license->max_nodes, 25);
    assert_int_equal(license->max_services, 200);
    assert_int_equal(license->feature_count, 2);
    assert_true(arci_license_has_feature(license, "qos"));
    assert_false(arci_license_has_feature(license, "qo"));
    assert_non_null(license->admission);
    assert_int_equal(issued->text[strlen(issued->text) - 1], '\n');
}

static void test_file_text_round_trip(void **state)
{
    const struct issued *issued = *state;
    struct arctic_error error = {0};
    ARCI_LICENSE *license = NULL;
    char *text = NULL;
    assert_ok(parse_file(issued, issued->text, &license, &error), error);
    assert_ok(arci_license_to_text(license, &text, &error), error);
    assert_string_equal(text, issued->text);
    arci_free_secret(text);
}

static void test_public_part_carries_no_secret_and_verifies(void **state)
{
    const struct issued *issued = *state;
    struct arctic_error error = {0};
    ARCI_LICENSE *license = NULL;
    ARCI_LICENSE *shown = NULL;
    assert_ok(parse_file(issued, issued->text, &license, &error), error);
    ARCI_JSON *object = arci_license_to_public_json(license);
    ARCI_FREE char *text = arci_json_canonical(object);
    assert_null(json_object_get(object, "admission_secret"));
    assert_null(strstr(text, "secret"));
    assert_ok(arci_license_from_json(object, ARCI_LICENSE_SHOWN, &issued->roots, &shown, &error), error);
    assert_null(shown->admission);
    /* It is no licence file, and the file is nothing to show. */
    assert_invalid(issued, text, "admission_secret", "is not the licence file but the part that peers show");
    assert_int_equal(arci_license_parse(issued->text, strlen(issued->text), ARCI_LICENSE_SHOWN,
                                        &issued->roots, &shown, &error),
                     ARCTIC_E_LICENSE_INVALID);
    assert_non_null(strstr(error.message, "must never be sent to another peer"));
}

/* A changed byte is refused, unless the text still says the very same (white space, the case of an id). */
static void test_every_changed_byte_is_refused(void **state)
{
    const struct issued *issued = *state;
    ARCI_LICENSE *original = NULL;
    struct arctic_error error = {0};
    assert_ok(parse_file(issued, issued->text, &original, &error), error);
    ARCI_FREE char *text = strdup(issued->text);
    size_t length = strlen(text);
    int accepted = 0;
    for (size_t i = 0; i < length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            ARCI_LICENSE *license = NULL;
            text[i] = (char)(text[i] ^ (1 << bit));
            int code = arci_license_parse(text, length, ARCI_LICENSE_FILE, &issued->roots, &license, &error);
            text[i] = (char)(text[i] ^ (1 << bit));
            if (code == ARCTIC_OK) {
                accepted++;
                assert_true(json_equal(license->document, original->document));
            } else {
                assert_int_equal(code, ARCTIC_E_LICENSE_INVALID);
            }
        }
    }
    /* Newlines and blanks have neighbours that are white space too: nothing else may pass. */
    assert_true(accepted < 60);
    for (size_t i = 0; i + 2 < length; i++) {
        ARCI_LICENSE *license = NULL;
        assert_int_equal(arci_license_parse(text, i, ARCI_LICENSE_FILE, &issued->roots, &license, NULL),
                         ARCTIC_E_LICENSE_INVALID);
    }
}

static void test_other_trust_roots_do_not_know_it(void **state)
{
    const struct issued *issued = *state;
    struct arctic_error error = {0};
    ARCI_LICENSE *license = NULL;
    struct arci_trust_roots built_in = arci_trust_roots_built_in();
    assert_true(built_in.count >= 1);
    assert_int_equal(arci_license_parse(issued->text, strlen(issued->text), ARCI_LICENSE_FILE, &built_in,
                                        &license, &error),
                     ARCTIC_E_LICENSE_INVALID);
    assert_string_equal(error.field, "signature");
    assert_non_null(strstr(error.message, "by none of the"));
    /* Among several roots the right one is found. */
    uint8_t keys[3][ARCI_KEY_SIZE];
    memcpy(keys[0], built_in.keys[0], ARCI_KEY_SIZE);
    memset(keys[1], 0xff, ARCI_KEY_SIZE);
    memcpy(keys[2], issued->root_key[0], ARCI_KEY_SIZE);
    struct arci_trust_roots several = {(const uint8_t(*)[ARCI_KEY_SIZE])keys, 3};
    assert_ok(
        arci_license_parse(issued->text, strlen(issued->text), ARCI_LICENSE_FILE, &several, &license, &error),
        error);
}

/* Sets or removes one member of the issued licence and gives the text. */
static char *with_member(const struct issued *issued, const char *name, json_t *value)
{
    ARCI_JSON *object = NULL;
    assert_int_equal(arci_json_parse(issued->text, strlen(issued->text), &object, NULL), ARCTIC_OK);
    if (value)
        assert_int_equal(json_object_set_new(object, name, value), 0);
    else
        assert_int_equal(json_object_del(object, name), 0);
    return arci_json_canonical(object);
}

static void assert_member_invalid(const struct issued *issued, const char *name, json_t *value,
                                  const char *part)
{
    ARCI_FREE char *text = with_member(issued, name, value);
    assert_invalid(issued, text, name, part);
}

static json_t *many_features(size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string("x"));
    return array;
}

static void test_wrong_members_are_named(void **state)
{
    const struct issued *issued = *state;
    static const char *const all[] = {"customer_id", "license_id",    "issued_at",
                                      "expires_at",  "max_nodes",     "max_services",
                                      "features",    "admission_key", "signature"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_member_invalid(issued, all[i], NULL, "is required");
        assert_member_invalid(issued, all[i], json_null(), "not null");
        assert_member_invalid(issued, all[i], json_object(), "not an object");
    }
    assert_member_invalid(issued, "admission_secret", NULL, "is missing");
    assert_member_invalid(issued, "admission_secret", json_string("AAAA"), "32 bytes as base64url");
    assert_member_invalid(issued, "admission_secret",
                          json_string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
                          "does not belong to 'admission_key'");
    assert_member_invalid(issued, "max_seats", json_integer(1), "unknown member 'max_seats'");
    assert_member_invalid(issued, "max_nodes", json_integer(0), "between 1 and 1000000, not 0");
    assert_member_invalid(issued, "max_services", json_integer(1000001),
                          "between 1 and 1000000, not 1000001");
    assert_member_invalid(issued, "max_nodes", json_real(2.5), "must be an integer");
    assert_member_invalid(issued, "customer_id", json_string("lic_01JD2Q4Y7M8N9P0QRSTVWXYZ12"), "cust_");
    assert_member_invalid(issued, "expires_at", json_string("2027-02-30T00:00:00Z"),
                          "a day that does not exist");
    assert_member_invalid(issued, "expires_at", json_string("2025-12-31T23:59:59Z"),
                          "later than 'issued_at'");
    assert_member_invalid(issued, "features", many_features(65), "65 features, at most 64");
    assert_member_invalid(issued, "features", json_pack("[s]", ""), "feature 0 must be");
    assert_member_invalid(issued, "features", json_pack("[s, s]", "kcp", "Q o S"), "feature 1 must be");
    assert_member_invalid(issued, "features", json_pack("[i]", 1), "feature 0 must be");
    assert_member_invalid(
        issued, "features",
        json_pack("[s]", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        "feature 0 must be");
    /* Well-formed, but no longer what was signed. */
    ARCI_FREE char *text = with_member(issued, "max_nodes", json_integer(1000000));
    assert_invalid(issued, text, "signature", "the licence was changed");
}

static void test_texts_that_are_no_licence(void **state)
{
    const struct issued *issued = *state;
    struct arctic_error error = {0};
    ARCI_LICENSE *license = NULL;
    assert_invalid(issued, "", "", "not valid JSON");
    assert_invalid(issued, "[]", "", "must be one object");
    assert_invalid(issued, "{}", "customer_id", "is required");
    assert_invalid(issued, "{\"max_nodes\":1,\"max_nodes\":2}", "", "duplicate");
    size_t length = ARCTIC_LICENSE_TEXT_MAX + 1;
    ARCI_FREE char *large = malloc(length);
    memset(large, ' ', length);
    assert_int_equal(arci_license_parse(large, length, ARCI_LICENSE_FILE, &issued->roots, &license, &error),
                     ARCTIC_E_LICENSE_INVALID);
    assert_non_null(strstr(error.message, "65537 bytes, at most 65536"));
}

static void test_states_over_time(void **state)
{
    (void)state;
    const int64_t end = 1798761600000;
    const struct arci_license license = {.expires_at = end};
    static const struct {
        int64_t after_end;
        const char *name;
        int64_t state_ends;
    } rows[] = {
        {-400 * DAY, "valid", -30 * DAY},
        {-30 * DAY - 1, "valid", -30 * DAY},
        {-30 * DAY, "warning", 0},
        {-1, "warning", 0},
        {0, "grace", 14 * DAY},
        {14 * DAY - 1, "grace", 14 * DAY},
        {14 * DAY, "read_only", 28 * DAY},
        {28 * DAY - 1, "read_only", 28 * DAY},
        {28 * DAY, "suspended", INT64_MAX},
        {4000 * DAY, "suspended", INT64_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t now = end + rows[i].after_end;
        assert_string_equal(arctic_license_state_name((int32_t)arci_license_state_at(&license, now)),
                            rows[i].name);
        int64_t ends = rows[i].state_ends == INT64_MAX ? INT64_MAX : end + rows[i].state_ends;
        assert_int_equal(arci_license_state_ends_at(&license, now), ends);
    }
    assert_string_equal(arctic_license_state_name(5), "unknown");
    assert_string_equal(arctic_license_state_name(-1), "unknown");
}

static void test_proof_of_holding_the_file(void **state)
{
    const struct issued *issued = *state;
    struct arctic_error error = {0};
    ARCI_LICENSE *license = NULL;
    ARCI_LICENSE *shown = NULL;
    uint8_t proof[ARCI_SIGNATURE_SIZE];
    assert_ok(parse_file(issued, issued->text, &license, &error), error);
    ARCI_JSON *object = arci_license_to_public_json(license);
    assert_ok(arci_license_from_json(object, ARCI_LICENSE_SHOWN, &issued->roots, &shown, &error), error);
    assert_ok(arci_license_prove(license, "challenge 1", 11, proof, &error), error);
    assert_ok(arci_license_check_proof(shown, "challenge 1", 11, proof, &error), error);
    assert_int_equal(arci_license_check_proof(shown, "challenge 2", 11, proof, &error),
                     ARCTIC_E_HANDSHAKE_FAILED);
    assert_non_null(strstr(error.message, "does not prove that it holds its file"));
    /* Who has only seen the licence cannot prove anything. */
    assert_int_equal(arci_license_prove(shown, "challenge 1", 11, proof, &error), ARCTIC_E_USAGE);
}

static void assert_not_issued(const struct issued *issued, const struct arctic_license_terms *terms, int code,
                              const char *field, const char *part)
{
    struct arctic_error error = {0};
    char *text = NULL;
    assert_int_equal(arctic_license_issue(issued->root_pem, terms, &text, &error), code);
    assert_null(text);
    assert_string_equal(error.field, field);
    if (!strstr(error.message, part))
        fail_msg("'%s' lacks '%s'", error.message, part);
}

static void test_terms_out_of_range_are_not_issued(void **state)
{
    const struct issued *issued = *state;
    struct arctic_license_terms terms = sample_terms();
    terms.max_nodes = 0;
    assert_not_issued(issued, &terms, ARCTIC_E_INVALID_REQUEST, "max_nodes", "between 1 and 1000000");
    terms = sample_terms();
    terms.expires_at = terms.issued_at;
    assert_not_issued(issued, &terms, ARCTIC_E_INVALID_REQUEST, "expires_at", "later than");
    terms = sample_terms();
    terms.customer_id = "acme";
    assert_not_issued(issued, &terms, ARCTIC_E_INVALID_REQUEST, "customer_id",
                      "'acme' is no id of this kind");
    terms = sample_terms();
    terms.features = (const char *const[]){"no blanks", NULL};
    assert_not_issued(issued, &terms, ARCTIC_E_INVALID_REQUEST, "features", "feature 0");
    terms = sample_terms();
    terms.expires_at = INT64_MAX;
    assert_not_issued(issued, &terms, ARCTIC_E_INVALID_REQUEST, "expires_at", "");
    terms.size = 0;
    assert_not_issued(issued, &terms, ARCTIC_E_USAGE, "size", "set it to sizeof");
    assert_not_issued(issued, NULL, ARCTIC_E_USAGE, "", "NULL");
    struct arctic_error error = {0};
    char *text = NULL;
    terms = sample_terms();
    assert_int_equal(arctic_license_issue("-----BEGIN", &terms, &text, &error), ARCTIC_E_CORRUPT);
    assert_non_null(strstr(error.message, "trust root: not a PEM private key"));
}

static void test_ids_and_time_are_made_when_not_given(void **state)
{
    const struct issued *issued = *state;
    struct arctic_error error = {0};
    struct arctic_license_terms terms = {
        .size = sizeof terms, .expires_at = arci_time_now() + 10 * DAY, .max_nodes = 1, .max_services = 1};
    struct arctic_license_summary summary = {.size = sizeof summary};
    int64_t before = arci_time_now();
    char *text = NULL;
    assert_ok(arctic_license_issue(issued->root_pem, &terms, &text, &error), error);
    assert_ok(arctic_license_inspect(text, strlen(text), issued->root_text, &summary, &error), error);
    arctic_license_free_text(text);
    assert_int_equal(strncmp(summary.customer_id.text, "cust_", 5), 0);
    assert_true(summary.issued_at >= before && summary.issued_at <= arci_time_now());
    assert_int_equal(summary.state, ARCTIC_LICENSE_WARNING);
    assert_int_equal(summary.feature_count, 0);
}

static void test_inspect_tells_whose_it_is(void **state)
{
    const struct issued *issued = *state;
    struct arctic_error error = {0};
    struct arctic_license_summary summary = {.size = sizeof summary};
    size_t length = strlen(issued->text);
    assert_ok(arctic_license_inspect(issued->text, length, issued->root_text, &summary, &error), error);
    assert_int_equal(summary.trusted, 1);
    assert_int_equal(summary.admits, 1);
    assert_int_equal(summary.max_services, 200);
    assert_int_equal(summary.feature_count, 2);
    assert_string_equal(summary.features[1], "qos");
    assert_ok(arctic_license_inspect(issued->text, length, NULL, &summary, &error), error);
    assert_int_equal(summary.trusted, 0);
    ARCI_FREE char *shown = with_member(issued, "admission_secret", NULL);
    assert_ok(arctic_license_inspect(shown, strlen(shown), issued->root_text, &summary, &error), error);
    assert_int_equal(summary.trusted, 1);
    assert_int_equal(summary.admits, 0);
    assert_int_equal(arctic_license_inspect("{}", 2, NULL, &summary, &error), ARCTIC_E_LICENSE_INVALID);
    assert_int_equal(arctic_license_inspect(shown, strlen(shown), "short", &summary, &error), ARCTIC_E_USAGE);
    assert_int_equal(arctic_license_inspect(NULL, 0, NULL, &summary, &error), ARCTIC_E_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, issue_sample, free_sample)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_issued_licence_is_read_back),
        TEST(test_file_text_round_trip),
        TEST(test_public_part_carries_no_secret_and_verifies),
        TEST(test_every_changed_byte_is_refused),
        TEST(test_other_trust_roots_do_not_know_it),
        TEST(test_wrong_members_are_named),
        TEST(test_texts_that_are_no_licence),
        TEST(test_states_over_time),
        TEST(test_proof_of_holding_the_file),
        TEST(test_terms_out_of_range_are_not_issued),
        TEST(test_ids_and_time_are_made_when_not_given),
        TEST(test_inspect_tells_whose_it_is),
    };
    return cmocka_run_group_tests_name("license", tests, NULL, NULL);
}
