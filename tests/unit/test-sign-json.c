/* Signed JSON: the form of the text does not matter, its content does, and a signature serves one purpose
 * only. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "crypto/sign-json.h"
#include "crypto/signature.h"

#define PURPOSE "arctic-record-v1"

static const char record[] =
    "{\"id\":\"svc_01\",\"name\":\"Büro\",\"routes\":[{\"id\":1,\"p\":1.5},null,true],\"version\":7}";

struct signer {
    struct arci_identity *identity;
    char signature[ARCI_SIGNATURE_TEXT];
};

static int verify_text(const struct signer *signer, const char *text, const char *signature,
                       struct arctic_error *error)
{
    ARCI_JSON *value = NULL;
    if (arci_json_parse(text, strlen(text), &value, error) < 0)
        return ARCTIC_E_CORRUPT;
    return arci_verify_json(arci_identity_public_key(signer->identity), PURPOSE, value, signature, error);
}

static int sign_record(void **state)
{
    struct signer *signer = calloc(1, sizeof *signer);
    ARCI_JSON *value = NULL;
    assert_int_equal(arci_identity_generate(&signer->identity, NULL), ARCTIC_OK);
    assert_int_equal(arci_json_parse(record, strlen(record), &value, NULL), ARCTIC_OK);
    assert_int_equal(arci_sign_json(signer->identity, PURPOSE, value, signer->signature, NULL), ARCTIC_OK);
    *state = signer;
    return 0;
}

static int free_signer(void **state)
{
    struct signer *signer = *state;
    arci_identity_free(signer->identity);
    free(signer);
    return 0;
}

static void test_other_forms_of_the_same_content_hold(void **state)
{
    static const char other_form[] =
        "{ \"version\" : 7, \"routes\": [ { \"p\":1.5, \"id\":1 },\n null, true ],"
        "\"name\":\"B\\u00fcro\", \"id\":\"svc_01\" }";
    struct arctic_error error = {0};
    const struct signer *signer = *state;
    assert_ok(verify_text(signer, record, signer->signature, &error), error);
    assert_ok(verify_text(signer, other_form, signer->signature, &error), error);
}

static void test_every_changed_byte_is_found(void **state)
{
    const struct signer *signer = *state;
    char text[sizeof record];
    for (size_t i = 0; i < sizeof record - 1; i++) {
        for (int bit = 0; bit < 8; bit++) {
            memcpy(text, record, sizeof text);
            text[i] = (char)(text[i] ^ (1 << bit));
            assert_int_equal(verify_text(signer, text, signer->signature, NULL), ARCTIC_E_CORRUPT);
        }
    }
    char signature[ARCI_SIGNATURE_TEXT];
    for (size_t i = 0; i < sizeof signature - 1; i++) {
        memcpy(signature, signer->signature, sizeof signature);
        signature[i] = signature[i] == 'A' ? 'B' : 'A';
        assert_int_equal(verify_text(signer, record, signature, NULL), ARCTIC_E_CORRUPT);
    }
}

static void test_signature_of_another_purpose_does_not_hold(void **state)
{
    const struct signer *signer = *state;
    const uint8_t *key = arci_identity_public_key(signer->identity);
    ARCI_JSON *value = NULL;
    char other[ARCI_SIGNATURE_TEXT];
    struct arctic_error error = {0};
    assert_int_equal(arci_json_parse(record, strlen(record), &value, NULL), ARCTIC_OK);
    assert_ok(arci_sign_json(signer->identity, "arctic-departure-v1", value, other, &error), error);
    assert_int_equal(arci_verify_json(key, PURPOSE, value, other, &error), ARCTIC_E_CORRUPT);
    assert_string_equal(error.message, "the signature does not match the owner's key");
    assert_string_equal(error.field, "signature");
}

/* A context must not run over into the message: ("ab", "c") and ("a", "bc") are two things. */
static void test_context_and_message_do_not_run_together(void **state)
{
    const struct signer *signer = *state;
    const uint8_t *key = arci_identity_public_key(signer->identity);
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    assert_int_equal(arci_sign_in_context(signer->identity, "ab", "c", 1, signature, NULL), ARCTIC_OK);
    assert_int_equal(arci_verify_in_context(key, "ab", "c", 1, signature, NULL), ARCTIC_OK);
    assert_int_equal(arci_verify_in_context(key, "a", "bc", 2, signature, NULL), ARCTIC_E_UNAUTHORIZED);
}

static void test_text_that_is_no_signature(void **state)
{
    static const char *const texts[] = {"", "AAAA", "!",
                                        "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz=="};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arctic_error error = {0};
        assert_int_equal(verify_text(*state, record, texts[i], &error), ARCTIC_E_CORRUPT);
        assert_non_null(strstr(error.message, "is no signature, expected 86 characters of base64url"));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, sign_record, free_signer)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_other_forms_of_the_same_content_hold),
        TEST(test_every_changed_byte_is_found),
        TEST(test_signature_of_another_purpose_does_not_hold),
        TEST(test_context_and_message_do_not_run_together),
        TEST(test_text_that_is_no_signature),
    };
    return cmocka_run_group_tests_name("sign-json", tests, NULL, NULL);
}
