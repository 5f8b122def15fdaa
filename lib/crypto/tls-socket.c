/* The socket BIO. Its type is that of OpenSSL's, so that SSL_get_fd() and the like work on it. */
#include "crypto/tls-socket.h"

#include <errno.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include "base/error.h"

static bool may_retry(int errnum)
{
    return errnum == EAGAIN || errnum == EWOULDBLOCK || errnum == EINTR;
}

static int socket_write(BIO *bio, const char *bytes, size_t length, size_t *ret_written)
{
    struct arci_tls_socket *link = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t written = send(link->fd, bytes, length, MSG_NOSIGNAL);
    if (written < 0) {
        if (may_retry(errno))
            BIO_set_retry_write(bio);
        return 0;
    }
    link->sent_with_key += (uint64_t)written;
    *ret_written = (size_t)written;
    return 1;
}

static int socket_read(BIO *bio, char *bytes, size_t size, size_t *ret_read)
{
    struct arci_tls_socket *link = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    ssize_t got = recv(link->fd, bytes, size, 0);
    if (got <= 0) {
        if (got < 0 && may_retry(errno))
            BIO_set_retry_read(bio);
        if (got == 0)
            link->ended = true;
        return 0;
    }
    *ret_read = (size_t)got;
    return 1;
}

static long socket_control(BIO *bio, int command, long number, void *pointer)
{
    struct arci_tls_socket *link = BIO_get_data(bio);
    (void)number;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_EOF:
        return link->ended;
    case BIO_C_GET_FD:
        if (pointer)
            *(int *)pointer = link->fd;
        return link->fd;
    default:
        return 0;
    }
}

static int socket_destroy(BIO *bio)
{
    free(BIO_get_data(bio));
    return 1;
}

BIO_METHOD *arci_tls_socket_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOCKET, "arctic socket");
    if (!method)
        return NULL;
    if (BIO_meth_set_write_ex(method, socket_write) != 1 || BIO_meth_set_read_ex(method, socket_read) != 1 ||
        BIO_meth_set_ctrl(method, socket_control) != 1 || BIO_meth_set_destroy(method, socket_destroy) != 1) {
        BIO_meth_free(method);
        return NULL;
    }
    return method;
}

int arci_tls_socket_attach(const BIO_METHOD *method, SSL *ssl, int fd, struct arctic_error *error)
{
    struct arci_tls_socket *link = calloc(1, sizeof *link);
    BIO *bio = link ? BIO_new(method) : NULL;
    if (!bio) {
        free(link);
        ERR_clear_error();
        return arci_fail_memory(error);
    }
    link->fd = fd;
    BIO_set_data(bio, link);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    return ARCTIC_OK;
}

struct arci_tls_socket *arci_tls_socket_of(const SSL *ssl)
{
    /* The reading side: during a handshake OpenSSL puts a buffer of its own before the writing one. */
    return BIO_get_data(SSL_get_rbio(ssl));
}
