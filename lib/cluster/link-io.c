/* What comes and goes over a control link: TLS without blocking, messages in and a bounded queue out. */
#include "cluster/link-internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/error.h"
#include "cluster/message.h"

/* Of 16 KiB each; then the loop sees to others before it comes back. */
#define READS_PER_TURN 64
#define WRITTEN_PER_TURN ((size_t)1024 * 1024)

/* What a large message has taken is not kept for the life of a link. */
static void give_back(struct arci_buffer *buffer)
{
    if (buffer->length == 0 && buffer->capacity > ARCI_LINK_LARGE)
        arci_buffer_release(buffer);
}

/* Returns false when the link has ended. */
static bool flush_queue(struct arci_link *link)
{
    size_t end = link->queue_sent + WRITTEN_PER_TURN;
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
            arci_link_fail(link, ARCTIC_E_PEER_UNREACHABLE, "lost the link to", &error);
            return false;
        }
        link->queue_sent += written;
        if (link->queue_sent >= end && link->queue_sent < link->queue.length) {
            link->want_write = true;
            return true;
        }
    }
    arci_buffer_consume(&link->queue, link->queue_sent);
    link->queue_sent = 0;
    give_back(&link->queue);
    if (!link->finishing)
        return true;
    struct arctic_error ignored;
    arci_tls_close(link->ssl, &ignored);
    arci_link_close_handles(link);
    return false;
}

/* Gives a large message away as text; `held` then. Else *ret_message is the next message, NULL where there is none yet. */
static int take_message(struct arci_link *link, json_t **ret_message, struct arctic_error *error)
{
    const struct arci_link_events *events = link->options.events;
    size_t limit = link->options.message_limit;
    char *text = NULL;
    size_t length = 0;
    if (!events->on_large)
        return arci_message_take(&link->received, limit, ret_message, error);
    int code = arci_message_take_text(&link->received, limit, ARCI_LINK_LARGE, &text, &length, error);
    if (code < 0)
        return code;
    if (!text)
        return arci_message_take(&link->received, limit, ret_message, error);
    give_back(&link->received);
    link->held = true;
    if (events->on_large(link->options.context, link, text, length))
        return ARCTIC_OK;
    link->held = false;
    code = arci_json_parse(text, length, ret_message, error);
    free(text);
    return code == ARCTIC_E_INVALID_REQUEST ? arci_fail_within(error, ARCTIC_E_PROTOCOL, "control message")
                                            : code;
}

bool arci_link_deliver(struct arci_link *link)
{
    while (!link->held) {
        struct arctic_error error;
        json_t *taken = NULL;
        int code = take_message(link, &taken, &error);
        ARCI_JSON *message = taken;
        if (code < 0) {
            arci_link_fail(link, code, "dropped the link to", &error);
            return false;
        }
        if (!message)
            return true;
        link->options.events->on_message(link->options.context, link, message);
        if (link->phase == LINK_CLOSED || link->finishing)
            return false;
    }
    return true;
}

static void read_link(struct arci_link *link)
{
    uint8_t bytes[16384];
    for (int i = 0; i < READS_PER_TURN; i++) {
        struct arctic_error error;
        size_t length = 0;
        if (link->held)
            return;
        enum arci_tls_status status = arci_tls_read(link->ssl, bytes, sizeof bytes, &length, &error);
        if (status == ARCI_TLS_WANT_READ || status == ARCI_TLS_WANT_WRITE)
            return;
        if (status == ARCI_TLS_CLOSED) {
            arci_fail(&error, ARCTIC_E_PEER_UNREACHABLE, NULL, "the other end has closed it");
            arci_link_fail(link, ARCTIC_E_PEER_UNREACHABLE, "lost the link to", &error);
            return;
        }
        if (status == ARCI_TLS_FAILED) {
            int code = error.code == ARCTIC_E_HANDSHAKE_FAILED ? error.code : ARCTIC_E_PEER_UNREACHABLE;
            arci_link_fail(link, code, "lost the link to", &error);
            return;
        }
        link->heard_at = uv_now(link->options.loop);
        arci_buffer_append(&link->received, bytes, length);
        if (link->received.failed) {
            arci_fail_memory(&error);
            arci_link_fail(link, error.code, "dropped the link to", &error);
            return;
        }
        if (!arci_link_deliver(link))
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
        arci_link_fail(link, ARCTIC_E_HANDSHAKE_FAILED, "TLS with", &error);
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
        arci_link_fail(link, ARCTIC_E_PEER_UNREACHABLE, "cannot reach", &error);
        return;
    }
    link->phase = LINK_HANDSHAKE;
    continue_handshake(link);
}

void arci_link_on_poll(uv_poll_t *poll, int status, int events)
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
        arci_link_update_poll(link);
}
