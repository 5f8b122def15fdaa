/*
 * Access tokens as clients may send them. An input is judged as it is; one that holds a newline is taken for a header and claims too,
 * which are signed with the issuer's key, so that what stands behind the signature is reached.
 */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "crypto/token.h"

#define NOW 1767225600

static const uint8_t issuer_seed[ARCI_SEED_SIZE] = "arctic fuzz: issuer of a token.";

static const uint8_t *find_key(void *context, const char *name)
{
    return strncmp(name, "peer_", 5) == 0 ? arci_identity_public_key(context) : NULL;
}

static void judge(struct arci_identity *issuer, const char *text)
{
    struct arci_token token;
    struct arctic_error error = {0};
    int code = arci_token_verify(text, find_key, issuer, NOW, &token, &error);
    if (code < 0) {
        assert((code == ARCTIC_E_UNAUTHORIZED || code == ARCTIC_E_TOKEN_EXPIRED) && error.message[0]);
        return;
    }
    assert(strlen(text) <= ARCI_TOKEN_MAX && strncmp(token.issuer, "peer_", 5) == 0);
    assert(token.expires_at > NOW - ARCI_TOKEN_LEEWAY && token.issued_at <= NOW + ARCI_TOKEN_LEEWAY);
    assert(memchr(token.subject, '\0', sizeof token.subject) &&
           memchr(token.scope, '\0', sizeof token.scope));
}

static void judge_signed(struct arci_identity *issuer, const uint8_t *header, size_t header_length,
                         const uint8_t *claims, size_t claims_length)
{
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    size_t size = ARCI_BASE64_TEXT(header_length) + ARCI_BASE64_TEXT(claims_length) +
                  ARCI_BASE64_TEXT(sizeof signature);
    ARCI_FREE char *text = malloc(size);
    assert(text);
    arci_base64_encode(header, header_length, text);
    strcat(text, ".");
    arci_base64_encode(claims, claims_length, text + strlen(text));
    assert(arci_identity_sign(issuer, text, strlen(text), signature, NULL) == ARCTIC_OK);
    strcat(text, ".");
    arci_base64_encode(signature, sizeof signature, text + strlen(text));
    judge(issuer, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ARCI_IDENTITY *issuer = NULL;
    ARCI_FREE char *text = calloc(1, size + 1);
    assert(text);
    if (size)
        memcpy(text, data, size);
    assert(arci_identity_from_seed(issuer_seed, &issuer, NULL) == ARCTIC_OK);
    judge(issuer, text);
    const uint8_t *newline = size ? memchr(data, '\n', size) : NULL;
    if (newline)
        judge_signed(issuer, data, (size_t)(newline - data), newline + 1,
                     size - (size_t)(newline - data) - 1);
    return 0;
}
