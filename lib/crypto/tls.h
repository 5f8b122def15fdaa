/*
 * TLS 1.3 between peers, both ends pinned to Ed25519 identity keys. The certificates are self-signed shells
 * around the keys: names and dates in them mean nothing (clocks may be wrong at boot), only the key counts,
 * and the handshake proves its possession.
 *
 * A `struct arci_tls` does not change after arci_tls_create() and is used by all worker threads at once; each
 * SSL belongs to one thread at a time. Connections run over non-blocking sockets through a BIO of our own
 * that sends with MSG_NOSIGNAL, since a library cannot ignore SIGPIPE for its process.
 *
 * In TLS 1.3 the client's handshake ends before the server has judged the client's certificate: a refusal
 * reaches the client as the failure of its first read.
 */
#ifndef ARCI_CRYPTO_TLS_H
#define ARCI_CRYPTO_TLS_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

#include "base/cleanup.h"
#include "crypto/identity.h"

#define ARCI_ALPN_FLOW "arctic-flow/1"       /* data */
#define ARCI_ALPN_CONTROL "arctic-control/1" /* handshake of peers and gossip */

struct arci_tls;

/* Makes the context of an identity, for both roles; the identity may be freed afterwards. Errors:
 * ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY. */
int arci_tls_create(const struct arci_identity *identity, struct arci_tls **ret_tls,
                    struct arctic_error *error);

/* One more reference, for whoever keeps an SSL made from it: on the thread that frees it. Returns `tls`. */
struct arci_tls *arci_tls_ref(struct arci_tls *tls);

/* Drops a reference; the last one ends the context, after every SSL made from it. NULL is allowed. */
void arci_tls_free(struct arci_tls *tls);

ARCI_DEFINE_CLEANUP(struct arci_tls *, arci_tls_free, arci_tls_cleanup)

/*
 * Makes a client's connection over a connected, non-blocking stream socket; the handshake begins with
 * arci_tls_handshake(). With `expected_key` any other key of the server fails the handshake; with NULL any
 * Ed25519 key passes and arci_tls_peer_key() tells which. `alpn` is one of the protocols above; a server that
 * does not agree fails the handshake. The descriptor stays the caller's: end with SSL_free(), then close it.
 * Errors: ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY.
 */
int arci_tls_connect(struct arci_tls *tls, int fd, const uint8_t *expected_key, const char *alpn,
                     SSL **ret_ssl, struct arctic_error *error);

/*
 * As arci_tls_connect() for the server's end. Any Ed25519 key passes the handshake (an unknown one may only
 * do the handshake of peers): the caller decides by arci_tls_peer_key() and arci_tls_protocol(). Clients
 * without a certificate, with another kind of key, or without one of the protocols above are refused.
 */
int arci_tls_accept(struct arci_tls *tls, int fd, SSL **ret_ssl, struct arctic_error *error);

enum arci_tls_status {
    ARCI_TLS_DONE = 0,       /* it has happened */
    ARCI_TLS_WANT_READ = 1,  /* call again when the socket is readable */
    ARCI_TLS_WANT_WRITE = 2, /* call again when the socket is writable */
    ARCI_TLS_CLOSED = 3,     /* the other end has closed in order: nothing more to read */
    ARCI_TLS_FAILED = 4,     /* the connection is of no more use; *error says why */
};

/*
 * The handshake, reading, writing and closing. They never block and never signal. After ARCI_TLS_FAILED only
 * SSL_free() is allowed.
 *
 * Reading takes up to 64 KiB from the socket at once, so that readable data may wait inside: call
 * arci_tls_read() until it says WANT_READ, or ask SSL_has_pending() before waiting for the socket.
 * `*ret_length` is at least 1 when DONE.
 *
 * Writing may take a part (at least one record, 16 KiB, unless there is less); after WANT_WRITE the call is
 * repeated with the same bytes first, at any address and with no fewer of them. It renews the sending key
 * before AES-GCM's limit for one key is near.
 *
 * arci_tls_close() sends the closing alert; DONE when it left. It does not wait for the other end's.
 *
 * *error: ARCTIC_E_HANDSHAKE_FAILED (wrong or missing key, protocol or version), ARCTIC_E_PROTOCOL (what came
 * is not TLS, or the connection ended without a closing alert), ARCTIC_E_SYSTEM (reset and the like).
 */
enum arci_tls_status arci_tls_handshake(SSL *ssl, struct arctic_error *error);
enum arci_tls_status arci_tls_read(SSL *ssl, void *bytes, size_t size, size_t *ret_length,
                                   struct arctic_error *error);
enum arci_tls_status arci_tls_write(SSL *ssl, const void *bytes, size_t length, size_t *ret_length,
                                    struct arctic_error *error);
enum arci_tls_status arci_tls_close(SSL *ssl, struct arctic_error *error);

/* The key that the other end has proved; false before the handshake is done. */
bool arci_tls_peer_key(SSL *ssl, uint8_t ret_key[ARCI_KEY_SIZE]);

/* The protocol agreed on: ARCI_ALPN_FLOW or ARCI_ALPN_CONTROL (static text), NULL before the handshake is
 * done. */
const char *arci_tls_protocol(SSL *ssl);

/* Key material of this connection (RFC 8446 section 7.5), the same on both ends, for a label. Errors:
 * ARCTIC_E_INTERNAL. */
int arci_tls_exporter(SSL *ssl, const char *label, void *out, size_t length, struct arctic_error *error);

#endif
