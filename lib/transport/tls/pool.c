/* See pool.h. The rules are in docs/tunnel-protocol.md under "Reuse". */
#include "transport/tls/pool.h"

#include "base/error.h"
#include "transport/tls/connection.h"
#include "transport/tls/dial.h"
#include "transport/tls/peer.h"
#include "transport/tls/priming.h"
#include "transport/tls/reach.h"
#include "transport/tls/stream.h"

static void leave_idle(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    if (!connection->is_idle)
        return;
    TAILQ_REMOVE(&peer->idle, connection, idle);
    connection->is_idle = false;
    peer->idle_count--;
    arci_peer_count(peer);
}

/*
 * In TLS 1.3 the opener is done before the other end has seen its key. While no connection has shown that the peer takes this agent
 * for one, a new one may be closed at its first bytes, and the flow's with them: flows wait for a word of the peer.
 */
static bool may_carry(const struct arci_tls_peer *peer)
{
    return peer->confirmed_count > 0;
}

/* Of those that are equally good the one used last: it has the freshest picture of the path. */
static struct arci_tls_connection *choose(const struct arci_tls_peer *peer)
{
    struct arci_tls_connection *best = NULL;
    if (!may_carry(peer))
        return NULL;
    for (struct arci_tls_connection *idle = TAILQ_FIRST(&peer->idle); idle; idle = TAILQ_NEXT(idle, idle)) {
        if (!idle->broken && (!best || arci_priming_rank(idle) > arci_priming_rank(best)))
            best = idle;
    }
    return best;
}

static void give_first_waiting(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    struct arci_stream *stream = TAILQ_FIRST(&peer->waiting);
    arci_tls_pool_forget(peer, stream);
    peer->busy_count++;
    arci_peer_count(peer);
    arci_stream_attach(stream, connection);
}

static void enter_idle(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    TAILQ_INSERT_HEAD(&peer->idle, connection, idle);
    connection->is_idle = true;
    connection->idle_since = arci_tls_now(connection->transport);
    peer->idle_count++;
    arci_peer_count(peer);
}

void arci_tls_pool_release(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    if (connection->is_idle || connection->ending)
        return;
    if (connection->transport->retired || connection->retiring ||
        peer->idle_count >= connection->transport->settings.pool_maximum) {
        arci_connection_end(connection);
        return;
    }
    peer->busy_count--;
    arci_peer_count(peer);
    if (!TAILQ_EMPTY(&peer->waiting)) {
        give_first_waiting(connection);
        return;
    }
    enter_idle(connection);
    arci_priming_start(connection);
}

void arci_tls_pool_retire_connection(struct arci_tls_connection *connection)
{
    connection->retiring = true;
    if (connection->is_idle)
        arci_connection_end(connection);
}

void arci_tls_pool_accepted(struct arci_tls_peer *peer, struct arci_tls_connection *connection)
{
    connection->peer = peer;
    peer->accepted_count++;
    arci_peer_count(peer);
    /* It lives: no need to wait for the next try. */
    if (peer->reach == ARCI_REACH_NONE)
        arci_reach_reconsider(peer);
}

/* Dialling */

static bool may_dial(const struct arci_tls_peer *peer)
{
    if (arci_tls_now(peer->transport) < peer->dial_after)
        return false;
    if (peer->failures > 0)
        return peer->dial_count == 0;
    if (may_carry(peer))
        return peer->dial_count < ARCI_DIALS_MAX;
    /* As long as it is not known whether the peer would have any, a few show it as well as many. */
    return peer->dial_count + peer->idle_count + peer->busy_count < ARCI_DIALS_UNPROVEN;
}

void arci_tls_pool_replenish(struct arci_tls_peer *peer)
{
    struct arci_transport *transport = peer->transport;
    if (transport->retired || peer->removed || peer->settings.endpoint_count == 0)
        return;
    size_t wanted = peer->waiting_count + (peer->settings.warm ? transport->settings.pool_minimum : 0);
    if (wanted == 0 && peer->dial_count == 0 && peer->idle_count + peer->busy_count == 0)
        arci_reach_reconsider(peer); /* nobody asks */
    while (peer->idle_count + peer->dial_count < wanted && may_dial(peer)) {
        if (!arci_tls_dial_start(peer))
            break;
    }
    arci_peer_count(peer);
}

