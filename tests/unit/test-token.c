/* Access tokens: what the issuer signed is read, everything else is refused, and only an expired one is called expired. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/secret.h"
#include "crypto/jwk.h"
#include "crypto/token.h"

#define NOW 1767225600
#define PEER "peer_01JD2Q4Y7M8N9P0QRSTVWXYZ12"
#define CLIENT "cli_01JD2Q4Y7M8N9P0QRSTVWXYZ34"
#define SCOPE "urn:tillered:arctic:services.read"

struct issuer {
    struct arci_identity *identity;
    char key_id[ARCI_KEY_ID_TEXT];
    char *token;
};

static const uint8_t *find_key(void *context, const char *name)
{
    const struct issuer *issuer = context;
    return strcmp(name, PEER) == 0 ? arci_identity_public_key(issuer->identity) : NULL;
}

static int verify(struct issuer *issuer, const char *text, int64_t now, struct arci_token *token,
                  struct arctic_error *error)
{
    return arci_token_verify(text, find_key, issuer, now, token, error);
}

static int issue_token(void **state)
{
    struct issuer *issuer = calloc(1, sizeof *issuer);
    struct arctic_error error = {0};
    const struct arci_token_claims claims = {PEER, CLIENT, SCOPE, NOW, NOW + 3600};
    assert_ok(arci_identity_generate(&issuer->identity, &error), error);
    assert_ok(arci_key_id(arci_identity_public_key(issuer->identity), issuer->key_id, &error), error);
    assert_ok(arci_token_issue(issuer->identity, &claims, &issuer->token, &error), error);
    *state = issuer;
    return 0;
}

static int free_token(void **state)
{
    struct issuer *issuer = *state;
    arci_identity_free(issuer->identity);
    arci_free_secret(issuer->token);
    free(issuer);
    return 0;
}

static void test_issued_token_is_read(void **state)
{
    struct issuer *issuer = *state;
    struct arctic_error error = {0};
    struct arci_token token;
    uint8_t id[16];
    assert_ok(verify(issuer, issuer->token, NOW + 1, &token, &error), error);
    assert_string_equal(token.issuer, PEER);
    assert_string_equal(token.subject, CLIENT);
    assert_string_equal(token.scope, SCOPE);
    assert_int_equal(token.issued_at, NOW);
    assert_int_equal(token.expires_at, NOW + 3600);
    assert_true(arci_base64_decode_exact(token.token_id, id, sizeof id));
}

static void test_times(void **state)
{
    struct issuer *issuer = *state;
    struct arctic_error error = {0};
    struct arci_token token;
    /* Clocks may be 60 s apart in both directions. */
    assert_ok(verify(issuer, issuer->token, NOW - 60, &token, &error), error);
    assert_int_equal(verify(issuer, issuer->token, NOW - 61, &token, &error), ARCTIC_E_UNAUTHORIZED);
    assert_non_null(strstr(error.message, "its time has not come"));
    assert_ok(verify(issuer, issuer->token, NOW + 3600 + 59, &token, &error), error);
    assert_int_equal(verify(issuer, issuer->token, NOW + 3600 + 60, &token, &error), ARCTIC_E_TOKEN_EXPIRED);
    assert_string_equal(error.message, "the access token has expired: get a new one");
}

static void test_every_changed_byte_is_refused(void **state)
{
    struct issuer *issuer = *state;
    size_t length = strlen(issuer->token);
    for (size_t i = 0; i < length; i++) {
        for (int bit = 0; bit < 8; bit++) {
            struct arci_token token;
            issuer->token[i] = (char)(issuer->token[i] ^ (1 << bit));
            assert_int_equal(verify(issuer, issuer->token, NOW, &token, NULL), ARCTIC_E_UNAUTHORIZED);
            issuer->token[i] = (char)(issuer->token[i] ^ (1 << bit));
        }
    }
    for (size_t i = 0; i < length; i++) {
        struct arci_token token;
        char *cut = strndup(issuer->token, i);
        assert_int_equal(verify(issuer, cut, NOW, &token, NULL), ARCTIC_E_UNAUTHORIZED);
        free(cut);
    }
}

/* Signs any header and claims with the issuer's key, as a peer with a will of its own could. */
static char *forge(const struct issuer *issuer, const char *header, const char *claims)
{
    char header_text[2048], claims_text[6144], signature_text[ARCI_BASE64_TEXT(ARCI_SIGNATURE_SIZE)];
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    char *input = NULL;
    char *token = NULL;
    arci_base64_encode(header, strlen(header), header_text);
    arci_base64_encode(claims, strlen(claims), claims_text);
    assert_true(asprintf(&input, "%s.%s", header_text, claims_text) > 0);
    assert_int_equal(arci_identity_sign(issuer->identity, input, strlen(input), signature, NULL), ARCTIC_OK);
    assert_true(asprintf(&token, "%s.%s", input,
                         arci_base64_encode(signature, sizeof signature, signature_text)) > 0);
    free(input);
    return token;
}

