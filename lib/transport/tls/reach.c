/* See reach.h. */
#include "transport/tls/reach.h"

#include "base/error.h"
#include "base/log.h"
#include "base/secret.h"
#include "transport/tls/connection.h"
#include "transport/tls/peer.h"
#include "transport/tls/pool.h"
#include "transport/tls/priming.h"
#include "transport/tls/socket.h"
#include "transport/tls/stream.h"

static void log_reach(const struct arci_tls_peer *peer, bool good, int64_t rtt)
{
    struct arctic_log *log = peer->transport->log;
    if (good)
        arci_log_info(log, "tproxymgr", "peer is reachable", ARCI_TEXT("peer", peer->settings.id.text),
                      ARCI_INT("rtt_us", rtt));
    else
        arci_log_warn(log, "tproxymgr", "peer is unreachable, flows towards it are reset",
                      ARCI_TEXT("peer", peer->settings.id.text), ARCI_ERROR(&peer->trouble));
}

static void set_reach(struct arci_tls_peer *peer, enum arci_peer_reach reach)
{
    struct arci_transport *transport = peer->transport;
    if (peer->reach == reach)
        return;
    peer->reach = reach;
    bool good = reach == ARCI_REACH_GOOD;
    atomic_store_explicit(&peer->settings.counters->reachable, good, memory_order_relaxed);
    int64_t rtt = atomic_load_explicit(&peer->settings.counters->rtt_us, memory_order_relaxed);
    log_reach(peer, good, rtt);
    transport->events->peer_state(transport->user, &peer->settings.id, good, rtt);
    if (!good)
        arci_tls_pool_fail_waiting(peer);
}

bool arci_reach_usable(const struct arci_tls_peer *peer)
{
    return peer->reach != ARCI_REACH_NONE;
}

static void note_dial(const struct arci_tls_peer *peer, int64_t failed_at)
{
    atomic_store_explicit(&peer->settings.counters->dial_failed_at, failed_at, memory_order_relaxed);
}

void arci_reach_reconsider(struct arci_tls_peer *peer)
{
    peer->failures = 0;
    peer->dial_after = 0;
    peer->asked_at = 0;
    note_dial(peer, 0);
    if (peer->reach == ARCI_REACH_NONE)
        peer->reach = ARCI_REACH_UNKNOWN;
}

void arci_reach_asked(struct arci_tls_peer *peer)
{
    if (peer->asked_at == 0)
        peer->asked_at = arci_tls_now(peer->transport);
}

void arci_reach_measured(struct arci_tls_connection *connection)
{
    int64_t rtt = arci_tunnel_socket_rtt(connection->fd);
    if (rtt >= 0)
        atomic_store_explicit(&connection->peer->settings.counters->rtt_us, rtt, memory_order_relaxed);
}

void arci_reach_heard(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    int64_t now = arci_tls_now(connection->transport);
    if (now != peer->heard_at) {
        peer->heard_at = now;
        atomic_store_explicit(&peer->settings.counters->last_answer_at, now, memory_order_relaxed);
    }
    if (!connection->opener)
        return;
    bool first = !connection->confirmed;
    if (first) {
        connection->confirmed = true;
        peer->confirmed_count++;
        peer->failures = 0;
        peer->dial_after = 0;
        peer->asked_at = 0;
        note_dial(peer, 0);
        arci_reach_measured(connection);
    }
    set_reach(peer, ARCI_REACH_GOOD);
    if (first)
        arci_tls_pool_confirmed(connection);
}

void arci_reach_silent(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    bool may_answer = false;
    for (struct arci_tls_connection *idle = TAILQ_FIRST(&peer->idle); idle; idle = TAILQ_NEXT(idle, idle)) {
        arci_reach_ping(idle);
        may_answer = may_answer || idle->ping_sent_at > connection->ping_sent_at;
    }
    if (may_answer)
        return;
    arci_fail(&peer->trouble, ARCTIC_E_TIMEOUT, NULL, "no answer to a ping within %d ms", ARCI_PING_LIMIT_MS);
    set_reach(peer, ARCI_REACH_NONE);
}

void arci_reach_give_up(struct arci_tls_peer *peer)
{
    struct arci_tls_connection *connection;
    peer->silent_at = arci_tls_now(peer->transport);
    arci_fail(&peer->trouble, ARCTIC_E_TIMEOUT, NULL, "no answer over the control protocol");
    set_reach(peer, ARCI_REACH_NONE);
    for (connection = TAILQ_FIRST(&peer->transport->connections); connection;
         connection = TAILQ_NEXT(connection, all)) {
        const struct arci_session *session = &connection->session;
        if (connection->peer == peer && connection->stream && connection->opener && session->active &&
            !session->answered)
            arci_stream_tell_failed(connection->stream, ARCI_REASON_PEER_UNREACHABLE, false);
    }
}

/* A process that is suspended has a kernel which acknowledges all that its flows send: TCP never gives them up. */
void arci_reach_tick(struct arci_tls_peer *peer)
{
    int64_t now = arci_tls_now(peer->transport);
    struct arci_tls_connection *connection;
    if (!peer->settings.silent || peer->busy_count == 0 || peer->heard_at > peer->silent_at ||
        now - peer->silent_at < peer->transport->settings.silent_ms)
        return;
    for (connection = TAILQ_FIRST(&peer->transport->connections); connection;
         connection = TAILQ_NEXT(connection, all)) {
        if (connection->peer == peer && connection->opener && connection->session.active)
            arci_connection_close(connection);
    }
}

void arci_reach_ping(struct arci_tls_connection *connection)
{
    if (connection->ping_sent_at != 0 || !arci_connection_alive(connection))
        return;
    connection->ping_sent_at = arci_tls_now(connection->transport);
    arci_priming_measure(connection);
    arci_connection_send(connection, &(struct arci_frame){.type = ARCI_FRAME_PING,
                                                          .number = (uint64_t)connection->ping_sent_at});
}

/* Half to all of a time that doubles with each failure, so that many agents do not knock at once when a peer
 * comes back. */
static int64_t backoff(unsigned failures)
{
    int64_t base = ARCI_BACKOFF_FIRST_MS;
    for (unsigned i = 1; i < failures && base < ARCI_BACKOFF_MAX_MS; i++)
        base *= 2;
    if (base > ARCI_BACKOFF_MAX_MS)
        base = ARCI_BACKOFF_MAX_MS;
    uint16_t chance = 0;
    (void)arci_random_bytes(&chance, sizeof chance, NULL);
    return base / 2 + base / 2 * chance / UINT16_MAX;
}

void arci_reach_dial_failed(struct arci_tls_peer *peer)
{
    int64_t now = arci_tls_now(peer->transport);
    arci_reach_asked(peer); /* forgotten, where it was to be reconsidered meanwhile */
    bool patient = now - peer->asked_at < ARCI_REACH_PATIENCE_MS;
    /* Those that ran beside it fail with it: one failure. */
    if (now >= peer->dial_after)
        peer->failures = patient ? 1 : peer->failures + 1;
    peer->dial_after = now + backoff(peer->failures);
    /* One may be lost to a bad path. */
    if (peer->failures > 1)
        note_dial(peer, now);
    if (!patient && peer->idle_count + peer->busy_count == 0)
        set_reach(peer, ARCI_REACH_NONE);
    arci_peer_count(peer);
}
