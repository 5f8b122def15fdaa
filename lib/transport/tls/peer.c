/* See peer.h. The pool's rules are in docs/tunnel-protocol.md under "Reuse". */
#include "transport/tls/peer.h"

#include <assert.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/address.h"
#include "base/log.h"
#include "base/secret.h"
#include "transport/tls/connection.h"
#include "transport/tls/dial.h"
#include "transport/tls/priming.h"
#include "transport/tls/socket.h"
#include "transport/tls/stream.h"

static int compare_ids(const struct arctic_id *a, const struct arctic_id *b)
{
    return strcmp(a->text, b->text);
}

struct arci_tls_peer *arci_peer_find(const struct arci_transport *transport, const struct arctic_id *id)
{
    size_t low = 0, high = transport->peer_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_ids(id, &transport->peers[middle]->settings.id);
        if (order == 0)
            return transport->peers[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

struct arci_tls_peer *arci_peer_find_key(const struct arci_transport *transport, const uint8_t *key)
{
    for (size_t i = 0; i < transport->peer_count; i++) {
        if (memcmp(transport->peers[i]->settings.key, key, ARCI_PEER_KEY_SIZE) == 0)
            return transport->peers[i];
    }
    return NULL;
}

struct arci_tls_peer *arci_peer_create(struct arci_transport *transport,
                                       const struct arci_transport_peer *settings)
{
    struct arci_tls_peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    peer->transport = transport;
    peer->settings = *settings;
    TAILQ_INIT(&peer->idle);
    TAILQ_INIT(&peer->dials);
    TAILQ_INIT(&peer->waiting);
    return peer;
}

static bool same_endpoints(const struct arci_transport_peer *a, const struct arci_transport_peer *b)
{
    if (a->endpoint_count != b->endpoint_count)
        return false;
    for (size_t i = 0; i < a->endpoint_count; i++) {
        if (!arci_endpoint_equal(&a->endpoints[i], &b->endpoints[i]))
            return false;
    }
    return true;
}

void arci_peer_reconfigure(struct arci_tls_peer *peer, const struct arci_transport_peer *settings)
{
    /* A new address deserves a try at once; attempts that run know the old ones by their index. */
    if (!same_endpoints(&peer->settings, settings)) {
        arci_tls_dial_cancel_all(peer);
        peer->dial_after = 0;
        peer->preferred = 0;
    }
    peer->settings = *settings;
}

/* Counters */

static void count(const struct arci_tls_peer *peer)
{
    struct arci_peer_counters *counters = peer->settings.counters;
    atomic_store_explicit(&counters->idle, (int32_t)peer->idle_count, memory_order_relaxed);
    atomic_store_explicit(&counters->busy, (int32_t)peer->busy_count, memory_order_relaxed);
    atomic_store_explicit(&counters->dialling, (int32_t)peer->dial_count, memory_order_relaxed);
    atomic_store_explicit(&counters->accepted, (int32_t)peer->accepted_count, memory_order_relaxed);
}

/* Reach */

static void fail_waiting(struct arci_tls_peer *peer)
{
    struct arci_stream *stream;
    while ((stream = TAILQ_FIRST(&peer->waiting))) {
        arci_peer_forget(peer, stream);
        arci_stream_lost(stream, ARCI_REASON_PEER_UNREACHABLE);
    }
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
    arci_log_info(transport->log, "tproxymgr", good ? "peer is reachable" : "peer is unreachable",
                  ARCI_TEXT("peer", peer->settings.id.text), ARCI_INT("rtt_us", rtt));
    transport->events->peer_state(transport->user, &peer->settings.id, good, rtt);
    if (!good)
        fail_waiting(peer);
}

bool arci_peer_usable(const struct arci_tls_peer *peer)
{
    return peer->reach != ARCI_REACH_NONE;
}

void arci_peer_measured(struct arci_tls_connection *connection)
{
    int64_t rtt = arci_tunnel_socket_rtt(connection->fd);
    if (rtt >= 0)
        atomic_store_explicit(&connection->peer->settings.counters->rtt_us, rtt, memory_order_relaxed);
}

void arci_peer_heard(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    int64_t now = arci_tls_now(connection->transport);
    if (now != peer->heard_at) {
        peer->heard_at = now;
        atomic_store_explicit(&peer->settings.counters->last_answer_at, now, memory_order_relaxed);
    }
    if (connection->opener && !connection->confirmed) {
        connection->confirmed = true;
        peer->failures = 0;
        peer->dial_after = 0;
        arci_peer_measured(connection);
    }
    if (connection->opener && peer->reach != ARCI_REACH_GOOD)
        set_reach(peer, ARCI_REACH_GOOD);
}

void arci_peer_silent(struct arci_tls_peer *peer)
{
    set_reach(peer, ARCI_REACH_NONE);
    for (struct arci_tls_connection *idle = TAILQ_FIRST(&peer->idle); idle; idle = TAILQ_NEXT(idle, idle))
        arci_peer_ping(idle);
}

/* The pool */

static void leave_idle(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    if (!connection->is_idle)
        return;
    TAILQ_REMOVE(&peer->idle, connection, idle);
    connection->is_idle = false;
    peer->idle_count--;
    count(peer);
}

/* Of those that are equally good the one used last: it has the freshest picture of the path. */
static struct arci_tls_connection *choose(const struct arci_tls_peer *peer)
{
    struct arci_tls_connection *best = NULL;
    for (struct arci_tls_connection *idle = TAILQ_FIRST(&peer->idle); idle; idle = TAILQ_NEXT(idle, idle)) {
        if (!idle->broken && (!best || arci_priming_rank(idle) > arci_priming_rank(best)))
            best = idle;
    }
    return best;
}

void arci_peer_ping(struct arci_tls_connection *connection)
{
    if (connection->ping_sent_at != 0 || !arci_connection_alive(connection))
        return;
    connection->ping_sent_at = arci_tls_now(connection->transport);
    arci_connection_send(connection, &(struct arci_frame){.type = ARCI_FRAME_PING,
                                                          .number = (uint64_t)connection->ping_sent_at});
}

static void give_first_waiting(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    struct arci_stream *stream = TAILQ_FIRST(&peer->waiting);
    arci_peer_forget(peer, stream);
    peer->busy_count++;
    count(peer);
    arci_stream_attach(stream, connection);
}

static void enter_idle(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    TAILQ_INSERT_HEAD(&peer->idle, connection, idle);
    connection->is_idle = true;
    connection->idle_since = arci_tls_now(connection->transport);
    peer->idle_count++;
    count(peer);
}

void arci_peer_release(struct arci_tls_connection *connection)
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
    count(peer);
    if (!TAILQ_EMPTY(&peer->waiting)) {
        give_first_waiting(connection);
        return;
    }
    enter_idle(connection);
    arci_priming_start(connection);
}

void arci_peer_retire_connection(struct arci_tls_connection *connection)
{
    connection->retiring = true;
    if (connection->is_idle)
        arci_connection_end(connection);
}

void arci_peer_accepted(struct arci_tls_peer *peer, struct arci_tls_connection *connection)
{
    connection->peer = peer;
    peer->accepted_count++;
    count(peer);
    /* It lives: no need to wait for the next try. */
    if (peer->reach == ARCI_REACH_NONE)
        peer->dial_after = 0;
}

/* Dialling */

static void replenish(struct arci_tls_peer *peer)
{
    struct arci_transport *transport = peer->transport;
    if (transport->retired || peer->removed || peer->settings.endpoint_count == 0)
        return;
    size_t wanted = peer->waiting_count + (peer->settings.warm ? transport->settings.pool_minimum : 0);
    size_t limit = peer->failures > 0 ? 1 : ARCI_DIALS_MAX;
    while (peer->idle_count + peer->dial_count < wanted && peer->dial_count < limit &&
           arci_tls_now(transport) >= peer->dial_after) {
        if (!arci_tls_dial_start(peer))
            break;
    }
    count(peer);
}

void arci_peer_connected(struct arci_tls_connection *connection)
{
    struct arci_tls_peer *peer = connection->peer;
    peer->preferred = connection->endpoint;
    if (!TAILQ_EMPTY(&peer->waiting)) {
        give_first_waiting(connection);
    } else {
        enter_idle(connection);
        arci_peer_ping(connection);
        arci_priming_start(connection);
    }
    replenish(peer);
}

void arci_peer_carry(struct arci_tls_peer *peer, struct arci_stream *stream)
{
    struct arci_tls_connection *connection = choose(peer);
    if (connection) {
        leave_idle(connection);
        peer->busy_count++;
        count(peer);
        arci_stream_attach(stream, connection);
    } else {
        stream->waiting_for = peer;
        stream->deadline = arci_tls_now(peer->transport) + peer->transport->settings.connect_ms;
        TAILQ_INSERT_TAIL(&peer->waiting, stream, waiting);
        peer->waiting_count++;
    }
    replenish(peer);
}

void arci_peer_forget(struct arci_tls_peer *peer, struct arci_stream *stream)
{
    TAILQ_REMOVE(&peer->waiting, stream, waiting);
    peer->waiting_count--;
    stream->waiting_for = NULL;
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

void arci_peer_dial_failed(struct arci_tls_peer *peer)
{
    /* Those that ran beside it fail with it: one failure. */
    if (arci_tls_now(peer->transport) >= peer->dial_after)
        peer->failures++;
    peer->dial_after = arci_tls_now(peer->transport) + backoff(peer->failures);
    if (peer->idle_count + peer->busy_count == 0)
        set_reach(peer, ARCI_REACH_NONE);
    count(peer);
}

void arci_peer_lost(struct arci_tls_connection *connection, bool was_ready)
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
    if (!connection->opener) {
        peer->accepted_count--;
    } else if (connection->is_idle) {
        TAILQ_REMOVE(&peer->idle, connection, idle);
        connection->is_idle = false;
        peer->idle_count--;
    } else {
        peer->busy_count--;
    }
    count(peer);
    /* Closed before a word: it does not take us for a peer, and asking again at once would not change that.
     */
    if (connection->opener && !connection->confirmed && !peer->removed)
        arci_peer_dial_failed(peer);
}

/* Upkeep */

static void fail_overdue(struct arci_tls_peer *peer)
{
    struct arci_stream *stream;
    while ((stream = TAILQ_FIRST(&peer->waiting)) && stream->deadline <= arci_tls_now(peer->transport)) {
        arci_peer_forget(peer, stream);
        arci_stream_lost(stream, ARCI_REASON_PEER_UNREACHABLE);
    }
}

static void trim(struct arci_tls_peer *peer)
{
    const struct arci_transport_settings *settings = &peer->transport->settings;
    size_t minimum = peer->settings.warm ? settings->pool_minimum : 0;
    struct arci_tls_connection *oldest;
    while (peer->idle_count > minimum && (oldest = TAILQ_LAST(&peer->idle, arci_tls_connections)) &&
           arci_tls_now(peer->transport) - oldest->idle_since >= settings->idle_ms)
        arci_connection_close(oldest);
}

void arci_peer_tick(struct arci_tls_peer *peer)
{
    arci_tls_dial_tick(peer);
    fail_overdue(peer);
    trim(peer);
    replenish(peer);
}

void arci_peer_retire(struct arci_tls_peer *peer)
{
    arci_tls_dial_cancel_all(peer);
    fail_waiting(peer);
    count(peer);
}

void arci_peer_remove(struct arci_tls_peer *peer)
{
    struct arci_transport *transport = peer->transport;
    peer->removed = true;
    arci_tls_dial_cancel_all(peer);
    struct arci_tls_connection *connection;
    for (connection = TAILQ_FIRST(&transport->connections); connection;
         connection = TAILQ_NEXT(connection, all)) {
        if (connection->peer == peer)
            arci_connection_close(connection);
    }
    fail_waiting(peer);
    assert(peer->idle_count == 0 && peer->busy_count == 0 && peer->accepted_count == 0);
    count(peer);
    atomic_store_explicit(&peer->settings.counters->reachable, false, memory_order_relaxed);
    free(peer);
}