#define GOOD_CLAIMS                                                                                          \
    "{\"iss\":\"" PEER "\",\"sub\":\"" CLIENT "\",\"scope\":\"" SCOPE                                        \
    "\",\"iat\":1767225600,\"exp\":1767229200,\"jti\":\"a\"}"

static void assert_forged(struct issuer *issuer, const char *header, const char *claims, const char *part)
{
    struct arctic_error error = {0};
    struct arci_token token;
    ARCI_FREE char *text = forge(issuer, header, claims);
    int code = verify(issuer, text, NOW, &token, &error);
    if (!part && code == ARCTIC_OK)
        return;
    if (code != ARCTIC_E_UNAUTHORIZED || !part || !strstr(error.message, part))
        fail_msg("%s . %s: got %s '%s', wanted '%s'", header, claims, arctic_code_name(code), error.message,
                 part ? part : "success");
}

static void assert_header(struct issuer *issuer, const char *format, const char *part)
{
    char header[1024];
    /* Every format names the key id exactly once, or not at all. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(header, sizeof header, format, issuer->key_id);
#pragma GCC diagnostic pop
    assert_forged(issuer, header, GOOD_CLAIMS, part);
}

static void test_headers(void **state)
{
    struct issuer *issuer = *state;
    assert_header(issuer, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\"}", NULL);
    assert_header(issuer, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\",\"more\":1}", NULL);
    static const char *const algorithms[] = {"none",  "None",    "HS256", "RS256",
                                             "ES256", "Ed25519", "eddsa", "EdDSA "};
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        char format[256];
        snprintf(format, sizeof format, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%%s\"}", algorithms[i]);
        assert_header(issuer, format, "its algorithm is not EdDSA");
    }
    assert_header(issuer, "{\"typ\":\"JWT\",\"kid\":\"%s\"}", "its algorithm is not EdDSA");
    assert_header(issuer, "{\"alg\":[\"EdDSA\"],\"typ\":\"JWT\",\"kid\":\"%s\"}",
                  "its algorithm is not EdDSA");
    assert_header(issuer, "{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\"}",
                  "not one JSON object");
    assert_header(issuer, "{\"alg\":\"EdDSA\",\"crit\":[\"exp\"],\"typ\":\"JWT\",\"kid\":\"%s\"}",
                  "extension");
    assert_header(issuer, "{\"alg\":\"EdDSA\",\"crit\":null,\"typ\":\"JWT\",\"kid\":\"%s\"}", "extension");
    assert_header(issuer, "{\"alg\":\"EdDSA\",\"typ\":\"JWE\",\"kid\":\"%s\"}", "its type is not JWT");
    assert_header(issuer, "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", "its type is not JWT");
    assert_header(issuer, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s1\"}", "another key");
    assert_header(issuer, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\"}", "another key");
    assert_header(issuer, "[\"%s\"]", "not one JSON object");
    assert_header(issuer, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\"} x", "not one JSON object");
}

static void assert_claims(struct issuer *issuer, const char *claims, const char *part)
{
    char header[256];
    snprintf(header, sizeof header, "{\"alg\":\"EdDSA\",\"typ\":\"JWT\",\"kid\":\"%s\"}", issuer->key_id);
    assert_forged(issuer, header, claims, part);
}

/* The good claims with one member replaced or taken out. */
static void assert_claim(struct issuer *issuer, const char *name, json_t *value, const char *part)
{
    ARCI_JSON *object = NULL;
    assert_int_equal(arci_json_parse(GOOD_CLAIMS, strlen(GOOD_CLAIMS), &object, NULL), ARCTIC_OK);
    if (value)
        json_object_set_new(object, name, value);
    else
        json_object_del(object, name);
    ARCI_FREE char *claims = arci_json_canonical(object);
    assert_claims(issuer, claims, part);
}

static void test_claims(void **state)
{
    struct issuer *issuer = *state;
    static const char *const names[] = {"iss", "sub", "scope", "iat", "exp", "jti"};
    assert_claims(issuer, GOOD_CLAIMS, NULL);
    assert_claim(issuer, "nbf", json_integer(NOW + 60), NULL);
    assert_claim(issuer, "unknown", json_integer(1), NULL);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_claim(issuer, names[i], NULL, "missing or of the wrong type");
        assert_claim(issuer, names[i], json_null(), "missing or of the wrong type");
        assert_claim(issuer, names[i], json_true(), "missing or of the wrong type");
    }
    assert_claim(issuer, "exp", json_string("1767229200"), "missing or of the wrong type");
    assert_claim(issuer, "exp", json_real(1767229200.5), "missing or of the wrong type");
    assert_claim(issuer, "exp", json_integer(INT64_MAX), "missing or of the wrong type");
    assert_claim(issuer, "nbf", json_string("x"), "missing or of the wrong type");
    assert_claim(issuer, "nbf", json_integer(NOW + 61), "its time has not come");
    assert_claim(issuer, "iat", json_integer(NOW + 61), "its time has not come");
    assert_claims(issuer,
                  "{\"iss\":\"" PEER "\",\"sub\":\"" CLIENT "\",\"scope\":\"" SCOPE
                  "\",\"iat\":1767225700,\"nbf\":1,\"exp\":1767229200,\"jti\":\"a\"}",
                  "its time has not come");
    assert_claim(issuer, "iss", json_string("peer_01JD2Q4Y7M8N9P0QRSTVWXYZ99"),
                 "no peer that this agent trusts");
    assert_claims(issuer, "{\"iss\":\"" PEER "\",\"iss\":\"" PEER "\"}", "not one JSON object");
    assert_claims(issuer, "\"" PEER "\"", "not one JSON object");
}

