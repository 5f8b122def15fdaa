/* Ed25519 public keys as JSON Web Keys (RFC 7517, RFC 8037). */
#ifndef ARCI_CRYPTO_JWK_H
#define ARCI_CRYPTO_JWK_H

#include <jansson.h>
#include <stdint.h>

#include <arctic/error.h>

#include "base/base64.h"
#include "crypto/digest.h"
#include "crypto/identity.h"

#define ARCI_KEY_ID_TEXT ARCI_BASE64_TEXT(ARCI_SHA256_SIZE) /* the terminating NUL included */

/* The key's thumbprint (RFC 7638), which serves as key id. Errors: ARCTIC_E_INTERNAL. */
int arci_key_id(const uint8_t public_key[ARCI_KEY_SIZE], char ret_key_id[ARCI_KEY_ID_TEXT],
                struct arctic_error *error);

/* {"kty":"OKP","crv":"Ed25519","x":...,"kid":...,"use":"sig","alg":"EdDSA"}. Errors: ARCTIC_E_INTERNAL,
 * ARCTIC_E_NO_MEMORY. */
int arci_jwk_from_key(const uint8_t public_key[ARCI_KEY_SIZE], json_t **ret_jwk, struct arctic_error *error);

#endif
