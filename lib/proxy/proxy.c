/* See proxy.h: the control loop's side. */
#include "proxy/proxy.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "proxy/ports.h"
#include "proxy/route-stats.h"
#include "proxy/worker.h"

struct arci_proxy {
    struct arci_proxy_options options;
    struct arci_queue queue;
    bool has_queue; /* not closed yet */
    bool had_queue;
    struct arci_worker *workers;
    size_t worker_count;
    size_t started; /* workers whose thread was started */
    size_t ended;
    uint16_t tunnel_port;
    uint16_t tproxy_port;
    struct arci_counter_registry services;
    struct arci_counter_registry peers;
    struct arctic_id *reachable; /* peers that were last said to be reachable */
    size_t reachable_count;
    bool stopping;
    bool free_when_closed;
};

static void release(struct arci_proxy *proxy)
{
    for (size_t i = 0; i < proxy->started; i++)
        arci_worker_release(&proxy->workers[i]);
    if (proxy->had_queue)
        arci_queue_destroy(&proxy->queue);
    arci_counters_release(&proxy->services);
    arci_counters_release(&proxy->peers);
    free(proxy->reachable);
    free(proxy->workers);
    free(proxy);
}

/* Peer states: a peer is reachable when it is from any worker */

static struct arctic_id *find_reachable(const struct arci_proxy *proxy, const struct arctic_id *id)
{
    for (size_t i = 0; i < proxy->reachable_count; i++) {
        if (arctic_id_equal(&proxy->reachable[i], id))
            return &proxy->reachable[i];
    }
    return NULL;
}

static bool add_reachable(struct arci_proxy *proxy, const struct arctic_id *id)
{
    struct arctic_id *grown = realloc(proxy->reachable, (proxy->reachable_count + 1) * sizeof *grown);
    if (!grown)
        return false;
    proxy->reachable = grown;
    grown[proxy->reachable_count++] = *id;
    return true;
}

static void on_peer(struct arci_proxy *proxy, const struct arci_peer_message *message)
{
    struct arci_peer_stats stats;
    struct arctic_id *known = find_reachable(proxy, &message->peer_id);
    bool reachable = arci_proxy_peer_stats(proxy, &message->peer_id, &stats) && stats.reachable;
    if (reachable && !known && !add_reachable(proxy, &message->peer_id))
        arci_log_error(proxy->options.log, ARCI_LOG_PROXY, "out of memory");
    if (!reachable && known)
        *known = proxy->reachable[--proxy->reachable_count];
    /* One that never answered is told as unreachable too; the same news from several workers once. */
    if ((reachable && known) || !proxy->options.callbacks.peer_state)
        return;
    proxy->options.callbacks.peer_state(proxy->options.user, &message->peer_id, reachable, message->rtt_us);
}

/* Messages */

static void on_connection(struct arci_proxy *proxy, const struct arci_connection_message *message)
{
    if (proxy->options.callbacks.control) {
        proxy->options.callbacks.control(proxy->options.user, message->ssl, message->fd, &message->remote);
        return;
    }
    SSL_free(message->ssl);
    close(message->fd);
}

static void on_refused(struct arci_proxy *proxy, const struct arci_refused_message *message)
{
    if (proxy->options.callbacks.refused)
        proxy->options.callbacks.refused(proxy->options.user, &message->service_id, &message->destination,
                                         message->reason);
}

static void on_queue_closed(void *user)
{
    struct arci_proxy *proxy = user;
    proxy->has_queue = false;
    if (proxy->free_when_closed)
        release(proxy);
}

static void on_ended(struct arci_proxy *proxy, const struct arci_ended_message *message)
{
    arci_worker_join(&proxy->workers[message->worker]);
    if (++proxy->ended == proxy->started && !uv_is_closing((uv_handle_t *)&proxy->queue.wake))
        arci_queue_close(&proxy->queue, on_queue_closed);
}

static void on_message(void *user, struct arci_message *message)
{
    struct arci_proxy *proxy = user;
    switch (message->kind) {
    case ARCI_TO_CONTROL_CONNECTION:
        on_connection(proxy, (struct arci_connection_message *)message);
        break;
    case ARCI_TO_CONTROL_REFUSED:
        on_refused(proxy, (struct arci_refused_message *)message);
        break;
    case ARCI_TO_CONTROL_PEER:
        on_peer(proxy, (struct arci_peer_message *)message);
        break;
    case ARCI_TO_CONTROL_ROUTE:
        arci_route_counters_told((struct arci_route_counters *)message);
        return;
    case ARCI_TO_CONTROL_ENDED:
        on_ended(proxy, (struct arci_ended_message *)message);
        return; /* the worker's own */
    }
    free(message);
}

/* Life */

