/* Control link: how it begins, is used and ends. What comes and goes over it is in link-io.c. */
#include "cluster/link-internal.h"

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
#include "base/error.h"
#include "cluster/message.h"

#define SEND_QUEUE_MAX ((size_t)64 * 1024 * 1024)
#define FINISH_TIMEOUT_MS 2000

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

void arci_link_close_handles(struct arci_link *link)
{
    link->phase = LINK_CLOSED;
    uv_close((uv_handle_t *)&link->poll, handle_closed);
    uv_close((uv_handle_t *)&link->timer, handle_closed);
}

void arci_link_close(struct arci_link *link)
{
    if (link && link->phase != LINK_CLOSED)
        arci_link_close_handles(link);
}

static void end_link(struct arci_link *link, const struct arctic_error *error)
{
    bool silent = link->finishing;
    arci_link_close_handles(link);
    if (!silent)
        link->options.events->on_closed(link->options.context, link, error);
}

void arci_link_update_poll(struct arci_link *link)
{
    /* Nobody wants to know what comes in after the farewell. */
    int events = link->finishing || link->held ? 0 : UV_READABLE;
    if (link->phase == LINK_CONNECTING || link->want_write)
        events |= UV_WRITABLE;
    /* Fails for a closing handle only. */
    uv_poll_start(&link->poll, events, arci_link_on_poll);
}

void arci_link_fail(struct arci_link *link, int code, const char *what, struct arctic_error *error)
{
    char remote[ARCTIC_ENDPOINT_TEXT];
    arci_fail_within(error, code, "%s %s", what, arctic_endpoint_format(&link->remote, remote));
    end_link(link, error);
}

static void on_timer(uv_timer_t *timer)
{
    struct arci_link *link = timer->data;
    struct arctic_error error;
    arci_fail(&error, ARCTIC_E_TIMEOUT, NULL, "no answer within %llu ms",
              (unsigned long long)(link->finishing ? FINISH_TIMEOUT_MS : link->options.connect_timeout));
    arci_link_fail(link, ARCTIC_E_PEER_UNREACHABLE, "cannot reach", &error);
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
    /* Few packets at a time: after losses the next one is sent again at even intervals (tcp_retransmit_timer() in net/ipv4/tcp_timer.c), so
     * that a lossy path is not taken for a peer that does not answer. Without it the link works, and is less sure of that. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS, &(int){1}, sizeof(int));
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
    /* One that gives way at each loss gets nothing beside tunnels that do not. Where the kernel has it not, its own will do. */
    if (options->congestion && options->congestion[0])
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, options->congestion,
                         (socklen_t)strlen(options->congestion));
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
    arci_link_update_poll(link);
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
    arci_link_update_poll(link);
    *ret_link = link;
    return ARCTIC_OK;
}

static int begin_write(struct arci_link *link, int code)
{
    if (code < 0)
        return code;
    /* Written by the loop: a caller never finds its link ended by its own send. */
    link->want_write = true;
    if (link->phase == LINK_OPEN)
        arci_link_update_poll(link);
    return ARCTIC_OK;
}

int arci_link_send(struct arci_link *link, const json_t *message, struct arctic_error *error)
{
    return begin_write(link, arci_message_append(&link->queue, message, error));
}

int arci_link_send_text(struct arci_link *link, const char *text, size_t length, struct arctic_error *error)
{
    return begin_write(link, arci_message_append_text(&link->queue, text, length, error));
}

void arci_link_resume(struct arci_link *link, const json_t *message, const struct arctic_error *problem)
{
    struct arctic_error error;
    link->held = false;
    if (problem) {
        error = *problem;
        arci_link_fail(link, error.code, "dropped the link to", &error);
        return;
    }
    if (link->finishing)
        return;
    if (message)
        link->options.events->on_message(link->options.context, link, message);
    if (link->phase == LINK_CLOSED || link->finishing || !arci_link_deliver(link))
        return;
    /* TLS may hold bytes that the socket does not show; a writable socket calls back at once. */
    link->want_write = true;
    arci_link_update_poll(link);
}

size_t arci_link_queued(const struct arci_link *link)
{
    return link->queue.length - link->queue_sent;
}

uint64_t arci_link_silence(const struct arci_link *link)
{
    return link->held ? 0 : uv_now(link->options.loop) - link->heard_at;
}

uint64_t arci_link_acknowledged(const struct arci_link *link)
{
    int waiting = 0;
    if (ioctl(link->fd, SIOCOUTQ, &waiting) < 0)
        return 0;
    return BIO_number_written(SSL_get_wbio(link->ssl)) - (uint64_t)waiting;
}

uint64_t arci_link_written(const struct arci_link *link)
{
    return BIO_number_written(SSL_get_wbio(link->ssl)) + link->queue.length - link->queue_sent;
}

void arci_link_finish(struct arci_link *link)
{
    if (link->phase == LINK_CLOSED)
        return;
    link->finishing = true;
    link->want_write = true;
    uv_timer_start(&link->timer, on_timer, FINISH_TIMEOUT_MS, 0);
    arci_link_update_poll(link);
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
