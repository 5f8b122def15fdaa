/*
 * The key and certificates that a server shows its TLS clients. They can be replaced while it serves: connections keep what their
 * handshake began with.
 */
#ifndef ARCI_REST_TLS_KEY_H
#define ARCI_REST_TLS_KEY_H

#include <gnutls/abstract.h>

#include <arctic/error.h>

struct arci_tls_key;

/* Reads PEM texts. Errors: ARCTIC_E_CORRUPT, ARCTIC_E_NO_MEMORY. */
int arci_tls_key_read(const char *chain, const char *key, struct arci_tls_key **ret_key,
                      struct arctic_error *error);

/* NULL is allowed. */
struct arci_tls_key *arci_tls_key_ref(struct arci_tls_key *key);
void arci_tls_key_unref(struct arci_tls_key *key);

/* GnuTLS's question at each handshake (gnutls_certificate_retrieve_function2): the connection gets the server's present key. */
int arci_tls_key_for_handshake(gnutls_session_t session, const gnutls_datum_t *issuers, int issuer_count,
                               const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                               gnutls_pcert_st **ret_chain, unsigned *ret_length, gnutls_privkey_t *ret_key);

#endif
