/*
 * What a connection receives. A record is decrypted into the worker's buffer and handed to the stream from
 * there; only what the stream does not take is copied and kept, and nothing more is read until it has room
 * again.
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "crypto/tls.h"
#include "transport/tls/connection.h"
#include "transport/tls/pool.h"
#include "transport/tls/priming.h"
#include "transport/tls/reach.h"
#include "transport/tls/stream.h"

#define READ_BURST 16 /* records for one event of the loop: other flows want their turn */

static void fail_protocol(struct arci_tls_connection *connection, const struct arctic_error *error)
{
    arci_log_warn(connection->transport->log, "tproxymgr", "a peer broke the tunnel protocol",
                  ARCI_TEXT("peer", connection->peer->settings.id.text), ARCI_ERROR(error));
    atomic_fetch_add_explicit(&connection->peer->settings.counters->protocol_errors, 1, memory_order_relaxed);
    arci_connection_break(connection);
}

static void on_end(struct arci_tls_connection *connection, const struct arci_frame *frame, bool refused)
{
    struct arci_stream *stream = connection->stream;
    if (connection->session.out == ARCI_HALF_OPEN)
        arci_connection_abort(connection, ARCI_REASON_RESET);
    if (!stream)
        return;
    enum arci_stream_reason reason =
        frame->reason < ARCI_REASON_PEER_UNREACHABLE ? frame->reason : ARCI_REASON_RESET;
    arci_stream_tell_failed(stream, reason, refused);
}

static void on_event(struct arci_tls_connection *connection, const struct arci_frame *frame,
                     enum arci_session_event event)
{
    struct arci_stream *stream = connection->stream;
    switch (event) {
    case ARCI_SESSION_OPEN:
        arci_stream_incoming(connection, &frame->request);
        return;
    case ARCI_SESSION_OPENED:
        connection->deadline = 0;
        if (stream)
            stream->events->opened(stream->user);
        return;
    case ARCI_SESSION_REFUSED:
    case ARCI_SESSION_RESET:
        on_end(connection, frame, event == ARCI_SESSION_REFUSED);
        return;
    case ARCI_SESSION_FINISHED:
        if (stream)
            arci_stream_tell_finished(stream);
        return;
    case ARCI_SESSION_PRIME:
        arci_priming_asked(connection, frame->number);
        return;
    case ARCI_SESSION_PRIMED:
        arci_priming_ended(connection);
        return;
    case ARCI_SESSION_RETIRE:
        arci_tls_pool_retire_connection(connection);
        return;
    case ARCI_SESSION_PING:
        arci_priming_measure(connection);
        arci_connection_send(connection,
                             &(struct arci_frame){.type = ARCI_FRAME_PONG, .number = frame->number});
        return;
    case ARCI_SESSION_PONG:
        arci_reach_measured(connection);
        return;
    default:
        return;
    }
}

/* Returns how much of a DATA piece was taken. */
static size_t deliver(struct arci_tls_connection *connection, const struct arci_frame *frame)
{
    struct arci_stream *stream = connection->stream;
    if (!stream)
        return frame->length;
    if (!stream->accepted || stream->failed)
        return stream->failed ? frame->length : 0;
    size_t taken = stream->events->data(stream->user, frame->data, frame->length);
    /* Closed in the callback: the rest has no reader any more. */
    return connection->stream ? taken : frame->length;
}

/* Acts on frames until the bytes end, the stream has no room or the connection ends. Returns how many bytes
 * are done with. */
