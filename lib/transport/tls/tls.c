/* The transport as a whole: its life, its configuration, its clock. */
#include "transport/tls/tls.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "transport/tls/connection.h"
#include "transport/tls/listener.h"
#include "transport/tls/peer.h"
#include "transport/tls/stream.h"

static void release(struct arci_transport *transport)
{
    void (*closed)(void *user) = transport->closed;
    void *user = transport->closed_user;
    free(transport->listeners);
    free(transport);
    if (closed)
        closed(user);
}

void arci_transport_handle_closed(struct arci_transport *transport)
{
    if (--transport->handles == 0)
        release(transport);
}

static void on_handle_closed(uv_handle_t *handle)
{
    arci_transport_handle_closed(handle->data);
}

static void on_again(uv_idle_t *idle)
{
    struct arci_transport *transport = idle->data;
    arci_connection_read_ready(transport);
    if (transport->ready_count == 0)
        uv_idle_stop(&transport->again);
}

void arci_transport_run_again(struct arci_transport *transport)
{
    if (!uv_is_closing((uv_handle_t *)&transport->again))
        uv_idle_start(&transport->again, on_again);
}

static void on_soon(uv_timer_t *timer)
{
    struct arci_transport *transport = timer->data;
    struct arci_tls_connection *connection;
    for (connection = TAILQ_FIRST(&transport->connections); connection;
         connection = TAILQ_NEXT(connection, all)) {
        if (connection->broken)
            arci_connection_close(connection);
    }
}

void arci_transport_run_soon(struct arci_transport *transport)
{
    if (!uv_is_closing((uv_handle_t *)&transport->soon))
        uv_timer_start(&transport->soon, on_soon, 0, 0);
}

static void on_tick(uv_timer_t *timer)
{
    struct arci_transport *transport = timer->data;
    struct arci_tls_connection *connection;
    for (connection = TAILQ_FIRST(&transport->connections); connection;
         connection = TAILQ_NEXT(connection, all))
        arci_connection_tick(connection);
    for (size_t i = 0; i < transport->peer_count; i++)
        arci_peer_tick(transport->peers[i]);
    for (size_t i = 0; i < transport->listener_count; i++)
        arci_listener_tick(&transport->listeners[i]);
}

static void start_clock(struct arci_transport *transport)
{
    uv_timer_init(transport->loop, &transport->tick);
    uv_timer_init(transport->loop, &transport->soon);
    uv_idle_init(transport->loop, &transport->again);
    transport->tick.data = transport;
    transport->soon.data = transport;
    transport->again.data = transport;
    transport->handles += 3;
    uv_timer_start(&transport->tick, on_tick, ARCI_TLS_TICK_MS, ARCI_TLS_TICK_MS);
}

static void destroy(struct arci_transport *transport, void (*closed)(void *user), void *user);

/* Every descriptor is taken from the caller: by a listener, or closed here. */
static int start_listeners(struct arci_transport *transport, const int *fds, size_t count,
                           struct arctic_error *error)
{
    int code = ARCTIC_OK;
    for (size_t i = 0; i < count; i++) {
        if (code == ARCTIC_OK)
            code = arci_listener_start(&transport->listeners[i], transport, fds[i], error);
        if (code < 0)
            close(fds[i]);
    }
    return code;
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

static int create(const struct arci_transport_options *options, struct arci_transport **ret_transport,
                  struct arctic_error *error)
{
    struct arci_transport *transport = calloc(1, sizeof *transport);
    struct arci_tls_listener *listeners = calloc(options->listener_count + 1, sizeof *listeners);
    if (!transport || !listeners) {
        close_all(options->listeners, options->listener_count);
        free(transport);
        free(listeners);
        return arci_fail_memory(error);
    }
    transport->loop = options->loop;
    transport->log = options->log;
    transport->tls = options->tls;
    transport->events = options->events;
    transport->user = options->user;
    transport->listeners = listeners;
    transport->listener_count = options->listener_count;
    arci_transport_settings_defaults(&transport->settings);
    TAILQ_INIT(&transport->connections);
    TAILQ_INIT(&transport->ready);
    TAILQ_INIT(&transport->doorway);
    start_clock(transport);
    int code = start_listeners(transport, options->listeners, options->listener_count, error);
    if (code < 0) {
        destroy(transport, NULL, NULL);
        return code;
    }
    *ret_transport = transport;
    return ARCTIC_OK;
}

/* Configuration */

static int compare_peers(const void *a, const void *b)
{
    const struct arci_tls_peer *const *left = a, *const *right = b;
    return strcmp((*left)->settings.id.text, (*right)->settings.id.text);
}

/* The peer that goes on under a new configuration: same id and key. */
static struct arci_tls_peer *surviving(const struct arci_transport *transport,
                                       const struct arci_transport_peer *wanted)
{
    struct arci_tls_peer *peer = arci_peer_find(transport, &wanted->id);
    return peer && memcmp(peer->settings.key, wanted->key, sizeof wanted->key) == 0 ? peer : NULL;
}

static bool contains(struct arci_tls_peer *const *peers, size_t count, const struct arci_tls_peer *peer)
{
    for (size_t i = 0; i < count; i++) {
        if (peers[i] == peer)
            return true;
    }
    return false;
}

static void drop_new(const struct arci_transport *transport, struct arci_tls_peer **peers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!contains(transport->peers, transport->peer_count, peers[i]))
            free(peers[i]);
    }
    free(peers);
}

