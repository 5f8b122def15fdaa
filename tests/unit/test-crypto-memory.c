/* Licences, tokens and connections that run out of memory: an error, nothing leaked, nothing half made. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/base64.h"
#include "base/secret.h"
#include "crypto/license.h"
#include "crypto/tls.h"
#include "crypto/token.h"
#include "tests/unit/alloc-failure.h"

struct material {
    char *root_pem;
    uint8_t root_key[1][ARCI_KEY_SIZE];
    struct arci_trust_roots roots;
    char *license;
    struct arci_identity *identity;
    char *token;
    struct arci_tls *tls;
};

static const struct arctic_license_terms terms = {
    .size = sizeof terms,
    .features = (const char *const[]){"kcp", "qos", NULL},
    .issued_at = 1,
    .expires_at = 1000000,
    .max_nodes = 1,
    .max_services = 1,
};
static const struct arci_token_claims claims = {"peer_1", "cli_1", "admin", 1000, 2000};

static const uint8_t *find_key(void *context, const char *issuer)
{
    const struct material *material = context;
    (void)issuer;
    return arci_identity_public_key(material->identity);
}

static int make_material(void **state)
{
    struct material *material = calloc(1, sizeof *material);
    struct arctic_error error = {0};
    char root_text[ARCTIC_KEY_TEXT];
    assert_ok(arctic_license_keygen(&material->root_pem, root_text, &error), error);
    assert_true(arci_base64_decode_exact(root_text, material->root_key[0], ARCI_KEY_SIZE));
    material->roots = (struct arci_trust_roots){(const uint8_t(*)[ARCI_KEY_SIZE])material->root_key, 1};
    assert_ok(arctic_license_issue(material->root_pem, &terms, &material->license, &error), error);
    assert_ok(arci_identity_generate(&material->identity, &error), error);
    assert_ok(arci_token_issue(material->identity, &claims, &material->token, &error), error);
    assert_ok(arci_tls_create(material->identity, &material->tls, &error), error);
    *state = material;
    return 0;
}

static int free_material(void **state)
{
    struct material *material = *state;
    arctic_license_free_text(material->root_pem);
    arctic_license_free_text(material->license);
    arci_free_secret(material->token);
    arci_tls_free(material->tls);
    arci_identity_free(material->identity);
    free(material);
    return 0;
}

/* What failed for want of memory says so, and not that its input is bad. */
static bool succeeded(int code)
{
    if (code < 0)
        assert_int_equal(code, ARCTIC_E_NO_MEMORY);
    return code == ARCTIC_OK;
}

/* jansson's lexer calls a string that it has no memory for a syntax error: what reads JSON may be refused for that instead. */
static bool succeeded_reading(int code)
{
    return code == ARCTIC_OK;
}

static bool read_license(void *context)
{
    const struct material *material = context;
    ARCI_LICENSE *license = NULL;
    char *text = NULL;
    int code = arci_license_parse(material->license, strlen(material->license), ARCI_LICENSE_FILE,
                                  &material->roots, &license, NULL);
    if (code == ARCTIC_OK)
        code = arci_license_to_text(license, &text, NULL);
    if (code == ARCTIC_OK)
        assert_string_equal(text, material->license);
    arci_free_secret(text);
    return succeeded_reading(code);
}

static bool issue_license(void *context)
{
    const struct material *material = context;
    char *text = NULL;
    int code = arctic_license_issue(material->root_pem, &terms, &text, NULL);
    arctic_license_free_text(text);
    return succeeded(code);
}

static bool issue_token(void *context)
{
    const struct material *material = context;
    char *text = NULL;
    int code = arci_token_issue(material->identity, &claims, &text, NULL);
    arci_free_secret(text);
    return succeeded(code);
}

static bool verify_token(void *context)
{
    struct material *material = context;
    struct arci_token token;
    return succeeded_reading(arci_token_verify(material->token, find_key, material, 1000, &token, NULL));
}

static bool make_tls(void *context)
{
    const struct material *material = context;
    struct arci_tls *tls = NULL;
    int code = arci_tls_create(material->identity, &tls, NULL);
    arci_tls_free(tls);
    return succeeded(code);
}

static bool make_connection(void *context)
{
    const struct material *material = context;
    SSL *ssl = NULL;
    int code = arci_tls_connect(material->tls, -1, material->root_key[0], ARCI_ALPN_FLOW, &ssl, NULL);
    SSL_free(ssl);
    return succeeded(code);
}

static bool (*const readers[])(void *context) = {read_license, verify_token};
static bool (*const attempts[])(void *context) = {issue_license, issue_token, make_tls, make_connection};

static void test_every_allocation_may_fail(void **state)
{
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++)
        alloc_failure_try_running_out(readers[i], *state);
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++)
        alloc_failure_try_all(attempts[i], *state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_allocation_may_fail, make_material, free_material),
    };
    return cmocka_run_group_tests_name("crypto-memory", tests, NULL, NULL);
}
