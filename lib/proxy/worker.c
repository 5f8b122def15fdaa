/* See worker.h. */
#include "proxy/worker.h"

#include <openssl/ssl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "proxy/entry.h"
#include "proxy/exit.h"
#include "proxy/pending.h"
#include "proxy/settling.h"

#define CONNECTIONS_QUEUED 256 /* control connections that the control loop has not taken yet */

void *arci_worker_message(struct arci_worker *worker, int kind, size_t size)
{
    struct arci_message *message = calloc(1, size);
    if (!message) {
        arci_log_error(worker->options.log, ARCI_LOG_PROXY, "out of memory");
        return NULL;
    }
    message->kind = kind;
    return message;
}

/* What the transport tells */

static void on_incoming(void *user, struct arci_stream *stream, const struct arctic_id *peer,
                        const struct arci_stream_request *request)
{
    arci_exit_incoming(user, stream, peer, request);
}

static void on_peer_state(void *user, const struct arctic_id *peer, bool reachable, int64_t rtt_us)
{
    struct arci_worker *worker = user;
    struct arci_peer_message *message = arci_worker_message(worker, ARCI_TO_CONTROL_PEER, sizeof *message);
    (void)reachable; /* the control loop reads the counters of all workers */
    if (!message)
        return;
    message->peer_id = *peer;
    message->rtt_us = rtt_us;
    arci_queue_send(worker->options.control, &message->head, 0);
}

static void on_control(void *user, int fd, SSL *ssl, const uint8_t *key, const struct arctic_endpoint *remote)
{
    struct arci_worker *worker = user;
    (void)key;
    struct arci_connection_message *message =
        arci_worker_message(worker, ARCI_TO_CONTROL_CONNECTION, sizeof *message);
    if (message) {
        message->ssl = ssl;
        message->fd = fd;
        message->remote = *remote;
        if (arci_queue_send(worker->options.control, &message->head, CONNECTIONS_QUEUED))
            return;
    }
    free(message);
    SSL_free(ssl);
    close(fd);
}

static const struct arci_transport_events transport_events = {
    .incoming = on_incoming, .peer_state = on_peer_state, .control = on_control};

/* The end */

static void on_transport_closed(void *user)
{
    struct arci_worker *worker = user;
    worker->transport = NULL;
    uv_close((uv_handle_t *)&worker->tick, NULL);
    arci_queue_close(&worker->queue, NULL);
}

static void end_when_empty(struct arci_worker *worker)
{
    if (!worker->stopping || worker->ending || worker->flow_count > 0)
        return;
    if (!worker->ops->drained(worker->transport) && uv_now(&worker->loop) < worker->stop_at)
        return;
    worker->ending = true;
    worker->ops->destroy(worker->transport, on_transport_closed, worker);
}

void arci_worker_flow_gone(struct arci_worker *worker)
{
    worker->flow_count--;
    end_when_empty(worker);
}

static void abort_all(struct arci_worker *worker)
{
    struct arci_flow *flow;
    for (flow = TAILQ_FIRST(&worker->flows); flow; flow = TAILQ_NEXT(flow, link))
        arci_flow_abort(flow, ARCI_REASON_WITHDRAWN);
}

static void stop(struct arci_worker *worker, uint64_t grace_ms)
{
    uint64_t at = uv_now(&worker->loop) + grace_ms;
    worker->stop_at = worker->stopping && worker->stop_at < at ? worker->stop_at : at;
    if (!worker->stopping) {
        worker->stopping = true;
        arci_entry_stop(&worker->entries[0]);
        arci_entry_stop(&worker->entries[1]);
        arci_pending_refuse_all(worker, ARCI_REASON_WITHDRAWN);
        worker->ops->retire(worker->transport);
    }
    if (grace_ms == 0)
        abort_all(worker);
    end_when_empty(worker);
}

/* Configuration */

