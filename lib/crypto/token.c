/* The check of access tokens: split, algorithm, issuer, signature, and only then what the token claims.
 * Issuing: token-issue.c. */
#include "crypto/token.h"

#include <stdbool.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "base/json.h"
#include "crypto/jwk.h"

/* The three parts of a compact token as they stand in its text. */
struct parts {
    const char *header;
    size_t header_length;
    const char *claims;
    size_t claims_length;
    const char *signature;
    size_t signed_length; /* header, dot and claims: what the signature is made over */
};

static int refuse(struct arctic_error *error, const char *reason)
{
    return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL, "the access token is refused: %s", reason);
}

static int split(const char *text, struct parts *ret_parts, struct arctic_error *error)
{
    if (strnlen(text, ARCI_TOKEN_MAX + 1) > ARCI_TOKEN_MAX)
        return refuse(error, "it is longer than 4096 bytes");
    const char *first = strchr(text, '.');
    const char *second = first ? strchr(first + 1, '.') : NULL;
    if (!second)
        return refuse(error, "it does not have three parts");
    *ret_parts = (struct parts){
        .header = text,
        .header_length = (size_t)(first - text),
        .claims = first + 1,
        .claims_length = (size_t)(second - first - 1),
        .signature = second + 1,
        .signed_length = (size_t)(second - text),
    };
    return ARCTIC_OK;
}

static int decode_object(const char *text, size_t length, json_t **ret_object, struct arctic_error *error)
{
    uint8_t bytes[ARCI_TOKEN_MAX];
    size_t size;
    if (!arci_base64_decode(text, length, bytes, sizeof bytes, &size))
        return refuse(error, "a part of it is not base64url");
    int code = arci_json_parse(bytes, size, ret_object, error);
    return code == ARCTIC_E_INVALID_REQUEST ? refuse(error, "a part of it is not one JSON object") : code;
}

static bool text_equals(const json_t *object, const char *name, const char *wanted)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text && strcmp(text, wanted) == 0;
}

/* RFC 8725 section 3.1: the verifier says which algorithm it is, never the token. */
static int check_header(const json_t *header, struct arctic_error *error)
{
    if (!text_equals(header, "alg", "EdDSA"))
        return refuse(error, "its algorithm is not EdDSA");
    if (json_object_get(header, "crit"))
        return refuse(error, "it asks for an extension that is not known here");
    if (!text_equals(header, "typ", "JWT"))
        return refuse(error, "its type is not JWT");
    return ARCTIC_OK;
}

static int check_key_id(const json_t *header, const uint8_t *key, struct arctic_error *error)
{
    char key_id[ARCI_KEY_ID_TEXT];
    int code = arci_key_id(key, key_id, error);
    if (code == ARCTIC_OK && !text_equals(header, "kid", key_id))
        return refuse(error, "it was signed with another key than its issuer has now");
    return code;
}

static int check_signature(const struct parts *parts, const char *text, const uint8_t *key,
                           struct arctic_error *error)
{
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    if (!arci_base64_decode_exact(parts->signature, signature, sizeof signature))
        return refuse(error, "its signature is not 64 bytes of base64url");
    int code = arci_signature_verify(key, text, parts->signed_length, signature, error);
    return code == ARCTIC_E_UNAUTHORIZED ? refuse(error, "its signature does not match the issuer's key")
                                         : code;
}

static int read_claims(const json_t *claims, struct arci_token *token, struct arctic_error *error)
{
    int code = arci_json_copy_text(claims, "iss", true, token->issuer, sizeof token->issuer, error);
    if (code == ARCTIC_OK)
        code = arci_json_copy_text(claims, "sub", true, token->subject, sizeof token->subject, error);
    if (code == ARCTIC_OK)
        code = arci_json_copy_text(claims, "jti", true, token->token_id, sizeof token->token_id, error);
    if (code == ARCTIC_OK)
        code = arci_json_copy_text(claims, "scope", true, token->scope, sizeof token->scope, error);
    if (code == ARCTIC_OK)
        code = arci_json_integer(claims, "iat", true, 0, INT64_MAX / 2, &token->issued_at, error);
    token->not_before = token->issued_at;
    if (code == ARCTIC_OK)
        code = arci_json_integer(claims, "nbf", false, 0, INT64_MAX / 2, &token->not_before, error);
    if (code == ARCTIC_OK)
        code = arci_json_integer(claims, "exp", true, 0, INT64_MAX / 2, &token->expires_at, error);
    return code < 0 && code != ARCTIC_E_NO_MEMORY ? refuse(error, "a claim is missing or of the wrong type")
                                                  : code;
}

/* A token is not used before its time: not before `iat`, nor before the `nbf` that others may set (RFC 7519
 * section 4.1.5). */
int arci_token_check_times(const struct arci_token *token, int64_t now, struct arctic_error *error)
{
    if (token->issued_at > now + ARCI_TOKEN_LEEWAY || token->not_before > now + ARCI_TOKEN_LEEWAY)
        return refuse(error, "its time has not come: compare the clocks of this host and of the issuer");
    if (token->expires_at <= now - ARCI_TOKEN_LEEWAY)
        return arci_fail(error, ARCTIC_E_TOKEN_EXPIRED, NULL, "the access token has expired: get a new one");
    return ARCTIC_OK;
}

static int check_origin(const struct parts *parts, const char *text, const json_t *header, const char *issuer,
                        arci_token_key_finder find_key, void *context, struct arctic_error *error)
{
    const uint8_t *key = find_key(context, issuer);
    if (!key)
        return refuse(error, "its issuer is no peer that this agent trusts");
    int code = check_key_id(header, key, error);
    return code < 0 ? code : check_signature(parts, text, key, error);
}

int arci_token_verify(const char *text, arci_token_key_finder find_key, void *context, int64_t now,
                      struct arci_token *ret_token, struct arctic_error *error)
{
    struct parts parts = {0};
    struct arci_token token = {0};
    ARCI_JSON *header = NULL;
    ARCI_JSON *claims = NULL;
    int code = split(text, &parts, error);
    if (code == ARCTIC_OK)
        code = decode_object(parts.header, parts.header_length, &header, error);
    if (code == ARCTIC_OK)
        code = check_header(header, error);
    if (code == ARCTIC_OK)
        code = decode_object(parts.claims, parts.claims_length, &claims, error);
    if (code == ARCTIC_OK)
        code = read_claims(claims, &token, error);
    if (code == ARCTIC_OK)
        code = check_origin(&parts, text, header, token.issuer, find_key, context, error);
    if (code == ARCTIC_OK)
        code = arci_token_check_times(&token, now, error);
    if (code == ARCTIC_OK)
        *ret_token = token;
    return code;
}
