/*
 * What a connection sends. Frames are packed into TLS records of their own; a record that the socket does not
 * take is kept until it does, and only control frames queue up behind it.
 */
#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "crypto/tls.h"
#include "transport/tls/connection.h"
#include "transport/tls/priming.h"
#include "transport/tls/stream.h"

static void keep(struct arci_tls_connection *connection, const uint8_t *bytes, size_t length)
{
    if (!connection->pending)
        connection->pending = malloc(ARCI_RECORD_MAX);
    if (!connection->pending) {
        arci_connection_break(connection);
        return;
    }
    memmove(connection->pending, bytes, length);
    connection->pending_length = length;
}

static void send_record(struct arci_tls_connection *connection, const uint8_t *bytes, size_t length)
{
    struct arctic_error error = {0};
    size_t written = 0;
    switch (arci_tls_write(connection->ssl, bytes, length, &written, &error)) {
    case ARCI_TLS_DONE:
        connection->pending_length = 0;
        if (written < length)
            keep(connection, bytes + written, length - written);
        return;
    case ARCI_TLS_WANT_READ:
    case ARCI_TLS_WANT_WRITE:
        if (bytes != connection->pending)
            keep(connection, bytes, length);
        return;
    default:
        arci_log_debug(connection->transport->log, "tproxymgr", "cannot send on a tunnel connection",
                       ARCI_ERROR(&error));
        arci_connection_break(connection);
        return;
    }
}

static bool blocked(const struct arci_tls_connection *connection)
{
    return connection->pending_length > 0 || connection->queue_length > 0;
}

bool arci_connection_writable(const struct arci_tls_connection *connection)
{
    return arci_connection_alive(connection) && !blocked(connection);
}

static void enqueue(struct arci_tls_connection *connection, const uint8_t *bytes, size_t length)
{
    /* Only a peer that asks without reading the answers gets here. */
    if (length > sizeof connection->queue - connection->queue_length) {
        arci_connection_break(connection);
        return;
    }
    memcpy(connection->queue + connection->queue_length, bytes, length);
    connection->queue_length += length;
}

void arci_connection_send_raw(struct arci_tls_connection *connection, const uint8_t *bytes, size_t length)
{
    if (blocked(connection))
        enqueue(connection, bytes, length);
    else
        send_record(connection, bytes, length);
    arci_connection_update(connection);
}

void arci_connection_send(struct arci_tls_connection *connection, const struct arci_frame *frame)
{
    uint8_t bytes[ARCI_FRAME_HEADER + ARCI_FRAME_CONTROL_MAX];
    if (!arci_connection_alive(connection))
        return;
    arci_session_send(&connection->session, frame->type);
    arci_connection_send_raw(connection, bytes, arci_frame_encode(frame, bytes));
}

static size_t put_early(struct arci_stream *stream, uint8_t *bytes, size_t size)
{
    size_t length = stream->events->early(stream->user, bytes + ARCI_FRAME_HEADER, size - ARCI_FRAME_HEADER);
    if (length == 0)
        return 0;
    arci_frame_put_header(bytes, ARCI_FRAME_DATA, length);
    return ARCI_FRAME_HEADER + length;
}

/* A peer that was silent for a while is asked for a sign of life beside: a dead one is found out before the
 * flow's own limit. */
static size_t put_ping(struct arci_tls_connection *connection, uint8_t *bytes)
{
    int64_t now = arci_tls_now(connection->transport);
    if (now - connection->peer->heard_at < 1000)
        return 0;
    connection->ping_sent_at = now;
    struct arci_frame ping = {.type = ARCI_FRAME_PING, .number = (uint64_t)now};
    return arci_frame_encode(&ping, bytes);
}

void arci_connection_open(struct arci_tls_connection *connection, struct arci_stream *stream)
{
    uint8_t *buffer = connection->transport->write_buffer;
    connection->stream = stream;
    connection->stalled = true;
    connection->deadline = arci_tls_now(connection->transport) + connection->transport->settings.open_ms;
    stream->connection = connection;
    arci_session_send(&connection->session, ARCI_FRAME_OPEN);
    struct arci_frame open = {
        .type = ARCI_FRAME_OPEN, .flow = connection->session.flow, .request = stream->request};
    size_t length = put_ping(connection, buffer);
    length += arci_frame_encode(&open, buffer + length);
    if (!blocked(connection))
        length += put_early(stream, buffer + length, ARCI_RECORD_MAX - length);
    arci_connection_send_raw(connection, buffer, length);
}

void arci_connection_write(struct arci_tls_connection *connection, uint8_t *bytes, size_t length)
{
    assert(!blocked(connection) && length > 0 && length <= ARCI_FRAME_PAYLOAD_MAX);
    arci_frame_put_header(bytes - ARCI_FRAME_HEADER, ARCI_FRAME_DATA, length);
    arci_connection_send_raw(connection, bytes - ARCI_FRAME_HEADER, ARCI_FRAME_HEADER + length);
}

void arci_connection_abort(struct arci_tls_connection *connection, enum arci_stream_reason reason)
{
    const struct arci_session *session = &connection->session;
    if (!arci_session_may_reset(session))
        return;
    bool refuse = !session->opener && !session->answered;
    struct arci_frame frame = {
        .type = refuse ? ARCI_FRAME_REFUSED : ARCI_FRAME_RESET,
        .flow = session->flow,
        .reason = (uint8_t)(reason < ARCI_REASON_PEER_UNREACHABLE ? reason : ARCI_REASON_RESET)};
    arci_connection_send(connection, &frame);
    connection->deadline = session->active ? arci_tls_now(connection->transport) + ARCI_DRAIN_MS : 0;
}

static void flush_blocked(struct arci_tls_connection *connection)
{
    if (connection->pending_length > 0)
        send_record(connection, connection->pending, connection->pending_length);
    if (connection->pending_length > 0 || connection->queue_length == 0 || connection->broken)
        return;
    size_t length = connection->queue_length;
    connection->queue_length = 0;
    send_record(connection, connection->queue, length);
}

void arci_connection_flush(struct arci_tls_connection *connection)
{
    flush_blocked(connection);
    if (connection->ending && arci_connection_writable(connection)) {
        arci_connection_close(connection);
        return;
    }
    if (!connection->ending)
        arci_priming_send(connection);
    struct arci_stream *stream = connection->stream;
    if (stream && connection->stalled && arci_stream_writable(stream)) {
        connection->stalled = false;
        stream->events->writable(stream->user);
    }
    if (arci_connection_alive(connection))
        arci_connection_update(connection);
}