static bool still_wanted(const struct arci_snapshot *snapshot, const struct arci_flow *flow)
{
    size_t count;
    const struct arci_snapshot_peer *peers = arci_snapshot_peers(snapshot, &count);
    const struct arci_snapshot_peer *peer = NULL;
    const struct arci_snapshot_entry *entry = arci_snapshot_find_entry(snapshot, &flow->request.service_id);
    const struct arci_snapshot_exit *exit =
        arci_snapshot_find_exit(snapshot, &flow->request.service_id, &flow->peer_id);
    if (flow->is_entry && entry)
        peer = &peers[entry->peer];
    if (!flow->is_entry && exit)
        peer = &peers[exit->peer];
    return peer && peer->connected && arctic_id_equal(&peer->id, &flow->peer_id);
}

static void abort_unwanted(struct arci_worker *worker, const struct arci_snapshot *snapshot)
{
    struct arci_flow *flow;
    for (flow = TAILQ_FIRST(&worker->flows); flow; flow = TAILQ_NEXT(flow, link)) {
        if (!still_wanted(snapshot, flow))
            arci_flow_abort(flow, ARCI_REASON_WITHDRAWN);
    }
}

static void apply(struct arci_worker *worker, struct arci_config *config)
{
    struct arctic_error error = {0};
    size_t count = 0;
    struct arci_transport_settings settings = arci_snapshot_options(config->snapshot)->transport;
    ARCI_FREE struct arci_transport_peer *peers =
        arci_config_transport_peers(config, worker->options.index, &count);
    settings.mark = worker->options.mark;
    int code = peers ? ARCTIC_OK : arci_fail_memory(&error);
    if (code >= 0) {
        /* Before their peers go: they end because they were withdrawn, not for a lost connection. */
        abort_unwanted(worker, config->snapshot);
        code = worker->ops->configure(worker->transport, &settings, peers, count, &error);
    }
    if (code < 0) {
        arci_log_error(worker->options.log, ARCI_LOG_PROXY, "cannot apply the configuration",
                       ARCI_ERROR(&error));
        arci_config_unref(config);
        return;
    }
    arci_config_unref(worker->config);
    worker->config = config;
    arci_pending_retry(worker);
}

static void on_message(void *user, struct arci_message *message)
{
    struct arci_worker *worker = user;
    if (message->kind == ARCI_TO_WORKER_STOP) {
        stop(worker, ((struct arci_stop_message *)message)->grace_ms);
        return; /* part of the worker */
    }
    if (message->kind == ARCI_TO_WORKER_ROUTE) {
        arci_route_counters_returned((struct arci_route_counters *)message);
        return;
    }
    struct arci_config *config = ((struct arci_config_message *)message)->config;
    if (worker->stopping)
        arci_config_unref(config);
    else
        apply(worker, config);
    free(message);
}

/* The loop */

static void on_tick(uv_timer_t *timer)
{
    struct arci_worker *worker = timer->data;
    struct arci_flow *flow;
    arci_entry_tick(&worker->entries[0]);
    arci_entry_tick(&worker->entries[1]);
    arci_pending_tick(worker);
    for (flow = TAILQ_FIRST(&worker->flows); flow; flow = TAILQ_NEXT(flow, link))
        arci_exit_tick(flow);
    arci_flow_packets_tick(worker);
    arci_settling_tick(worker);
    if (worker->stopping && uv_now(&worker->loop) >= worker->stop_at)
        abort_all(worker);
    end_when_empty(worker);
}

static void run(void *argument)
{
    struct arci_worker *worker = argument;
    uv_run(&worker->loop, UV_RUN_DEFAULT);
    arci_settling_end_all(worker);
    uv_loop_close(&worker->loop);
    worker->has_loop = false;
    arci_config_unref(worker->config);
    arci_flow_table_release(&worker->table);
    arci_own_addresses_release(&worker->own);
    worker->ended_message =
        (struct arci_ended_message){.head.kind = ARCI_TO_CONTROL_ENDED, .worker = worker->options.index};
    arci_queue_send(worker->options.control, &worker->ended_message.head, 0);
}

/* Signals are the program's business, on threads of its own. */
static int start_thread(struct arci_worker *worker)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int code = uv_thread_create(&worker->thread, run, worker);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    worker->has_thread = code == 0;
    return code;
}

static int start_transport(struct arci_worker *worker, int tunnel_fd, struct arctic_error *error)
{
    const struct arci_transport_options options = {
        .loop = &worker->loop,
        .log = worker->options.log,
        .tls = worker->options.tls,
        .listeners = &tunnel_fd,
        .listener_count = 1,
        .events = &transport_events,
        .user = worker,
    };
    worker->ops = arci_transport_find("tls");
    return worker->ops->create(&options, &worker->transport, error);
}

