/* Signatures over JSON: over its canonical text (keys sorted as bytes, compact, UTF-8), for a purpose; as
 * base64url. */
#ifndef ARCI_CRYPTO_SIGN_JSON_H
#define ARCI_CRYPTO_SIGN_JSON_H

#include <jansson.h>
#include <stdint.h>

#include <arctic/error.h>

#include "base/base64.h"
#include "crypto/identity.h"

#define ARCI_SIGNATURE_TEXT ARCI_BASE64_TEXT(ARCI_SIGNATURE_SIZE) /* the terminating NUL included */

/* Signs a value for a purpose, see crypto/signature.h. Errors: ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY. */
int arci_sign_json(const struct arci_identity *identity, const char *context, const json_t *value,
                   char ret_signature[ARCI_SIGNATURE_TEXT], struct arctic_error *error);

/* Checks the text of a signature. Errors: ARCTIC_E_CORRUPT when it does not hold or is no signature,
 * ARCTIC_E_NO_MEMORY. */
int arci_verify_json(const uint8_t public_key[ARCI_KEY_SIZE], const char *context, const json_t *value,
                     const char *signature, struct arctic_error *error);

/* The same for a value whose canonical text is at hand. */
int arci_sign_text(const struct arci_identity *identity, const char *context, const void *text, size_t length,
                   char ret_signature[ARCI_SIGNATURE_TEXT], struct arctic_error *error);
int arci_verify_text(const uint8_t public_key[ARCI_KEY_SIZE], const char *context, const void *text,
                     size_t length, const char *signature, struct arctic_error *error);

#endif
