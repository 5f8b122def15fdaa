/*
 * Secrets of OAuth clients: "sec_" and 32 random bytes as base64url. Only "sha256:" and the base64url SHA-256
 * of that text is stored.
 *
 * A plain hash suffices: 256 random bits cannot be guessed however fast the hash is, so that the slow, salted
 * hashes made for passwords would cost every token request their time and give nothing.
 */
#ifndef ARCI_CRYPTO_CLIENT_SECRET_H
#define ARCI_CRYPTO_CLIENT_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include <arctic/error.h>

#include "base/base64.h"
#include "crypto/digest.h"

#define ARCI_CLIENT_SECRET_PREFIX "sec_"
#define ARCI_CLIENT_SECRET_HASH_PREFIX "sha256:"

/* Bytes of the text of a hash, the terminating NUL included. */
#define ARCI_CLIENT_SECRET_HASH_TEXT                                                                         \
    (sizeof ARCI_CLIENT_SECRET_HASH_PREFIX - 1 + ARCI_BASE64_TEXT(ARCI_SHA256_SIZE))

/* Makes a secret, to be given to arci_free_secret(). Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_client_secret_generate(char **ret_secret, struct arctic_error *error);

/*
 * Writes the hash of a secret; `size` is at least ARCI_CLIENT_SECRET_HASH_TEXT. Any text may be hashed, such
 * as what a client sends. Errors: ARCTIC_E_INTERNAL.
 */
int arci_client_secret_hash(const char *secret, char *ret_hash, size_t size, struct arctic_error *error);

/* Whether a hash is that of the secret, in a time that does not tell how near a wrong one came. */
bool arci_client_secret_matches(const char *secret, const char *hash);

#endif
