/* Moving bytes over a connection, and what a failure of OpenSSL means. */
#include <errno.h>
#include <openssl/err.h>

#include "base/error.h"
#include "crypto/openssl-error.h"
#include "crypto/tls-socket.h"
#include "crypto/tls.h"

/*
 * RFC 8446 section 5.5: AES-GCM should not protect more than 2^24.5 records of 2^14 bytes under one key,
 * which a pooled connection reaches in an hour at 1 Gbit/s. OpenSSL leaves the renewal to us.
 */
#define KEY_LIMIT ((uint64_t)1 << 36)

static void explain_alert_or_protocol(SSL *ssl, struct arctic_error *error)
{
    const char *refusal = arci_tls_socket_of(ssl)->refusal;
    int code = SSL_is_init_finished(ssl) ? ARCTIC_E_PROTOCOL : ARCTIC_E_HANDSHAKE_FAILED;
    /* "tlsv13 alert certificate required" and its kin come with the first read of a client that the server
     * refused. */
    if (ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL &&
        ERR_GET_REASON(ERR_peek_error()) >= SSL_AD_REASON_OFFSET)
        code = ARCTIC_E_HANDSHAKE_FAILED;
    if (refusal) {
        ERR_clear_error();
        arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "TLS: %s", refusal);
    } else {
        arci_fail_openssl(error, code, code == ARCTIC_E_PROTOCOL ? "TLS" : "TLS handshake");
    }
}

static enum arci_tls_status explain_system(struct arctic_error *error, int errnum)
{
    ERR_clear_error();
    if (errnum == 0)
        arci_fail(error, ARCTIC_E_PROTOCOL, NULL, "the peer closed the connection without ending TLS");
    else
        arci_fail_errnum(error, errnum, "TLS connection");
    return ARCI_TLS_FAILED;
}

/* `saved` is errno right after the call that gave `result`. */
static enum arci_tls_status judge_result(SSL *ssl, int result, int saved, struct arctic_error *error)
{
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_NONE:
        return ARCI_TLS_DONE;
    case SSL_ERROR_WANT_READ:
        return ARCI_TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return ARCI_TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return ARCI_TLS_CLOSED;
    case SSL_ERROR_SYSCALL:
        return explain_system(error, saved);
    default:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
            return explain_system(error, 0);
        explain_alert_or_protocol(ssl, error);
        return ARCI_TLS_FAILED;
    }
}

/* SSL_get_error() looks at the queue and at errno: both must be those of this call alone. */
static void begin(void)
{
    ERR_clear_error();
    errno = 0;
}

enum arci_tls_status arci_tls_handshake(SSL *ssl, struct arctic_error *error)
{
    begin();
    int result = SSL_do_handshake(ssl);
    return judge_result(ssl, result, errno, error);
}

enum arci_tls_status arci_tls_read(SSL *ssl, void *bytes, size_t size, size_t *ret_length,
                                   struct arctic_error *error)
{
    begin();
    int result = SSL_read_ex(ssl, bytes, size, ret_length);
    return judge_result(ssl, result, errno, error);
}

static void renew_key_when_due(SSL *ssl)
{
    struct arci_tls_socket *link = arci_tls_socket_of(ssl);
    if (link->sent_with_key < KEY_LIMIT)
        return;
    /* It fails while a record is half sent; the next call of write tries again. */
    if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1)
        link->sent_with_key = 0;
}

enum arci_tls_status arci_tls_write(SSL *ssl, const void *bytes, size_t length, size_t *ret_length,
                                    struct arctic_error *error)
{
    renew_key_when_due(ssl);
    begin();
    int result = SSL_write_ex(ssl, bytes, length, ret_length);
    return judge_result(ssl, result, errno, error);
}

enum arci_tls_status arci_tls_close(SSL *ssl, struct arctic_error *error)
{
    begin();
    int result = SSL_shutdown(ssl);
    /* 0: ours has left, the other end's is not here yet. */
    return result >= 0 ? ARCI_TLS_DONE : judge_result(ssl, result, errno, error);
}
