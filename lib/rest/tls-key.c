/* The server's TLS key through GnuTLS, which is what libmicrohttpd speaks TLS with. */
#include "rest/tls-key.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "rest/connection.h"

struct arci_tls_key {
    unsigned references;
    gnutls_pcert_st *chain;
    unsigned length;
    gnutls_privkey_t key;
};

ARCI_DEFINE_CLEANUP(struct arci_tls_key *, arci_tls_key_unref, tls_key_cleanup)

static int fail_gnutls(struct arctic_error *error, int result, const char *what)
{
    if (result == GNUTLS_E_MEMORY_ERROR)
        return arci_fail_memory(error);
    return arci_fail(error, ARCTIC_E_CORRUPT, NULL, "%s: %s", what, gnutls_strerror(result));
}

static gnutls_datum_t datum(const char *text)
{
    return (gnutls_datum_t){.data = (unsigned char *)text, .size = (unsigned)strlen(text)};
}

/* As many certificates as a chain ever has; libmicrohttpd has the same limit. */
#define CHAIN_MAX 16

static int read_chain(struct arci_tls_key *key, const char *text, struct arctic_error *error)
{
    const gnutls_datum_t pem = datum(text);
    unsigned length = CHAIN_MAX;
    key->chain = calloc(length, sizeof key->chain[0]);
    if (!key->chain)
        return arci_fail_memory(error);
    int result = gnutls_pcert_list_import_x509_raw(key->chain, &length, &pem, GNUTLS_X509_FMT_PEM,
                                                   GNUTLS_X509_CRT_LIST_SORT);
    if (result < 0)
        return fail_gnutls(error, result, "the certificates cannot be used");
    key->length = length;
    return ARCTIC_OK;
}

static int read_private_key(struct arci_tls_key *key, const char *text, struct arctic_error *error)
{
    const gnutls_datum_t pem = datum(text);
    int result = gnutls_privkey_init(&key->key);
    if (result >= 0)
        result = gnutls_privkey_import_x509_raw(key->key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
    return result < 0 ? fail_gnutls(error, result, "the private key cannot be used") : ARCTIC_OK;
}

int arci_tls_key_read(const char *chain, const char *key, struct arci_tls_key **ret_key,
                      struct arctic_error *error)
{
    ARCI_CLEANUP(tls_key_cleanup) struct arci_tls_key *made = calloc(1, sizeof *made);
    if (!made)
        return arci_fail_memory(error);
    made->references = 1;
    int code = read_chain(made, chain, error);
    if (code == ARCTIC_OK)
        code = read_private_key(made, key, error);
    if (code == ARCTIC_OK)
        *ret_key = arci_steal(made);
    return code;
}

struct arci_tls_key *arci_tls_key_ref(struct arci_tls_key *key)
{
    if (key)
        key->references++;
    return key;
}

void arci_tls_key_unref(struct arci_tls_key *key)
{
    if (!key || --key->references > 0)
        return;
    for (unsigned i = 0; i < key->length; i++)
        gnutls_pcert_deinit(&key->chain[i]);
    free(key->chain);
    if (key->key)
        gnutls_privkey_deinit(key->key);
    free(key);
}

int arci_tls_key_for_handshake(gnutls_session_t session, const gnutls_datum_t *issuers, int issuer_count,
                               const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
                               gnutls_pcert_st **ret_chain, unsigned *ret_length, gnutls_privkey_t *ret_key)
{
    (void)issuers;
    (void)issuer_count;
    (void)algorithms;
    (void)algorithm_count;
    /* libmicrohttpd leaves its connection there (new_connection_process_() in src/microhttpd/daemon.c). */
    struct arci_http_connection *connection = arci_http_connection_of(gnutls_session_get_ptr(session));
    if (!connection)
        return -1;
    if (!connection->tls_key)
        connection->tls_key = arci_tls_key_ref(connection->server->tls_key);
    *ret_chain = connection->tls_key->chain;
    *ret_length = connection->tls_key->length;
    *ret_key = connection->tls_key->key;
    return 0;
}