static size_t feed(struct arci_tls_connection *connection, const uint8_t *bytes, size_t length)
{
    struct arctic_error error = {0};
    size_t at = 0;
    while (at < length && arci_connection_alive(connection)) {
        struct arci_frame frame;
        enum arci_session_event event;
        size_t used;
        bool complete;
        if (arci_frame_decode(&connection->decoder, bytes + at, length - at, &used, &frame, &complete,
                              &error) < 0 ||
            (complete && arci_session_receive(&connection->session, &frame, &event, &error) < 0)) {
            fail_protocol(connection, &error);
            return length;
        }
        at += used;
        if (complete && event == ARCI_SESSION_DATA) {
            size_t taken = deliver(connection, &frame);
            if (taken < frame.length) {
                arci_frame_give_back(&connection->decoder, frame.length - taken);
                connection->paused = true;
                return at - (frame.length - taken);
            }
        } else if (complete) {
            on_event(connection, &frame, event);
            arci_connection_settle(connection);
        }
    }
    return at;
}

static void hold(struct arci_tls_connection *connection, const uint8_t *bytes, size_t length)
{
    if (!connection->held)
        connection->held = malloc(ARCI_RECORD_MAX);
    if (!connection->held) {
        arci_connection_break(connection);
        return;
    }
    memcpy(connection->held, bytes, length);
    connection->held_offset = 0;
    connection->held_length = length;
}

/* What was kept comes before anything new. Returns whether nothing of it is left. */
static bool feed_held(struct arci_tls_connection *connection)
{
    if (connection->held_length == 0)
        return true;
    size_t done = feed(connection, connection->held + connection->held_offset, connection->held_length);
    if (!arci_connection_alive(connection))
        return false;
    connection->held_offset += done;
    connection->held_length -= done;
    return connection->held_length == 0;
}

static void heard(struct arci_tls_connection *connection)
{
    connection->heard_at = arci_tls_now(connection->transport);
    connection->ping_sent_at = 0;
    arci_reach_heard(connection);
}

/* Returns whether more may be there. */
static bool read_record(struct arci_tls_connection *connection)
{
    uint8_t *buffer = connection->transport->read_buffer;
    struct arctic_error error = {0};
    size_t length = 0;
    switch (arci_tls_read(connection->ssl, buffer, ARCI_RECORD_MAX, &length, &error)) {
    case ARCI_TLS_DONE:
        break;
    case ARCI_TLS_WANT_READ:
    case ARCI_TLS_WANT_WRITE:
        return false;
    case ARCI_TLS_CLOSED:
        arci_connection_close(connection);
        return false;
    default:
        arci_log_debug(connection->transport->log, "tproxymgr", "tunnel connection failed",
                       ARCI_TEXT("peer", connection->peer->settings.id.text), ARCI_ERROR(&error));
        arci_connection_close(connection);
        return false;
    }
    heard(connection);
    size_t done = feed(connection, buffer, length);
    if (!arci_connection_alive(connection))
        return false;
    if (done < length)
        hold(connection, buffer + done, length - done);
    return done == length;
}

/* The other end finished before accept(), with nothing before it that could still be in the way. */
static void tell_held_finish(struct arci_tls_connection *connection)
{
    struct arci_stream *stream = connection->stream;
    if (!stream || !stream->accepted || !stream->finished_held)
        return;
    stream->finished_held = false;
    arci_stream_tell_finished(stream);
}

void arci_connection_read(struct arci_tls_connection *connection)
{
    if (!arci_connection_alive(connection) || connection->paused)
        return;
    tell_held_finish(connection);
    bool more = feed_held(connection);
    for (int i = 0; i < READ_BURST && more; i++)
        more = read_record(connection);
    if (!arci_connection_alive(connection))
        return;
    if (more && SSL_has_pending(connection->ssl))
        arci_connection_wake(connection);
    arci_connection_update(connection);
}

void arci_connection_settle(struct arci_tls_connection *connection)
{
    if (connection->session.active || connection->session.flow == 0 || !arci_connection_alive(connection))
        return;
    if (connection->stream) {
        connection->stream->connection = NULL;
        connection->stream = NULL;
    }
    connection->paused = false;
    connection->stalled = false;
    connection->deadline = 0;
    if (!connection->is_idle && !connection->ending)
        arci_priming_flow_ended(connection);
    if (connection->opener)
        arci_tls_pool_release(connection);
    else if (connection->transport->retired && !connection->ending)
        arci_connection_end(connection);
}
