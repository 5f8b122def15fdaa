/*
 * The certificate of the API over TLS, with a key of its own: ECDSA on P-256, since browsers take no Ed25519.
 * Who the certificate belongs to is told by the fingerprint of its key (crypto/fingerprint.h), not by its names.
 */
#ifndef ARCI_CRYPTO_API_CERTIFICATE_H
#define ARCI_CRYPTO_API_CERTIFICATE_H

#include <arctic/error.h>

#include "crypto/digest.h"

struct arci_api_certificate {
    char *chain; /* PEM, the server's own certificate first */
    char *key;   /* PEM, not encrypted */
    uint8_t fingerprint[ARCI_SHA256_SIZE];
    int64_t expires_at; /* milliseconds since 1970, of the server's own certificate */
};

/*
 * A new key and a certificate that it signs itself, without an end in time, for a host name (NULL or "": none).
 * Errors: ARCTIC_E_INTERNAL, ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_api_certificate_generate(const char *host_name, struct arci_api_certificate *ret_certificate,
                                  struct arctic_error *error);

/*
 * Reads certificates (PEM; what else is in the text is passed over) and the key of the first of them. Errors:
 * ARCTIC_E_CORRUPT (no such texts, or they do not belong together), ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY.
 */
int arci_api_certificate_read(const char *chain, const char *key,
                              struct arci_api_certificate *ret_certificate, struct arctic_error *error);

/* Wipes the key; an empty or released one is allowed. */
void arci_api_certificate_release(struct arci_api_certificate *certificate);

#endif
