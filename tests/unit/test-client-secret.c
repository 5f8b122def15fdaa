/* Secrets of OAuth clients and what is stored of them. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/client-secret.h"

static void test_form_of_a_secret(void **state)
{
    (void)state;
    struct arctic_error error = {0};
    char *first = NULL;
    char *second = NULL;
    uint8_t bytes[32];
    assert_ok(arci_client_secret_generate(&first, &error), error);
    assert_ok(arci_client_secret_generate(&second, &error), error);
    assert_int_equal(strncmp(first, "sec_", 4), 0);
    assert_true(arci_base64_decode_exact(first + 4, bytes, sizeof bytes));
    assert_string_not_equal(first, second);
    arci_free_secret(first);
    arci_free_secret(second);
}

static void test_hash_is_the_known_one(void **state)
{
    (void)state;
    struct arctic_error error = {0};
    char hash[ARCI_CLIENT_SECRET_HASH_TEXT];
    /* printf %s sec_abc | openssl dgst -sha256 -binary | basenc --base64url */
    assert_ok(arci_client_secret_hash("sec_abc", hash, sizeof hash, &error), error);
    assert_string_equal(hash, "sha256:0gAbBgfxcox-Wnh8_o-mRqdtopZyFzY6OkbVQLoLd8k");
    assert_int_equal(strlen(hash) + 1, sizeof hash);
}

static void test_only_the_right_secret_matches(void **state)
{
    (void)state;
    struct arctic_error error = {0};
    char *secret = NULL;
    char hash[ARCI_CLIENT_SECRET_HASH_TEXT];
    assert_ok(arci_client_secret_generate(&secret, &error), error);
    assert_ok(arci_client_secret_hash(secret, hash, sizeof hash, &error), error);
    assert_true(arci_client_secret_matches(secret, hash));
    for (size_t i = 0; secret[i]; i++) {
        secret[i] ^= 1;
        assert_false(arci_client_secret_matches(secret, hash));
        secret[i] ^= 1;
    }
    for (size_t i = 0; hash[i]; i++) {
        hash[i] ^= 1;
        assert_false(arci_client_secret_matches(secret, hash));
        hash[i] ^= 1;
    }
    char longer[sizeof hash + 1];
    snprintf(longer, sizeof longer, "%sA", hash);
    assert_false(arci_client_secret_matches(secret, longer));
    hash[strlen(hash) - 1] = '\0';
    assert_false(arci_client_secret_matches(secret, hash));
    assert_false(arci_client_secret_matches(secret, ""));
    assert_false(arci_client_secret_matches("", hash));
    assert_false(arci_client_secret_matches(secret, secret));
    arci_free_secret(secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_of_a_secret),
        cmocka_unit_test(test_hash_is_the_known_one),
        cmocka_unit_test(test_only_the_right_secret_matches),
    };
    return cmocka_run_group_tests_name("client-secret", tests, NULL, NULL);
}
