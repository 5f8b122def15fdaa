/* Certificates as shells of Ed25519 keys. */
#ifndef ARCI_CRYPTO_CERTIFICATE_H
#define ARCI_CRYPTO_CERTIFICATE_H

#include <openssl/types.h>
#include <stdbool.h>

#include "crypto/identity.h"

/* A self-signed certificate without an end in time, to be freed with X509_free(). Errors: ARCTIC_E_INTERNAL.
 */
int arci_certificate_create(const struct arci_identity *identity, X509 **ret_certificate,
                            struct arctic_error *error);

/* Reads the key of a certificate; false where it is no Ed25519 key. */
bool arci_certificate_key(const X509 *certificate, uint8_t ret_key[ARCI_KEY_SIZE]);

#endif
