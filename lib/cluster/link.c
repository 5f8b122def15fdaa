/* Control link: a non-blocking TLS connection on a libuv loop with a bounded send queue. */
#include "cluster/link.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/buffer.h"
#include "base/error.h"
#include "cluster/message.h"

#define SEND_QUEUE_MAX ((size_t)64 * 1024 * 1024)
#define FINISH_TIMEOUT_MS 2000
/* Of 16 KiB each; then the loop sees to others before it comes back. */
#define READS_PER_TURN 64

enum link_phase { LINK_CONNECTING, LINK_HANDSHAKE, LINK_OPEN, LINK_CLOSED };

struct arci_link {
    uv_poll_t poll;
    uv_timer_t timer; /* connect time-out, and the end of arci_link_finish() */
    int open_handles;
    struct arci_link_options options;
    struct arctic_endpoint remote;
    int fd;
    SSL *ssl;
    enum link_phase phase;
    bool finishing;
    bool want_write;
    uint64_t heard_at; /* time of the loop */
    struct arci_buffer received;
    struct arci_buffer queue;
    size_t queue_sent; /* bytes at the front of the queue that have left */
};

static void free_link(struct arci_link *link)
{
    SSL_free(link->ssl);
    if (link->fd >= 0)
        close(link->fd);
    arci_buffer_release(&link->received);
    arci_buffer_release(&link->queue);
    arci_tls_free(link->options.tls);
    free(link);
}

static void handle_closed(uv_handle_t *handle)
{
    struct arci_link *link = handle->data;
    if (--link->open_handles == 0)
        free_link(link);
}

static void close_handles(struct arci_link *link)
{
    link->phase = LINK_CLOSED;
    uv_close((uv_handle_t *)&link->poll, handle_closed);
    uv_close((uv_handle_t *)&link->timer, handle_closed);
}

void arci_link_close(struct arci_link *link)
{
    if (link && link->phase != LINK_CLOSED)
        close_handles(link);
}