void arci_tls_pool_connected(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    peer->preferred = connection->endpoint;
    if (!TAILQ_EMPTY(&peer->waiting) && may_carry(peer)) {
        give_first_waiting(connection);
    } else {
        enter_idle(connection);
        arci_reach_ping(connection);
        /* Padding would be in the way of what waits for the answer. */
        if (TAILQ_EMPTY(&peer->waiting))
            arci_priming_start(connection);
    }
    arci_tls_pool_replenish(peer);
}

void arci_tls_pool_confirmed(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    if (connection->is_idle && !TAILQ_EMPTY(&peer->waiting)) {
        leave_idle(connection);
        give_first_waiting(connection);
    } else if (connection->is_idle) {
        arci_priming_start(connection);
    }
    arci_tls_pool_replenish(peer);
}

void arci_tls_pool_carry(struct arci_tls_peer *peer, struct arci_stream *stream)
{
    struct arci_tls_connection *connection = choose(peer);
    if (connection) {
        leave_idle(connection);
        peer->busy_count++;
        arci_peer_count(peer);
        arci_stream_attach(stream, connection);
    } else {
        stream->waiting_for = peer;
        stream->deadline = arci_tls_now(peer->transport) + peer->transport->settings.connect_ms;
        TAILQ_INSERT_TAIL(&peer->waiting, stream, waiting);
        peer->waiting_count++;
    }
    arci_tls_pool_replenish(peer);
}

void arci_tls_pool_forget(struct arci_tls_peer *peer, struct arci_stream *stream)
{
    TAILQ_REMOVE(&peer->waiting, stream, waiting);
    peer->waiting_count--;
    stream->waiting_for = NULL;
}

void arci_tls_pool_lost(struct arci_tls_connection *connection, bool was_ready)
{
    struct arci_tls_peer *peer = connection->peer;
    if (!peer)
        return;
    if (connection->dial) {
        arci_tls_dial_lost(connection->dial, connection);
        return;
    }
    connection->peer = NULL;
    if (!was_ready)
        return;
    if (connection->confirmed)
        peer->confirmed_count--;
    if (!connection->opener) {
        peer->accepted_count--;
    } else if (connection->is_idle) {
        TAILQ_REMOVE(&peer->idle, connection, idle);
        connection->is_idle = false;
        peer->idle_count--;
    } else {
        peer->busy_count--;
    }
    arci_peer_count(peer);
    if (!connection->opener || peer->removed)
        return;
    if (connection->confirmed) {
        if (peer->idle_count + peer->busy_count == 0)
            peer->asked_at = 0;
        return;
    }
    /* Closed before a word: asking again at once would not change that. */
    arci_fail(&peer->trouble, ARCTIC_E_HANDSHAKE_FAILED, NULL,
              "it closes tunnel connections after the handshake: does it know this agent as a peer (arctic "
              "peers list)?");
    arci_reach_dial_failed(peer);
}

/* Upkeep */

void arci_tls_pool_fail_waiting(struct arci_tls_peer *peer)
{
    struct arci_stream *stream;
    while ((stream = TAILQ_FIRST(&peer->waiting))) {
        arci_tls_pool_forget(peer, stream);
        arci_stream_lost(stream, ARCI_REASON_PEER_UNREACHABLE);
    }
}

void arci_tls_pool_fail_overdue(struct arci_tls_peer *peer)
{
    struct arci_stream *stream;
    while ((stream = TAILQ_FIRST(&peer->waiting)) && stream->deadline <= arci_tls_now(peer->transport)) {
        arci_tls_pool_forget(peer, stream);
        arci_stream_lost(stream, ARCI_REASON_PEER_UNREACHABLE);
    }
}

void arci_tls_pool_trim(struct arci_tls_peer *peer)
{
    const struct arci_transport_settings *settings = &peer->transport->settings;
    size_t minimum = peer->settings.warm ? settings->pool_minimum : 0;
    struct arci_tls_connection *oldest;
    while (peer->idle_count > minimum && (oldest = TAILQ_LAST(&peer->idle, arci_tls_connections)) &&
           arci_tls_now(peer->transport) - oldest->idle_since >= settings->idle_ms)
        arci_connection_close(oldest);
}