static int start_worker(struct arci_proxy *proxy, size_t index, struct arctic_error *error)
{
    const struct arci_proxy_options *options = &proxy->options;
    bool shared = proxy->worker_count > 1;
    struct arci_worker_options worker = {.index = index,
                                         .log = options->log,
                                         .tls = options->tls,
                                         .mark = options->mark,
                                         .transparent_mark = options->transparent_mark,
                                         .tunnel_fd = -1,
                                         .control = &proxy->queue};
    snprintf(worker.anchor, sizeof worker.anchor, "%s", options->anchor ? options->anchor : "");
    int code = arci_listeners_open(proxy->tproxy_port, shared, options->mark, &worker.listeners, error);
    if (code < 0)
        return code;
    proxy->tproxy_port = worker.listeners.port;
    code = arci_tunnel_port_bind(options->tunnel_address, &proxy->tunnel_port, shared, options->mark,
                                 &worker.tunnel_fd, error);
    if (code < 0) {
        arci_listeners_close(&worker.listeners);
        return code;
    }
    code = arci_worker_start(&proxy->workers[index], &worker, error);
    if (code >= 0)
        proxy->started++;
    return code;
}

static int start(struct arci_proxy *proxy, struct arctic_error *error)
{
    int code = arci_queue_open(&proxy->queue, proxy->options.loop, on_message, proxy);
    if (code < 0)
        return arci_fail_errnum(error, -code, "cannot make the message queue of the data plane");
    proxy->has_queue = true;
    proxy->had_queue = true;
    code = ARCTIC_OK;
    for (size_t i = 0; code >= 0 && i < proxy->worker_count; i++)
        code = start_worker(proxy, i, error);
    return code;
}

int arci_proxy_create(const struct arci_proxy_options *options, struct arci_proxy **ret_proxy,
                      struct arctic_error *error)
{
    if (options->workers > ARCI_PROXY_WORKERS_MAX)
        return arci_fail(error, ARCTIC_E_USAGE, "workers", "%u workers are more than %d", options->workers,
                         ARCI_PROXY_WORKERS_MAX);
    struct arci_proxy *proxy = calloc(1, sizeof *proxy);
    if (!proxy)
        return arci_fail_memory(error);
    proxy->options = *options;
    proxy->worker_count = options->workers ? options->workers : 1;
    proxy->tunnel_port = options->tunnel_port;
    proxy->tproxy_port = options->tproxy_port;
    proxy->services.workers = proxy->worker_count;
    proxy->peers = (struct arci_counter_registry){.workers = proxy->worker_count, .of_peers = true};
    proxy->workers = calloc(proxy->worker_count, sizeof *proxy->workers);
    int code = proxy->workers ? start(proxy, error) : arci_fail_memory(error);
    if (code < 0) {
        arci_proxy_free(proxy);
        return code;
    }
    *ret_proxy = proxy;
    return ARCTIC_OK;
}

void arci_proxy_ports(const struct arci_proxy *proxy, uint16_t *ret_tunnel, uint16_t *ret_tproxy)
{
    *ret_tunnel = proxy->tunnel_port;
    *ret_tproxy = proxy->tproxy_port;
}

void arci_proxy_stop(struct arci_proxy *proxy, uint64_t grace_ms)
{
    if (proxy->stopping)
        return;
    proxy->stopping = true;
    for (size_t i = 0; i < proxy->started; i++)
        arci_worker_stop(&proxy->workers[i], grace_ms);
}

void arci_proxy_free(struct arci_proxy *proxy)
{
    if (!proxy)
        return;
    /* What still comes has nobody to go to. */
    proxy->options.callbacks = (struct arci_proxy_callbacks){0};
    for (size_t i = 0; i < proxy->started; i++)
        arci_worker_stop(&proxy->workers[i], 0);
    for (size_t i = 0; i < proxy->started; i++)
        arci_worker_join(&proxy->workers[i]);
    if (!proxy->has_queue) {
        release(proxy);
        return;
    }
    proxy->free_when_closed = true;
    if (!uv_is_closing((uv_handle_t *)&proxy->queue.wake))
        arci_queue_close(&proxy->queue, on_queue_closed);
}

/* Configuration */

static void forget_unreachable(struct arci_proxy *proxy, const struct arci_snapshot *snapshot)
{
    size_t kept = 0;
    for (size_t i = 0; i < proxy->reachable_count; i++) {
        const struct arci_snapshot_peer *peer = arci_snapshot_find_peer(snapshot, &proxy->reachable[i]);
        if (peer && peer->connected)
            proxy->reachable[kept++] = proxy->reachable[i];
    }
    proxy->reachable_count = kept;
}

static void free_messages(struct arci_config_message **messages, size_t count)
{
    for (size_t i = 0; messages && i < count; i++)
        free(messages[i]);
    free(messages);
}

