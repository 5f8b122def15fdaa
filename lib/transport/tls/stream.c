/* See stream.h. */
#include "transport/tls/stream.h"

#include <assert.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "transport/tls/connection.h"
#include "transport/tls/peer.h"
#include "transport/tls/pool.h"
#include "transport/tls/reach.h"
#include "transport/tls/socket.h"

int arci_stream_open(struct arci_transport *transport, const struct arctic_id *peer_id,
                     const struct arci_stream_request *request, const struct arci_stream_events *events,
                     void *user, struct arci_stream **ret_stream, struct arctic_error *error)
{
    struct arci_tls_peer *peer = transport->retired ? NULL : arci_peer_find(transport, peer_id);
    if (!peer || !arci_reach_usable(peer))
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, NULL, "peer %s cannot be reached", peer_id->text);
    if (peer->waiting_count >= ARCI_WAITING_MAX)
        return arci_fail(error, ARCTIC_E_LIMIT, NULL, "%zu flows wait for a connection to peer %s already",
                         peer->waiting_count, peer_id->text);
    struct arci_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return arci_fail_memory(error);
    stream->transport = transport;
    stream->request = *request;
    stream->events = events;
    stream->user = user;
    stream->accepted = true;
    *ret_stream = stream;
    arci_tls_pool_carry(peer, stream);
    return ARCTIC_OK;
}

void arci_stream_attach(struct arci_stream *stream, struct arci_tls_connection *connection)
{
    arci_tunnel_socket_refresh(connection->fd, &connection->transport->settings);
    arci_connection_open(connection, stream);
    if (stream->finish_owed)
        arci_connection_send(connection, &(struct arci_frame){.type = ARCI_FRAME_FIN});
}

void arci_stream_incoming(struct arci_tls_connection *connection, const struct arci_stream_request *request)
{
    struct arci_transport *transport = connection->transport;
    if (transport->retired) {
        arci_connection_abort(connection, ARCI_REASON_WITHDRAWN);
        return;
    }
    struct arci_stream *stream = calloc(1, sizeof *stream);
    if (!stream) {
        arci_connection_abort(connection, ARCI_REASON_NO_RESOURCES);
        return;
    }
    arci_tunnel_socket_refresh(connection->fd, &transport->settings);
    stream->transport = transport;
    stream->connection = connection;
    stream->request = *request;
    connection->stream = stream;
    transport->events->incoming(transport->user, stream, &connection->peer->settings.id, &stream->request);
}

void arci_stream_watch(struct arci_stream *stream, const struct arci_stream_events *events, void *user)
{
    stream->events = events;
    stream->user = user;
}

void arci_stream_accept(struct arci_stream *stream)
{
    struct arci_tls_connection *connection = stream->connection;
    stream->accepted = true;
    if (!connection)
        return;
    arci_connection_send(connection,
                         &(struct arci_frame){.type = ARCI_FRAME_OPENED, .flow = connection->session.flow});
    arci_stream_resume(stream);
}

void arci_stream_refuse(struct arci_stream *stream, enum arci_stream_reason reason)
{
    arci_stream_close(stream, reason);
}

bool arci_stream_writable(const struct arci_stream *stream)
{
    return stream->connection && arci_session_may_send(&stream->connection->session) &&
           arci_connection_writable(stream->connection);
}

bool arci_stream_ask_writable(const struct arci_stream *stream)
{
    if (arci_stream_writable(stream))
        return true;
    if (stream->connection && !stream->connection->stalled) {
        stream->connection->stalled = true;
        arci_connection_update(stream->connection);
    }
    return false;
}

void arci_stream_write(struct arci_stream *stream, uint8_t *bytes, size_t length)
{
    assert(stream->connection && arci_session_may_send(&stream->connection->session));
    arci_connection_write(stream->connection, bytes, length);
}

void arci_stream_finish(struct arci_stream *stream)
{
    struct arci_tls_connection *connection = stream->connection;
    if (!connection) {
        stream->finish_owed = true;
        return;
    }
    if (!arci_session_may_send(&connection->session))
        return;
    connection->stalled = false;
    arci_connection_send(connection, &(struct arci_frame){.type = ARCI_FRAME_FIN});
    arci_connection_settle(connection);
}

void arci_stream_resume(struct arci_stream *stream)
{
    struct arci_tls_connection *connection = stream->connection;
    if (!connection)
        return;
    connection->paused = false;
    arci_connection_wake(connection);
}

void arci_stream_tell_finished(struct arci_stream *stream)
{
    if (!stream->accepted)
        stream->finished_held = true;
    else if (!stream->failed)
        stream->events->finished(stream->user);
}

void arci_stream_tell_failed(struct arci_stream *stream, enum arci_stream_reason reason, bool refused)
{
    if (stream->failed)
        return;
    stream->failed = true;
    stream->events->failed(stream->user, reason, refused);
}

void arci_stream_lost(struct arci_stream *stream, enum arci_stream_reason reason)
{
    stream->connection = NULL;
    arci_stream_tell_failed(stream, reason, false);
}

void arci_stream_close(struct arci_stream *stream, enum arci_stream_reason reason)
{
    struct arci_tls_connection *connection = stream->connection;
    if (stream->waiting_for)
        arci_tls_pool_forget(stream->waiting_for, stream);
    if (connection) {
        connection->stream = NULL;
        connection->stalled = false;
        connection->paused = false;
        arci_connection_abort(connection, reason);
        arci_connection_settle(connection);
        arci_connection_wake(connection);
    }
    free(stream);
}