static int prepare_peers(struct arci_transport *transport, const struct arci_transport_peer *wanted,
                         size_t count, struct arci_tls_peer ***ret_peers, struct arctic_error *error)
{
    struct arci_tls_peer **peers = calloc(count + 1, sizeof *peers);
    if (!peers)
        return arci_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        peers[i] = surviving(transport, &wanted[i]);
        if (!peers[i])
            peers[i] = arci_peer_create(transport, &wanted[i]);
        if (!peers[i]) {
            drop_new(transport, peers, i);
            return arci_fail_memory(error);
        }
    }
    *ret_peers = peers;
    return ARCTIC_OK;
}

/* From here on nothing fails. */
static void replace_peers(struct arci_transport *transport, struct arci_tls_peer **peers, size_t count)
{
    struct arci_tls_peer **old = transport->peers;
    size_t old_count = transport->peer_count;
    transport->peers = peers;
    transport->peer_count = count;
    for (size_t i = 0; i < old_count; i++) {
        if (!contains(peers, count, old[i]))
            arci_peer_remove(old[i]);
    }
    free(old);
}

static int configure(struct arci_transport *transport, const struct arci_transport_settings *settings,
                     const struct arci_transport_peer *wanted, size_t count, struct arctic_error *error)
{
    struct arci_tls_peer **peers = NULL;
    int code = prepare_peers(transport, wanted, count, &peers, error);
    if (code < 0)
        return code;
    if (strcmp(transport->settings.congestion, settings->congestion) != 0)
        transport->congestion_warned = false;
    transport->settings = *settings;
    for (size_t i = 0; i < count; i++)
        arci_peer_reconfigure(peers[i], &wanted[i]);
    qsort(peers, count, sizeof *peers, compare_peers);
    replace_peers(transport, peers, count);
    for (size_t i = 0; i < count; i++)
        arci_peer_tick(transport->peers[i]);
    return ARCTIC_OK;
}

/* The end */

static void retire(struct arci_transport *transport)
{
    if (transport->retired)
        return;
    transport->retired = true;
    for (size_t i = 0; i < transport->listener_count; i++)
        arci_listener_stop(&transport->listeners[i]);
    for (size_t i = 0; i < transport->peer_count; i++)
        arci_peer_retire(transport->peers[i]);
    struct arci_tls_connection *connection;
    for (connection = TAILQ_FIRST(&transport->connections); connection;
         connection = TAILQ_NEXT(connection, all)) {
        if (!connection->session.active && !connection->ending)
            arci_connection_end(connection);
    }
}

static bool drained(const struct arci_transport *transport)
{
    const struct arci_tls_connection *connection;
    for (connection = TAILQ_FIRST(&transport->connections); connection;
         connection = TAILQ_NEXT(connection, all)) {
        if (connection->ending && connection->phase != ARCI_CONNECTION_CLOSED)
            return false;
    }
    return true;
}

static void destroy(struct arci_transport *transport, void (*closed)(void *user), void *user)
{
    transport->closed = closed;
    transport->closed_user = user;
    retire(transport);
    replace_peers(transport, NULL, 0);
    struct arci_tls_connection *connection;
    for (connection = TAILQ_FIRST(&transport->connections); connection;
         connection = TAILQ_NEXT(connection, all))
        arci_connection_close(connection);
    uv_close((uv_handle_t *)&transport->tick, on_handle_closed);
    uv_close((uv_handle_t *)&transport->soon, on_handle_closed);
    uv_close((uv_handle_t *)&transport->again, on_handle_closed);
}

const struct arci_transport_ops arci_transport_tls = {
    .name = "tls",
    .create = create,
    .configure = configure,
    .retire = retire,
    .drained = drained,
    .destroy = destroy,
    .open = arci_stream_open,
    .watch = arci_stream_watch,
    .accept = arci_stream_accept,
    .refuse = arci_stream_refuse,
    .writable = arci_stream_ask_writable,
    .write = arci_stream_write,
    .finish = arci_stream_finish,
    .resume = arci_stream_resume,
    .close = arci_stream_close,
};
