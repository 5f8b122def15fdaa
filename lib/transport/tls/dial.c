/* See dial.h. */
#include "transport/tls/dial.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "transport/tls/connection.h"
#include "transport/tls/pool.h"
#include "transport/tls/reach.h"
#include "transport/tls/socket.h"

struct arci_tls_dial {
    TAILQ_ENTRY(arci_tls_dial) link;
    struct arci_tls_peer *peer;
    struct arci_tls_connection
        *attempts[ARCI_PEER_ENDPOINTS_MAX]; /* by endpoint; NULL: not tried, or failed */
    size_t tried;
    size_t running;
    int64_t last_start;
    int64_t deadline;
    bool cancelled;
};

static void warn_of_congestion(struct arci_transport *transport)
{
    if (transport->congestion_warned)
        return;
    transport->congestion_warned = true;
    arci_log_warn(transport->log, "tproxymgr",
                  "congestion control is not available, the kernel's default is used",
                  ARCI_TEXT("congestion", transport->settings.congestion));
}

static struct arci_tls_connection *try_endpoint(struct arci_tls_peer *peer,
                                                const struct arctic_endpoint *endpoint)
{
    struct arci_transport *transport = peer->transport;
    struct sockaddr_storage address;
    socklen_t length = arci_endpoint_to_sockaddr(endpoint, &address);
    ARCI_CLOSE int fd = arci_tunnel_socket(endpoint);
    if (fd < 0)
        return NULL;
    if (!arci_tunnel_socket_tune(fd, &transport->settings))
        warn_of_congestion(transport);
    if (connect(fd, (struct sockaddr *)&address, length) < 0 && errno != EINPROGRESS)
        return NULL;
    return arci_connection_create(transport, arci_steal_fd(&fd), true, endpoint);
}

/* Tries endpoints in turn until one attempt runs. */
static void try_next(struct arci_tls_dial *dial)
{
    struct arci_tls_peer *peer = dial->peer;
    size_t endpoints = peer->settings.endpoint_count;
    while (dial->tried < endpoints) {
        size_t position = (peer->preferred + dial->tried++) % endpoints;
        struct arci_tls_connection *attempt = try_endpoint(peer, &peer->settings.endpoints[position]);
        if (!attempt) {
            arci_fail_errno(&peer->trouble, "cannot begin to connect");
            continue;
        }
        attempt->peer = peer;
        attempt->dial = dial;
        attempt->endpoint = position;
        dial->attempts[position] = attempt;
        dial->running++;
        dial->last_start = arci_tls_now(peer->transport);
        return;
    }
}

static void end(struct arci_tls_dial *dial)
{
    TAILQ_REMOVE(&dial->peer->dials, dial, link);
    dial->peer->dial_count--;
    dial->cancelled = true;
    for (size_t i = 0; i < ARCI_PEER_ENDPOINTS_MAX; i++) {
        if (dial->attempts[i])
            arci_connection_close(dial->attempts[i]);
    }
    free(dial);
}

bool arci_tls_dial_start(struct arci_tls_peer *peer)
{
    struct arci_tls_dial *dial = calloc(1, sizeof *dial);
    if (!dial)
        return false;
    dial->peer = peer;
    dial->deadline = arci_tls_now(peer->transport) + peer->transport->settings.connect_ms;
    TAILQ_INSERT_TAIL(&peer->dials, dial, link);
    peer->dial_count++;
    arci_reach_asked(peer);
    try_next(dial);
    return true;
}

void arci_tls_dial_won(struct arci_tls_dial *dial, struct arci_tls_connection *connection)
{
    dial->attempts[connection->endpoint] = NULL;
    connection->dial = NULL;
    end(dial);
    arci_tls_pool_connected(connection);
}

void arci_tls_dial_lost(struct arci_tls_dial *dial, struct arci_tls_connection *connection)
{
    connection->dial = NULL;
    connection->peer = NULL;
    dial->attempts[connection->endpoint] = NULL;
    dial->running--;
    if (!dial->cancelled && dial->running == 0)
        try_next(dial);
}

static bool any_connected(const struct arci_tls_dial *dial)
{
    for (size_t i = 0; i < ARCI_PEER_ENDPOINTS_MAX; i++) {
        if (dial->attempts[i] && dial->attempts[i]->phase != ARCI_CONNECTION_CONNECTING)
            return true;
    }
    return false;
}

void arci_tls_dial_tick(struct arci_tls_peer *peer)
{
    int64_t now = arci_tls_now(peer->transport);
    struct arci_tls_dial *dial = TAILQ_FIRST(&peer->dials);
    while (dial) {
        struct arci_tls_dial *next = TAILQ_NEXT(dial, link);
        bool exhausted = dial->running == 0 && dial->tried >= peer->settings.endpoint_count;
        if (exhausted || now >= dial->deadline) {
            if (!exhausted)
                arci_fail(&peer->trouble, ARCTIC_E_TIMEOUT, NULL,
                          "no answer at its tunnel port within %" PRId64 " ms: is it open on the way there?",
                          peer->transport->settings.connect_ms);
            end(dial);
            arci_reach_dial_failed(peer);
        } else if (now - dial->last_start >= ARCI_DIAL_STAGGER_MS && !any_connected(dial)) {
            try_next(dial);
        }
        dial = next;
    }
}

void arci_tls_dial_cancel_all(struct arci_tls_peer *peer)
{
    struct arci_tls_dial *dial;
    while ((dial = TAILQ_FIRST(&peer->dials)))
        end(dial);
}
