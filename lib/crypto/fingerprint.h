/*
 * Fingerprints of the keys that API certificates carry: SHA-256 over the SubjectPublicKeyInfo (RFC 7469
 * section 2.4), so that a certificate may be renewed over the same key. In text: "sha256:" and 64 hex digits.
 */
#ifndef ARCI_CRYPTO_FINGERPRINT_H
#define ARCI_CRYPTO_FINGERPRINT_H

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include <arctic/error.h>

#include "crypto/digest.h"
#include "crypto/identity.h"

#define ARCI_FINGERPRINT_TEXT 72 /* the terminating NUL included */
#define ARCI_FINGERPRINT_CURL_PIN                                                                            \
    53 /* "sha256//", 44 of base64 and NUL, as CURLOPT_PINNEDPUBLICKEY takes it */

/* The fingerprint of a key. Errors: ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY. */
int arci_fingerprint_of_key(EVP_PKEY *key, uint8_t ret_fingerprint[ARCI_SHA256_SIZE],
                            struct arctic_error *error);

/* The fingerprint of the first certificate of a PEM text. Errors: ARCTIC_E_CORRUPT, ARCTIC_E_INTERNAL,
 * ARCTIC_E_NO_MEMORY. */
int arci_fingerprint_of_pem(const char *pem, uint8_t ret_fingerprint[ARCI_SHA256_SIZE],
                            struct arctic_error *error);

/* Returns `text`. */
char *arci_fingerprint_format(const uint8_t fingerprint[ARCI_SHA256_SIZE], char text[ARCI_FINGERPRINT_TEXT]);
char *arci_fingerprint_curl_pin(const uint8_t fingerprint[ARCI_SHA256_SIZE],
                                char text[ARCI_FINGERPRINT_CURL_PIN]);

/* Reads 64 hex digits in any case, with or without "sha256:" in front and colons between pairs, or curl's
 * "sha256//" with base64; false for anything else. */
bool arci_fingerprint_parse(const char *text, uint8_t ret_fingerprint[ARCI_SHA256_SIZE]);

/* The identity says which key its API shows. Errors: as arci_sign_in_context() and arci_verify_in_context().
 */
int arci_fingerprint_sign(const struct arci_identity *identity, const uint8_t fingerprint[ARCI_SHA256_SIZE],
                          uint8_t ret_signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error);
int arci_fingerprint_verify(const uint8_t public_key[ARCI_KEY_SIZE],
                            const uint8_t fingerprint[ARCI_SHA256_SIZE],
                            const uint8_t signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error);

#endif