static void end_link(struct arci_link *link, const struct arctic_error *error)
{
    bool silent = link->finishing;
    close_handles(link);
    if (!silent)
        link->options.events->on_closed(link->options.context, link, error);
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void update_poll(struct arci_link *link)
{
    /* Nobody wants to know what comes in after the farewell. */
    int events = link->finishing ? 0 : UV_READABLE;
    if (link->phase == LINK_CONNECTING || link->want_write)
        events |= UV_WRITABLE;
    /* Fails for a closing handle only. */
    uv_poll_start(&link->poll, events, on_poll);
}

static void fail_link(struct arci_link *link, int code, const char *what, struct arctic_error *error)
{
    char remote[ARCTIC_ENDPOINT_TEXT];
    arci_fail_within(error, code, "%s %s", what, arctic_endpoint_format(&link->remote, remote));
    end_link(link, error);
}

/* Returns false when the link has ended. */
static bool flush_queue(struct arci_link *link)
{
    link->want_write = false;
    while (link->queue_sent < link->queue.length) {
        struct arctic_error error;
        size_t written = 0;
        enum arci_tls_status status = arci_tls_write(link->ssl, link->queue.data + link->queue_sent,
                                                     link->queue.length - link->queue_sent, &written, &error);
        if (status == ARCI_TLS_WANT_WRITE || status == ARCI_TLS_WANT_READ) {
            link->want_write = status == ARCI_TLS_WANT_WRITE;
            return true;
        }
        if (status != ARCI_TLS_DONE) {
            fail_link(link, ARCTIC_E_PEER_UNREACHABLE, "lost the link to", &error);
            return false;
        }
        link->queue_sent += written;
    }
    arci_buffer_consume(&link->queue, link->queue_sent);
    link->queue_sent = 0;
    if (!link->finishing)
        return true;
    struct arctic_error ignored;
    arci_tls_close(link->ssl, &ignored);
    close_handles(link);
    return false;
}

/* Hands out every whole message; returns false when the link has ended meanwhile. */
static bool deliver(struct arci_link *link)
{
    for (;;) {
        struct arctic_error error;
        json_t *taken = NULL;
        int code = arci_message_take(&link->received, link->options.message_limit, &taken, &error);
        ARCI_JSON *message = taken;
        if (code < 0) {
            fail_link(link, code, "dropped the link to", &error);
            return false;
        }
        if (!message)
            return true;
        link->options.events->on_message(link->options.context, link, message);
        if (link->phase == LINK_CLOSED || link->finishing)
            return false;
    }
}

static void read_link(struct arci_link *link)
{
    uint8_t bytes[16384];
    for (int i = 0; i < READS_PER_TURN; i++) {
        struct arctic_error error;
        size_t length = 0;
        enum arci_tls_status status = arci_tls_read(link->ssl, bytes, sizeof bytes, &length, &error);
        if (status == ARCI_TLS_WANT_READ || status == ARCI_TLS_WANT_WRITE)
            return;
        if (status == ARCI_TLS_CLOSED) {
            arci_fail(&error, ARCTIC_E_PEER_UNREACHABLE, NULL, "the other end has closed it");
            fail_link(link, ARCTIC_E_PEER_UNREACHABLE, "lost the link to", &error);
            return;
        }
        if (status == ARCI_TLS_FAILED) {
            int code = error.code == ARCTIC_E_HANDSHAKE_FAILED ? error.code : ARCTIC_E_PEER_UNREACHABLE;
            fail_link(link, code, "lost the link to", &error);
            return;
        }
        link->heard_at = uv_now(link->options.loop);
        arci_buffer_append(&link->received, bytes, length);
        if (link->received.failed) {
            arci_fail_memory(&error);
            fail_link(link, error.code, "dropped the link to", &error);
            return;
        }
        if (!deliver(link))
            return;
    }
    /* TLS may hold bytes that the socket does not show any more; a writable socket calls back at once. */
    link->want_write = true;
}

static void continue_handshake(struct arci_link *link)
{
    struct arctic_error error;
    enum arci_tls_status status = arci_tls_handshake(link->ssl, &error);
    if (status == ARCI_TLS_WANT_READ || status == ARCI_TLS_WANT_WRITE) {
        link->want_write = status == ARCI_TLS_WANT_WRITE;
        return;
    }
    if (status != ARCI_TLS_DONE) {
        fail_link(link, ARCTIC_E_HANDSHAKE_FAILED, "TLS with", &error);
        return;
    }
    link->phase = LINK_OPEN;
    link->want_write = false;
    uv_timer_stop(&link->timer);
    link->options.events->on_open(link->options.context, link);
}

static void finish_connect(struct arci_link *link)
{
    int problem = 0;
    socklen_t size = sizeof problem;
    struct arctic_error error;
    if (getsockopt(link->fd, SOL_SOCKET, SO_ERROR, &problem, &size) < 0)
        problem = errno;
    if (problem != 0) {
        arci_fail_errnum(&error, problem, "connect");
        fail_link(link, ARCTIC_E_PEER_UNREACHABLE, "cannot reach", &error);
        return;
    }
    link->phase = LINK_HANDSHAKE;
    continue_handshake(link);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct arci_link *link = poll->data;
    /* A negative status is a socket error, which the next call on the socket reports in its own words. */
    if (status < 0)
        events = UV_READABLE | UV_WRITABLE;
    if (link->phase == LINK_CONNECTING && (events & UV_WRITABLE))
        finish_connect(link);
    else if (link->phase == LINK_HANDSHAKE)
        continue_handshake(link);
    if (link->phase == LINK_OPEN && (link->want_write || link->queue.length > 0) && !flush_queue(link))
        return;
    if (link->phase == LINK_OPEN && !link->finishing)
        read_link(link);
    if (link->phase != LINK_CLOSED)
        update_poll(link);
}

static void on_timer(uv_timer_t *timer)
{
    struct arci_link *link = timer->data;
    struct arctic_error error;
    arci_fail(&error, ARCTIC_E_TIMEOUT, NULL, "no answer within %llu ms",
              (unsigned long long)(link->finishing ? FINISH_TIMEOUT_MS : link->options.connect_timeout));
    fail_link(link, ARCTIC_E_PEER_UNREACHABLE, "cannot reach", &error);
}

/* Makes the link with its handles over `fd`, which it owns from then on. */
static int make_link(const struct arci_link_options *options, int fd, const struct arctic_endpoint *remote,
                     struct arci_link **ret_link, struct arctic_error *error)
{
    struct arci_link *link = calloc(1, sizeof *link);
    if (!link)
        return arci_fail_memory(error);
    link->options = *options;
    link->remote = *remote;
    link->queue.limit = SEND_QUEUE_MAX;
    link->heard_at = uv_now(options->loop);
    int result = uv_poll_init(options->loop, &link->poll, fd);
    if (result < 0) {
        free(link);
        return arci_fail_errnum(error, -result, "cannot watch a socket");
    }
    arci_tls_ref(options->tls);
    uv_timer_init(options->loop, &link->timer);
    link->open_handles = 2;
    link->poll.data = link;
    link->timer.data = link;
    link->fd = fd;
    *ret_link = link;
    return ARCTIC_OK;
}

static int open_socket(const struct arci_link_options *options, const struct arctic_endpoint *endpoint,
                       int *ret_fd, struct arctic_error *error)
{
    struct sockaddr_storage address;
    socklen_t length = arci_endpoint_to_sockaddr(endpoint, &address);
    ARCI_CLOSE int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return arci_fail_errno(error, "cannot make a socket");
    if (options->socket_mark &&
        setsockopt(fd, SOL_SOCKET, SO_MARK, &options->socket_mark, sizeof options->socket_mark) < 0)
        return arci_fail_errno(error, "cannot mark a socket");
    /* Else a record waits for the acknowledgement of the one before it, and flows overtake the route that lets them out. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    if (connect(fd, (struct sockaddr *)&address, length) < 0 && errno != EINPROGRESS) {
        char text[ARCTIC_ENDPOINT_TEXT];
        arci_fail_errno(error, "cannot reach %s", arctic_endpoint_format(endpoint, text));
        if (error)
            error->code = ARCTIC_E_PEER_UNREACHABLE;
        return ARCTIC_E_PEER_UNREACHABLE;
    }
    *ret_fd = arci_steal_fd(&fd);
    return ARCTIC_OK;
}

int arci_link_connect(const struct arci_link_options *options, const struct arctic_endpoint *endpoint,
                      const uint8_t *expected_key, struct arci_link **ret_link, struct arctic_error *error)
{
    ARCI_CLOSE int fd = -1;
    struct arci_link *link = NULL;
    int code = open_socket(options, endpoint, &fd, error);
    if (code >= 0)
        code = make_link(options, fd, endpoint, &link, error);
    if (code < 0)
        return code;
    arci_steal_fd(&fd);
    link->phase = LINK_CONNECTING;
    code = arci_tls_connect(options->tls, link->fd, expected_key, ARCI_ALPN_CONTROL, &link->ssl, error);
    if (code < 0) {
        arci_link_close(link);
        return code;
    }
    uv_timer_start(&link->timer, on_timer, options->connect_timeout, 0);
    update_poll(link);
    *ret_link = link;
    return ARCTIC_OK;
}

int arci_link_adopt(const struct arci_link_options *options, SSL *ssl, int fd,
                    const struct arctic_endpoint *remote, struct arci_link **ret_link,
                    struct arctic_error *error)
{
    struct arci_link *link = NULL;
    int code = make_link(options, fd, remote, &link, error);
    if (code < 0) {
        SSL_free(ssl);
        close(fd);
        return code;
    }
    link->ssl = ssl;
    link->phase = LINK_OPEN;
    /* The handshake may have read the first message already; a writable socket calls back at once. */
    link->want_write = true;
    update_poll(link);
    *ret_link = link;
    return ARCTIC_OK;
}

int arci_link_send(struct arci_link *link, const json_t *message, struct arctic_error *error)
{
    int code = arci_message_append(&link->queue, message, error);
    if (code < 0)
        return code;
    /* Written by the loop: a caller never finds its link ended by its own send. */
    link->want_write = true;
    if (link->phase == LINK_OPEN)
        update_poll(link);
    return ARCTIC_OK;
}

uint64_t arci_link_silence(const struct arci_link *link)
{
    return uv_now(link->options.loop) - link->heard_at;
}

uint64_t arci_link_acknowledged(const struct arci_link *link)
{
    int waiting = 0;
    if (ioctl(link->fd, SIOCOUTQ, &waiting) < 0)
        return 0;
    return BIO_number_written(SSL_get_wbio(link->ssl)) - (uint64_t)waiting;
}

void arci_link_finish(struct arci_link *link)
{
    if (link->phase == LINK_CLOSED)
        return;
    link->finishing = true;
    link->want_write = true;
    uv_timer_start(&link->timer, on_timer, FINISH_TIMEOUT_MS, 0);
    update_poll(link);
}

void arci_link_set_events(struct arci_link *link, const struct arci_link_events *events, void *context)
{
    link->options.events = events;
    link->options.context = context;
}

void arci_link_set_message_limit(struct arci_link *link, size_t limit)
{
    link->options.message_limit = limit;
}

bool arci_link_peer_key(const struct arci_link *link, uint8_t ret_key[ARCI_KEY_SIZE])
{
    return arci_tls_peer_key(link->ssl, ret_key);
}

int arci_link_exporter(const struct arci_link *link, const char *label, void *out, size_t length,
                       struct arctic_error *error)
{
    return arci_tls_exporter(link->ssl, label, out, length, error);
}

const struct arctic_endpoint *arci_link_remote(const struct arci_link *link)
{
    return &link->remote;
}
