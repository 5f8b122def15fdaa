/* Issuing access tokens. */
#include <string.h>

#include "base/base64.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "crypto/jwk.h"
#include "crypto/token.h"

#define TOKEN_ID_SIZE 16

static int write_header(const struct arci_identity *identity, json_t **ret_header, struct arctic_error *error)
{
    char key_id[ARCI_KEY_ID_TEXT];
    int code = arci_key_id(arci_identity_public_key(identity), key_id, error);
    if (code < 0)
        return code;
    *ret_header = json_pack("{s:s, s:s, s:s}", "alg", "EdDSA", "typ", "JWT", "kid", key_id);
    return *ret_header ? ARCTIC_OK : arci_fail_memory(error);
}

static int write_claims(const struct arci_token_claims *claims, json_t **ret_claims,
                        struct arctic_error *error)
{
    uint8_t random[TOKEN_ID_SIZE];
    char token_id[ARCI_BASE64_TEXT(TOKEN_ID_SIZE)];
    int code = arci_random_bytes(random, sizeof random, error);
    if (code < 0)
        return code;
    *ret_claims =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:s}", "iss", claims->issuer, "sub", claims->subject, "scope",
                  claims->scope, "iat", (json_int_t)claims->issued_at, "exp", (json_int_t)claims->expires_at,
                  "jti", arci_base64_encode(random, sizeof random, token_id));
    return *ret_claims ? ARCTIC_OK : arci_fail_memory(error);
}

static void append_base64(struct arci_buffer *buffer, const void *bytes, size_t length)
{
    ARCI_FREE char *text = malloc(ARCI_BASE64_TEXT(length));
    if (text)
        arci_buffer_text(buffer, arci_base64_encode(bytes, length, text));
    else
        buffer->failed = true;
}

static void append_json(struct arci_buffer *buffer, const json_t *object)
{
    ARCI_FREE char *text = arci_json_canonical(object);
    if (text)
        append_base64(buffer, text, strlen(text));
    else
        buffer->failed = true;
}

static int sign(const struct arci_identity *identity, struct arci_buffer *token, struct arctic_error *error)
{
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    if (token->failed)
        return arci_fail_memory(error);
    int code = arci_identity_sign(identity, token->data, token->length, signature, error);
    if (code < 0)
        return code;
    arci_buffer_text(token, ".");
    append_base64(token, signature, sizeof signature);
    return ARCTIC_OK;
}

int arci_token_issue(const struct arci_identity *identity, const struct arci_token_claims *claims,
                     char **ret_token, struct arctic_error *error)
{
    ARCI_JSON *header = NULL;
    ARCI_JSON *body = NULL;
    ARCI_CLEANUP(arci_buffer_release_secret) struct arci_buffer token = {0};
    int code = write_header(identity, &header, error);
    if (code == ARCTIC_OK)
        code = write_claims(claims, &body, error);
    if (code < 0)
        return code;
    append_json(&token, header);
    arci_buffer_text(&token, ".");
    append_json(&token, body);
    code = sign(identity, &token, error);
    if (code < 0)
        return code;
    char *text = arci_buffer_take_text(&token);
    if (!text)
        return arci_fail_memory(error);
    *ret_token = text;
    return ARCTIC_OK;
}
