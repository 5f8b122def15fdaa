/* Making contexts and connections, and the rules by which a handshake is refused. Reading and writing:
 * tls-io.c. */
#include "crypto/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/error.h"
#include "crypto/certificate.h"
#include "crypto/cpu.h"
#include "crypto/openssl-error.h"
#include "crypto/tls-socket.h"

/* Taken from the socket at once. Measured on loopback: a quarter less of the receiver's CPU than record by record; more than this gives
 * little. */
#define READ_AHEAD 65536
#define CERTIFICATE_LIMIT 4096 /* ours have some 300 bytes; a stranger's must not cost memory */

struct arci_tls {
    unsigned references;
    SSL_CTX *context;
    BIO_METHOD *method;
};

/* Length byte and text, as ALPN lists them (RFC 7301 section 3.1). */
static const unsigned char protocols[] = "\x0d" ARCI_ALPN_FLOW "\x10" ARCI_ALPN_CONTROL;
static_assert(sizeof ARCI_ALPN_FLOW - 1 == 0x0d && sizeof ARCI_ALPN_CONTROL - 1 == 0x10, "ALPN lengths");

static int select_protocol(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_length,
                           const unsigned char *offered, unsigned int offered_length, void *context)
{
    (void)ssl;
    (void)context;
    unsigned char *name;
    if (SSL_select_next_proto(&name, ret_length, protocols, sizeof protocols - 1, offered, offered_length) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}

/* select_protocol() is not asked about a client that offers nothing. */
static int require_protocol(SSL *ssl, int *ret_alert, void *context)
{
    (void)context;
    const unsigned char *extension;
    size_t length;
    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &extension,
                                  &length) == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    *ret_alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

/* Why the other end's certificate will not do; NULL when it will. */
static const char *judge(SSL *ssl, X509_STORE_CTX *store)
{
    const struct arci_tls_socket *link = arci_tls_socket_of(ssl);
    const char *protocol = arci_tls_protocol(ssl);
    uint8_t key[ARCI_KEY_SIZE];
    if (!protocol || (link->alpn && strcmp(link->alpn, protocol) != 0))
        return "the peer did not agree on the protocol asked for";
    if (sk_X509_num(X509_STORE_CTX_get0_untrusted(store)) != 1)
        return "the peer must present exactly one certificate";
    if (!arci_certificate_key(X509_STORE_CTX_get0_cert(store), key))
        return "the key of the peer's certificate is no Ed25519 key";
    if (link->key_expected && memcmp(key, link->expected_key, sizeof key) != 0)
        return "the peer has another key than the one that is registered for it";
    return NULL;
}

/* Stands in for the validation of chains, names and dates: here the key is all there is. */
static int verify_certificate(X509_STORE_CTX *store, void *context)
{
    (void)context;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    const char *refusal = judge(ssl, store);
    arci_tls_socket_of(ssl)->refusal = refusal;
    X509_STORE_CTX_set_error(store, refusal ? X509_V_ERR_APPLICATION_VERIFICATION : X509_V_OK);
    return refusal == NULL;
}

static bool set_algorithms(SSL_CTX *context)
{
    const char *suites = arci_cpu_has_aes() ? "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256"
                                            : "TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
    /* The server's order holds, but a client without AES instructions, which asks for ChaCha20 first, gets
     * it. */
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_ciphersuites(context, suites) == 1 &&
           SSL_CTX_set1_groups_list(context, "X25519") == 1 &&
           SSL_CTX_set1_sigalgs_list(context, "ed25519") == 1;
}

static void set_behaviour(SSL_CTX *context)
{
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_early_data(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                  SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
    SSL_CTX_set_max_cert_list(context, CERTIFICATE_LIMIT);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, verify_certificate, NULL);
    SSL_CTX_set_client_hello_cb(context, require_protocol, NULL);
    SSL_CTX_set_alpn_select_cb(context, select_protocol, NULL);
}

static int set_identity(SSL_CTX *context, const struct arci_identity *identity, struct arctic_error *error)
{
    X509 *certificate = NULL;
    int code = arci_certificate_create(identity, &certificate, error);
    if (code < 0)
        return code;
    if (SSL_CTX_use_certificate(context, certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, arci_identity_evp(identity)) != 1)
        code = arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot give the identity to a TLS context");
    X509_free(certificate);
    return code;
}

int arci_tls_create(const struct arci_identity *identity, struct arci_tls **ret_tls,
                    struct arctic_error *error)
{
    ARCI_CLEANUP(arci_tls_cleanup) struct arci_tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return arci_fail_memory(error);
    tls->references = 1;
    tls->method = arci_tls_socket_method();
    tls->context = SSL_CTX_new(TLS_method());
    if (!tls->method || !tls->context || !set_algorithms(tls->context))
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot set up a TLS 1.3 context");
    set_behaviour(tls->context);
    int code = set_identity(tls->context, identity, error);
    if (code == ARCTIC_OK)
        *ret_tls = arci_steal(tls);
    return code;
}

struct arci_tls *arci_tls_ref(struct arci_tls *tls)
{
    tls->references++;
    return tls;
}

void arci_tls_free(struct arci_tls *tls)
{
    if (!tls || --tls->references > 0)
        return;
    SSL_CTX_free(tls->context);
    BIO_meth_free(tls->method);
    free(tls);
}

static int make_connection(struct arci_tls *tls, int fd, SSL **ret_ssl, struct arctic_error *error)
{
    SSL *ssl = SSL_new(tls->context);
    if (!ssl)
        return arci_fail_openssl(error, ARCTIC_E_NO_MEMORY, "cannot make a TLS connection");
    int code = arci_tls_socket_attach(tls->method, ssl, fd, error);
    if (code < 0) {
        SSL_free(ssl);
        return code;
    }
    *ret_ssl = ssl;
    return ARCTIC_OK;
}

static bool set_client_protocol(SSL *ssl, const char *alpn)
{
    unsigned char list[64];
    size_t length = strlen(alpn);
    assert(length < sizeof list);
    list[0] = (unsigned char)length;
    memcpy(list + 1, alpn, length);
    return SSL_set_alpn_protos(ssl, list, (unsigned)length + 1) == 0;
}

int arci_tls_connect(struct arci_tls *tls, int fd, const uint8_t *expected_key, const char *alpn,
                     SSL **ret_ssl, struct arctic_error *error)
{
    SSL *ssl = NULL;
    int code = make_connection(tls, fd, &ssl, error);
    if (code < 0)
        return code;
    struct arci_tls_socket *link = arci_tls_socket_of(ssl);
    link->alpn = alpn;
    link->key_expected = expected_key != NULL;
    if (expected_key)
        memcpy(link->expected_key, expected_key, sizeof link->expected_key);
    if (!set_client_protocol(ssl, alpn)) {
        SSL_free(ssl);
        return arci_fail_openssl(error, ARCTIC_E_NO_MEMORY, "cannot make a TLS connection");
    }
    SSL_set_connect_state(ssl);
    *ret_ssl = ssl;
    return ARCTIC_OK;
}

int arci_tls_accept(struct arci_tls *tls, int fd, SSL **ret_ssl, struct arctic_error *error)
{
    SSL *ssl = NULL;
    int code = make_connection(tls, fd, &ssl, error);
    if (code < 0)
        return code;
    SSL_set_accept_state(ssl);
    *ret_ssl = ssl;
    return ARCTIC_OK;
}

bool arci_tls_peer_key(SSL *ssl, uint8_t ret_key[ARCI_KEY_SIZE])
{
    const X509 *certificate = SSL_is_init_finished(ssl) ? SSL_get0_peer_certificate(ssl) : NULL;
    return certificate && arci_certificate_key(certificate, ret_key);
}

const char *arci_tls_protocol(SSL *ssl)
{
    static const char *const known[] = {ARCI_ALPN_FLOW, ARCI_ALPN_CONTROL};
    const unsigned char *name;
    unsigned int length;
    SSL_get0_alpn_selected(ssl, &name, &length);
    for (size_t i = 0; name && i < sizeof known / sizeof known[0]; i++) {
        if (length == strlen(known[i]) && memcmp(name, known[i], length) == 0)
            return known[i];
    }
    return NULL;
}

int arci_tls_exporter(SSL *ssl, const char *label, void *out, size_t length, struct arctic_error *error)
{
    /* Before the handshake is done some versions of OpenSSL derive from nothing instead of failing. */
    if (!SSL_is_init_finished(ssl) ||
        SSL_export_keying_material(ssl, out, length, label, strlen(label), NULL, 0, 0) != 1)
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot export key material for %s", label);
    return ARCTIC_OK;
}
