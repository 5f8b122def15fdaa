/* Fingerprints of API keys, and the certificates that carry them. */
#include "tests/unit/unit.h"

#include <string.h>

#include "crypto/api-certificate.h"
#include "crypto/fingerprint.h"

static const uint8_t bytes[ARCI_SHA256_SIZE] = {0x00, 0x01, 0xfb, 0xff, 0xfe, [31] = 0x9a};

#define HEX "0001fbfffe00000000000000000000000000000000000000000000000000009a"
#define BASE64 "AAH7//4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAJo="

static void test_texts(void **state)
{
    (void)state;
    char text[ARCI_FINGERPRINT_TEXT];
    char pin[ARCI_FINGERPRINT_CURL_PIN];
    assert_string_equal(arci_fingerprint_format(bytes, text), "sha256:" HEX);
    assert_string_equal(arci_fingerprint_curl_pin(bytes, pin), "sha256//" BASE64);
}

static void test_forms_that_are_read(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "sha256:" HEX,
        HEX,
        "SHA256:0001FBFFFE00000000000000000000000000000000000000000000000000009A",
        "00:01:fb:ff:FE:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:9a",
        "sha256//" BASE64,
        "sha256//AAH7//4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAJo",
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint8_t got[ARCI_SHA256_SIZE] = {0};
        if (!arci_fingerprint_parse(forms[i], got))
            fail_msg("not read: %s", forms[i]);
        assert_memory_equal(got, bytes, sizeof got);
    }
}

static void test_forms_that_are_none(void **state)
{
    (void)state;
    static const char *const forms[] = {
        "",
        "sha256:",
        "sha256//",
        "sha1:" HEX,
        HEX "0",
        "0001fbfffe",
        "g001fbfffe00000000000000000000000000000000000000000000000000009a",
        "00:01fbfffe00000000000000000000000000000000000000000000000000009a",
        ":0001fbfffe00000000000000000000000000000000000000000000000000009a",
        HEX " ",
        "sha256//" BASE64 "=",
        "sha256//AAH7//4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAJp=",
        "sha256//" BASE64 ";sha256//" BASE64,
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        uint8_t got[ARCI_SHA256_SIZE];
        if (arci_fingerprint_parse(forms[i], got))
            fail_msg("read: %s", forms[i]);
    }
}

static void test_signature_is_of_one_peer_and_one_key(void **state)
{
    (void)state;
    ARCI_IDENTITY *identity = NULL;
    ARCI_IDENTITY *other = NULL;
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    uint8_t changed[ARCI_SHA256_SIZE];
    memcpy(changed, bytes, sizeof changed);
    changed[0] ^= 1;
    assert_int_equal(arci_identity_generate(&identity, NULL), ARCTIC_OK);
    assert_int_equal(arci_identity_generate(&other, NULL), ARCTIC_OK);
    const uint8_t *key = arci_identity_public_key(identity);
    assert_int_equal(arci_fingerprint_sign(identity, bytes, signature, NULL), ARCTIC_OK);
    assert_int_equal(arci_fingerprint_verify(key, bytes, signature, NULL), ARCTIC_OK);
    assert_int_equal(arci_fingerprint_verify(key, changed, signature, NULL), ARCTIC_E_UNAUTHORIZED);
    assert_int_equal(arci_fingerprint_verify(arci_identity_public_key(other), bytes, signature, NULL),
                     ARCTIC_E_UNAUTHORIZED);
    /* Not for its bare bytes: another purpose is another signature. */
    assert_int_equal(arci_signature_verify(key, bytes, sizeof bytes, signature, NULL), ARCTIC_E_UNAUTHORIZED);
}

static void test_certificate_is_made_and_read(void **state)
{
    (void)state;
    struct arctic_error error;
    struct arci_api_certificate made = {0};
    struct arci_api_certificate read = {0};
    uint8_t fingerprint[ARCI_SHA256_SIZE];
    assert_ok(arci_api_certificate_generate("host a\n", &made, &error), error);
    arci_api_certificate_release(&made);
    assert_ok(arci_api_certificate_generate("agent-a.example.org", &made, &error), error);
    assert_ok(arci_api_certificate_read(made.chain, made.key, &read, &error), error);
    assert_memory_equal(made.fingerprint, read.fingerprint, sizeof read.fingerprint);
    assert_ok(arci_fingerprint_of_pem(made.chain, fingerprint, &error), error);
    assert_memory_equal(made.fingerprint, fingerprint, sizeof fingerprint);
    arci_api_certificate_release(&read);

    struct arci_api_certificate other = {0};
    assert_ok(arci_api_certificate_generate(NULL, &other, &error), error);
    assert_memory_not_equal(made.fingerprint, other.fingerprint, sizeof fingerprint);
    assert_int_equal(arci_api_certificate_read(made.chain, other.key, &read, &error), ARCTIC_E_CORRUPT);
    assert_string_equal(error.message, "the key is not that of the certificate");
    assert_int_equal(arci_api_certificate_read("", made.key, &read, &error), ARCTIC_E_CORRUPT);
    assert_int_equal(arci_api_certificate_read(made.chain, made.chain, &read, &error), ARCTIC_E_CORRUPT);
    assert_null(read.key);
    arci_api_certificate_release(&other);
    arci_api_certificate_release(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_forms_that_are_read),
        cmocka_unit_test(test_forms_that_are_none),
        cmocka_unit_test(test_signature_is_of_one_peer_and_one_key),
        cmocka_unit_test(test_certificate_is_made_and_read),
    };
    return cmocka_run_group_tests_name("fingerprint", tests, NULL, NULL);
}
