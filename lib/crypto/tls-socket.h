/* OpenSSL's view of a stream socket: as its own socket BIO, with MSG_NOSIGNAL, and with what is known of the
 * connection beside it. */
#ifndef ARCI_CRYPTO_TLS_SOCKET_H
#define ARCI_CRYPTO_TLS_SOCKET_H

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include <arctic/error.h>

#include "crypto/identity.h"

/* Belongs to the BIO, and with it to the SSL. */
struct arci_tls_socket {
    int fd;
    bool ended; /* the other end has sent FIN */
    bool key_expected;
    uint8_t expected_key[ARCI_KEY_SIZE];
    const char *alpn;       /* what the client asks for; NULL on the server's end */
    const char *refusal;    /* why this end refused the other's certificate, static text */
    uint64_t sent_with_key; /* bytes since the sending key was made */
};

/* Made once per context and kept until every BIO of it is gone. NULL when memory runs out. */
BIO_METHOD *arci_tls_socket_method(void);

/* Gives `ssl` a BIO over the descriptor, which stays the caller's. Errors: ARCTIC_E_NO_MEMORY. */
int arci_tls_socket_attach(const BIO_METHOD *method, SSL *ssl, int fd, struct arctic_error *error);

/* What arci_tls_socket_attach() made. */
struct arci_tls_socket *arci_tls_socket_of(const SSL *ssl);

#endif