static void test_size_and_form(void **state)
{
    struct issuer *issuer = *state;
    struct arctic_error error = {0};
    struct arci_token token;
    static const char *const texts[] = {"", ".", "..", "...", "a.b.c", "e30.e30.", "e30.e30.AAAA"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(verify(issuer, texts[i], NOW, &token, NULL), ARCTIC_E_UNAUTHORIZED);
    char long_text[6000];
    memset(long_text, 'A', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    assert_int_equal(verify(issuer, long_text, NOW, &token, &error), ARCTIC_E_UNAUTHORIZED);
    assert_non_null(strstr(error.message, "longer than 4096 bytes"));
    char trailing[2048];
    snprintf(trailing, sizeof trailing, "%s.", issuer->token);
    assert_int_equal(verify(issuer, trailing, NOW, &token, NULL), ARCTIC_E_UNAUTHORIZED);
    snprintf(trailing, sizeof trailing, "%s=", issuer->token);
    assert_int_equal(verify(issuer, trailing, NOW, &token, NULL), ARCTIC_E_UNAUTHORIZED);
    snprintf(trailing, sizeof trailing, " %s", issuer->token);
    assert_int_equal(verify(issuer, trailing, NOW, &token, NULL), ARCTIC_E_UNAUTHORIZED);
}

static void test_expired_is_said_of_genuine_tokens_only(void **state)
{
    struct issuer *issuer = *state;
    struct arci_token token;
    struct issuer other = {0};
    assert_int_equal(arci_identity_generate(&other.identity, NULL), ARCTIC_OK);
    assert_int_equal(verify(&other, issuer->token, NOW + 100000, &token, NULL), ARCTIC_E_UNAUTHORIZED);
    size_t last = strlen(issuer->token) - 10;
    issuer->token[last] = issuer->token[last] == 'A' ? 'B' : 'A';
    assert_int_equal(verify(issuer, issuer->token, NOW + 100000, &token, NULL), ARCTIC_E_UNAUTHORIZED);
    arci_identity_free(other.identity);
}

/* RFC 8037 appendix A. */
static void test_jwk_of_the_standard(void **state)
{
    (void)state;
    uint8_t key[ARCI_KEY_SIZE];
    json_t *made = NULL;
    struct arctic_error error = {0};
    assert_true(arci_base64_decode_exact("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", key, sizeof key));
    assert_ok(arci_jwk_from_key(key, &made, &error), error);
    ARCI_JSON *jwk = made;
    assert_string_equal(json_string_value(json_object_get(jwk, "kty")), "OKP");
    assert_string_equal(json_string_value(json_object_get(jwk, "crv")), "Ed25519");
    assert_string_equal(json_string_value(json_object_get(jwk, "x")),
                        "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_string_equal(json_string_value(json_object_get(jwk, "kid")),
                        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, issue_token, free_token)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_issued_token_is_read),
        TEST(test_times),
        TEST(test_every_changed_byte_is_refused),
        TEST(test_headers),
        TEST(test_claims),
        TEST(test_size_and_form),
        TEST(test_expired_is_said_of_genuine_tokens_only),
        cmocka_unit_test(test_jwk_of_the_standard),
    };
    return cmocka_run_group_tests_name("token", tests, NULL, NULL);
}