static int start_loop(struct arci_worker *worker, struct arctic_error *error)
{
    int code = uv_loop_init(&worker->loop);
    worker->has_loop = code == 0;
    if (code == 0)
        code = arci_queue_open(&worker->queue, &worker->loop, on_message, worker);
    worker->has_queue = worker->has_loop && code == 0;
    if (code == 0)
        code = uv_timer_init(&worker->loop, &worker->tick);
    if (code < 0)
        return arci_fail_errnum(error, -code, "cannot make the loop of a data-plane worker");
    worker->tick.data = worker;
    uv_timer_start(&worker->tick, on_tick, ARCI_WORKER_TICK_MS, ARCI_WORKER_TICK_MS);
    return ARCTIC_OK;
}

static int start_listeners(struct arci_worker *worker, struct arci_listeners *listeners,
                           struct arctic_error *error)
{
    int fds[] = {listeners->ipv4, listeners->ipv6};
    listeners->ipv4 = -1;
    listeners->ipv6 = -1;
    int code = 0;
    for (int i = 0; i < 2; i++) {
        if (fds[i] < 0)
            continue;
        if (code == 0)
            code = arci_entry_start(&worker->entries[i], worker, fds[i]);
        else
            close(fds[i]);
    }
    return code < 0 ? arci_fail_errnum(error, -code, "cannot watch the listeners for captured connections")
                    : ARCTIC_OK;
}

/* On the caller's thread, where the worker's never came to be. */
static void undo(struct arci_worker *worker)
{
    if (worker->has_loop) {
        arci_entry_stop(&worker->entries[0]);
        arci_entry_stop(&worker->entries[1]);
        if (worker->has_queue) {
            uv_close((uv_handle_t *)&worker->tick, NULL);
            arci_queue_close(&worker->queue, NULL);
        }
        if (worker->transport)
            worker->ops->destroy(worker->transport, NULL, NULL);
        uv_run(&worker->loop, UV_RUN_DEFAULT);
        uv_loop_close(&worker->loop);
    }
    if (worker->has_queue)
        arci_queue_destroy(&worker->queue);
    worker->has_loop = false;
    arci_flow_table_release(&worker->table);
}

int arci_worker_start(struct arci_worker *worker, const struct arci_worker_options *options,
                      struct arctic_error *error)
{
    struct arci_listeners listeners = options->listeners;
    int tunnel_fd = options->tunnel_fd;
    worker->options = *options;
    TAILQ_INIT(&worker->flows);
    TAILQ_INIT(&worker->settling);
    TAILQ_INIT(&worker->pending);
    int code = arci_flow_table_init(&worker->table, error);
    if (code >= 0)
        code = start_loop(worker, error);
    if (code >= 0) {
        code = start_transport(worker, tunnel_fd, error);
        tunnel_fd = -1;
    }
    if (code >= 0)
        code = start_listeners(worker, &listeners, error);
    if (code >= 0 && start_thread(worker) < 0)
        code = arci_fail(error, ARCTIC_E_SYSTEM, NULL, "cannot start a thread for the data plane");
    if (code >= 0)
        return ARCTIC_OK;
    if (tunnel_fd >= 0)
        close(tunnel_fd);
    arci_listeners_close(&listeners);
    undo(worker);
    return code;
}

void arci_worker_stop(struct arci_worker *worker, uint64_t grace_ms)
{
    int at_once = grace_ms == 0;
    if (worker->stop_sent[at_once])
        return;
    worker->stop_sent[at_once] = true;
    struct arci_stop_message *message = &worker->stop_messages[at_once];
    *message = (struct arci_stop_message){.head.kind = ARCI_TO_WORKER_STOP, .grace_ms = grace_ms};
    arci_queue_send(&worker->queue, &message->head, 0);
}

void arci_worker_release(struct arci_worker *worker)
{
    arci_queue_destroy(&worker->queue);
}

void arci_worker_join(struct arci_worker *worker)
{
    if (worker->has_thread)
        uv_thread_join(&worker->thread);
    worker->has_thread = false;
}
