/* SHA-256. */
#ifndef ARCI_CRYPTO_DIGEST_H
#define ARCI_CRYPTO_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

#define ARCI_SHA256_SIZE 32

/* Errors: ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY. */
int arci_sha256(const void *bytes, size_t length, uint8_t ret_digest[ARCI_SHA256_SIZE],
                struct arctic_error *error);

#endif
