/* See peer.h. */
#include "transport/tls/peer.h"

#include <assert.h>
#include <string.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "transport/tls/connection.h"
#include "transport/tls/dial.h"
#include "transport/tls/pool.h"
#include "transport/tls/reach.h"

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
    bool moved = !same_endpoints(&peer->settings, settings);
    /* Attempts that run know the old addresses by their index. */
    if (moved) {
        arci_tls_dial_cancel_all(peer);
        peer->preferred = 0;
    }
    if (moved || settings->met_at != peer->settings.met_at || (peer->settings.silent && !settings->silent))
        arci_reach_reconsider(peer);
    if (settings->silent && !peer->settings.silent)
        arci_reach_give_up(peer);
    peer->settings = *settings;
}

void arci_peer_count(const struct arci_tls_peer *peer)
{
    struct arci_peer_counters *counters = peer->settings.counters;
    atomic_store_explicit(&counters->idle, (int32_t)peer->idle_count, memory_order_relaxed);
    atomic_store_explicit(&counters->busy, (int32_t)peer->busy_count, memory_order_relaxed);
    atomic_store_explicit(&counters->dialling, (int32_t)peer->dial_count, memory_order_relaxed);
    atomic_store_explicit(&counters->accepted, (int32_t)peer->accepted_count, memory_order_relaxed);
}

void arci_peer_tick(struct arci_tls_peer *peer)
{
    arci_tls_dial_tick(peer);
    arci_tls_pool_fail_overdue(peer);
    arci_tls_pool_trim(peer);
    arci_tls_pool_replenish(peer);
    arci_reach_tick(peer);
}

void arci_peer_retire(struct arci_tls_peer *peer)
{
    arci_tls_dial_cancel_all(peer);
    arci_tls_pool_fail_waiting(peer);
    arci_peer_count(peer);
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
    arci_tls_pool_fail_waiting(peer);
    assert(peer->idle_count == 0 && peer->busy_count == 0 && peer->accepted_count == 0);
    arci_peer_count(peer);
    atomic_store_explicit(&peer->settings.counters->reachable, false, memory_order_relaxed);
    free(peer);
}
