/*
 * Signatures with a purpose. What is signed is the name of the purpose (its context), a NUL byte and the
 * message, so that a signature made for one purpose is worth nothing for another. Contexts are constants such
 * as "arctic-record-v1".
 */
#ifndef ARCI_CRYPTO_SIGNATURE_H
#define ARCI_CRYPTO_SIGNATURE_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

#include "crypto/identity.h"

/* Signs a message for a purpose. Errors: ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY. */
int arci_sign_in_context(const struct arci_identity *identity, const char *context, const void *message,
                         size_t length, uint8_t ret_signature[ARCI_SIGNATURE_SIZE],
                         struct arctic_error *error);

/* Checks a signature for a purpose. Errors: ARCTIC_E_UNAUTHORIZED when it does not hold, ARCTIC_E_NO_MEMORY.
 */
int arci_verify_in_context(const uint8_t public_key[ARCI_KEY_SIZE], const char *context, const void *message,
                           size_t length, const uint8_t signature[ARCI_SIGNATURE_SIZE],
                           struct arctic_error *error);

#endif