/* All or none, so that workers do not part ways. */
static struct arci_config_message **make_messages(size_t count)
{
    struct arci_config_message **messages = calloc(count + 1, sizeof *messages);
    for (size_t i = 0; messages && i < count; i++) {
        messages[i] = calloc(1, sizeof **messages);
        if (!messages[i]) {
            free_messages(messages, i);
            return NULL;
        }
        messages[i]->head.kind = ARCI_TO_WORKER_CONFIG;
    }
    return messages;
}

int arci_proxy_set_snapshot(struct arci_proxy *proxy, struct arci_snapshot *snapshot,
                            struct arctic_error *error)
{
    ARCI_CLEANUP(arci_config_cleanup) struct arci_config *config = NULL;
    int code = arci_config_create(snapshot, &proxy->services, &proxy->peers, &config, error);
    if (code < 0)
        return code;
    struct arci_config_message **messages = make_messages(proxy->started);
    if (!messages)
        return arci_fail_memory(error);
    for (size_t i = 0; i < proxy->started; i++) {
        messages[i]->config = arci_config_ref(config);
        if (arci_queue_send(&proxy->workers[i].queue, &messages[i]->head, 0))
            continue;
        arci_config_unref(config);
        free(messages[i]);
    }
    free(messages);
    forget_unreachable(proxy, snapshot);
    arci_counters_sweep(&proxy->services, proxy->options.callbacks.service_exists, proxy->options.user);
    arci_counters_sweep(&proxy->peers, NULL, NULL);
    return ARCTIC_OK;
}

/* Statistics */

bool arci_proxy_service_stats(const struct arci_proxy *proxy, const struct arctic_id *service_id,
                              struct arci_service_stats *ret_stats)
{
    const struct arci_counters *counters = arci_counters_find(&proxy->services, service_id);
    if (!counters)
        return false;
    arci_route_stats_of_service(counters, ret_stats);
    return true;
}

void arci_proxy_each_route(const struct arci_proxy *proxy, const struct arctic_id *service_id,
                           void (*visit)(void *user, uint64_t route_id,
                                         const struct arci_service_stats *stats),
                           void *user)
{
    const struct arci_counters *counters = arci_counters_find(&proxy->services, service_id);
    if (counters)
        arci_route_stats_each(counters, visit, user);
}

static struct arci_queue *queue_of_worker(void *user, uint32_t worker)
{
    struct arci_proxy *proxy = user;
    return &proxy->workers[worker].queue;
}

static bool is_among(const void *context, uint64_t route_id)
{
    return arci_routes_find((struct arci_routes *)context, route_id) != NULL;
}

size_t arci_proxy_prune_routes(struct arci_proxy *proxy, const struct arctic_id *service_id,
                               const struct arci_routes *routes, size_t budget)
{
    struct arci_counters *counters = arci_counters_find(&proxy->services, service_id);
    return counters ? arci_route_counters_prune(counters, budget, is_among, routes, queue_of_worker, proxy,
                                                ARCI_TO_WORKER_ROUTE)
                    : 0;
}

static uint64_t load(const atomic_uint_least64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void add_peer_row(struct arci_peer_stats *stats, const struct arci_peer_counters *row)
{
    int64_t answered = atomic_load_explicit(&row->last_answer_at, memory_order_relaxed);
    int64_t rtt = atomic_load_explicit(&row->rtt_us, memory_order_relaxed);
    stats->reachable = stats->reachable || atomic_load_explicit(&row->reachable, memory_order_relaxed);
    int64_t failed = atomic_load_explicit(&row->dial_failed_at, memory_order_relaxed);
    stats->dial_failed_at = failed > stats->dial_failed_at ? failed : stats->dial_failed_at;
    /* The worker that heard from it last knows its distance best. */
    if (rtt >= 0 && (stats->rtt_us < 0 || answered >= stats->last_answer_at))
        stats->rtt_us = rtt;
    if (answered > stats->last_answer_at)
        stats->last_answer_at = answered;
    stats->idle += (uint32_t)atomic_load_explicit(&row->idle, memory_order_relaxed);
    stats->busy += (uint32_t)atomic_load_explicit(&row->busy, memory_order_relaxed);
    stats->dialling += (uint32_t)atomic_load_explicit(&row->dialling, memory_order_relaxed);
    stats->accepted += (uint32_t)atomic_load_explicit(&row->accepted, memory_order_relaxed);
    stats->primed_bytes += load(&row->primed_bytes);
    stats->protocol_errors += load(&row->protocol_errors);
}

bool arci_proxy_peer_stats(const struct arci_proxy *proxy, const struct arctic_id *peer_id,
                           struct arci_peer_stats *ret_stats)
{
    const struct arci_counters *counters = arci_counters_find(&proxy->peers, peer_id);
    struct arci_peer_stats stats = {.rtt_us = -1};
    if (!counters)
        return false;
    for (size_t i = 0; i < counters->workers; i++)
        add_peer_row(&stats, &counters->peers[i].counters);
    *ret_stats = stats;
    return true;
}
