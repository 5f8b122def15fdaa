/* Secrets of OAuth clients. */
#include "crypto/client-secret.h"

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"

#define SECRET_SIZE 32

int arci_client_secret_generate(char **ret_secret, struct arctic_error *error)
{
    uint8_t bytes[SECRET_SIZE];
    int code = arci_random_bytes(bytes, sizeof bytes, error);
    if (code < 0)
        return code;
    char *secret = malloc(sizeof ARCI_CLIENT_SECRET_PREFIX + ARCI_BASE64_TEXT(SECRET_SIZE));
    if (secret) {
        strcpy(secret, ARCI_CLIENT_SECRET_PREFIX);
        arci_base64_encode(bytes, sizeof bytes, secret + strlen(secret));
    }
    arci_wipe(bytes, sizeof bytes);
    if (!secret)
        return arci_fail_memory(error);
    *ret_secret = secret;
    return ARCTIC_OK;
}

int arci_client_secret_hash(const char *secret, char *ret_hash, size_t size, struct arctic_error *error)
{
    uint8_t digest[ARCI_SHA256_SIZE];
    assert(size >= ARCI_CLIENT_SECRET_HASH_TEXT);
    int code = arci_sha256(secret, strlen(secret), digest, error);
    if (code < 0)
        return code;
    char text[ARCI_BASE64_TEXT(ARCI_SHA256_SIZE)];
    snprintf(ret_hash, size, ARCI_CLIENT_SECRET_HASH_PREFIX "%s",
             arci_base64_encode(digest, sizeof digest, text));
    return ARCTIC_OK;
}

bool arci_client_secret_matches(const char *secret, const char *hash)
{
    char own[ARCI_CLIENT_SECRET_HASH_TEXT];
    return strlen(hash) == sizeof own - 1 &&
           arci_client_secret_hash(secret, own, sizeof own, NULL) == ARCTIC_OK &&
           arci_equal_constant_time(own, hash, sizeof own - 1);
}
