/* See entry.h. One walk down: accept, where from and where to, which service, which peer, open. */
#include "proxy/entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "kernel/ingress.h"
#include "proxy/settling.h"
#include "proxy/worker.h"

#define ACCEPT_BURST 64
#define PAUSE_MS 250
#define REFUSALS_QUEUED 1024 /* then reports are dropped: the client was reset all the same */

static void report_refusal(struct arci_flow *flow, enum arci_stream_reason reason)
{
    struct arci_worker *worker = flow->worker;
    struct arci_refused_message *message =
        arci_worker_message(worker, ARCI_TO_CONTROL_REFUSED, sizeof *message);
    if (!message)
        return;
    message->service_id = flow->request.service_id;
    message->destination = flow->request.destination;
    message->reason = (int)reason;
    if (!arci_queue_send(worker->options.control, &message->head, REFUSALS_QUEUED))
        free(message);
}

/* Whether the destination itself was found not to answer, so that the next try would find the same. */
static bool concerns_destination(enum arci_stream_reason reason)
{
    return reason == ARCI_REASON_REFUSED || reason == ARCI_REASON_HOST_UNREACHABLE ||
           reason == ARCI_REASON_NET_UNREACHABLE || reason == ARCI_REASON_TIMED_OUT ||
           reason == ARCI_REASON_NO_IPV6 || reason == ARCI_REASON_NOT_PERMITTED;
}

/* What an operator can do about it; NULL where the destination or the client is the cause, as over a direct path. */
static const char *advice(enum arci_stream_reason reason, bool refused, bool transparent)
{
    switch (reason) {
    case ARCI_REASON_NOT_PERMITTED:
        return "the exit's log says why; compare the service and its routes there (arctic services get)";
    case ARCI_REASON_NO_RESOURCES:
        return refused ? "the exit is out of memory, descriptors or ports; its log may say more"
                       : "this agent is out of memory, or too many flows wait for the peer";
    case ARCI_REASON_LOOP:
        return "the exit sends to there by way of this host; limit the route's sources, or name the networks "
               "behind the "
               "exit (arctic routes list)";
    case ARCI_REASON_TIMED_OUT:
        return transparent ? "the service is fully transparent: does the destination send what is for this "
                             "client by way of "
                             "the exit?"
                           : NULL;
    case ARCI_REASON_PEER_UNREACHABLE:
        return "look for \"peer is unreachable\" in this log, and at arctic peers list";
    default:
        return NULL;
    }
}

static void log_failure(struct arci_flow *flow, enum arci_stream_reason reason, bool refused)
{
    struct arci_worker *worker = flow->worker;
    char client[ARCTIC_ENDPOINT_TEXT], destination[ARCTIC_ENDPOINT_TEXT];
    const char *what_to_do = advice(reason, refused, flow->transparent);
    int64_t suppressed = 0;
    bool warn = what_to_do && arci_log_allowed(&worker->failure_log, arci_worker_now(worker), &suppressed);
    arci_log_at(worker->options.log, warn ? ARCTIC_LOG_WARN : ARCTIC_LOG_DEBUG, ARCI_LOG_PROXY,
                refused ? "flow was refused by the exit" : "flow was reset",
                ARCI_TEXT("service", flow->request.service_id.text), ARCI_TEXT("peer", flow->peer_id.text),
                ARCI_TEXT("client", arctic_endpoint_format(&flow->request.client, client)),
                ARCI_TEXT("destination", arctic_endpoint_format(&flow->request.destination, destination)),
                ARCI_TEXT("reason", arci_stream_reason_name((int)reason)),
                ARCI_TEXT("advice", what_to_do ? what_to_do : ""), ARCI_INT("more", suppressed));
}

void arci_entry_failed(struct arci_flow *flow, enum arci_stream_reason reason, bool refused)
{
    if (refused && concerns_destination(reason))
        report_refusal(flow, reason);
    log_failure(flow, reason, refused);
}

static void warn_of_loop(struct arci_worker *worker, const struct arci_ingress *ingress, const char *why)
{
    char source[ARCTIC_ENDPOINT_TEXT], destination[ARCTIC_ENDPOINT_TEXT];
    int64_t suppressed;
    if (!arci_log_allowed(&worker->loop_log, arci_worker_now(worker), &suppressed))
        return;
    arci_log_warn(worker->options.log, ARCI_LOG_PROXY, "refused a captured flow that goes in a circle",
                  ARCI_TEXT("source", arctic_endpoint_format(&ingress->source, source)),
                  ARCI_TEXT("destination", arctic_endpoint_format(&ingress->destination, destination)),
                  ARCI_TEXT("reason", why), ARCI_INT("more", suppressed));
}

static const struct arci_snapshot_entry *match(const struct arci_worker *worker,
                                               const struct arci_ingress *ingress, uint64_t *ret_route)
{
    struct arctic_flow flow = {.source = ingress->source.address,
                               .destination = ingress->destination.address};
    memcpy(flow.interface, ingress->interface, sizeof flow.interface);
    return worker->config ? arci_snapshot_match(worker->config->snapshot, &flow, ret_route) : NULL;
}

/* NULL for a flow that an interface has taken without a route, and without memory: the service alone counts it then. */
static struct arci_route_counters *route_row(struct arci_worker *worker, struct arci_counters *service,
                                             uint64_t route)
{
    if (route == 0)
        return NULL;
    return arci_route_counters_get(service, (uint32_t)worker->options.index, route, worker->options.control,
                                   ARCI_TO_CONTROL_ROUTE);
}

/* Opens the stream; the flow is ended when there is none. */
static void carry(struct arci_flow *flow)
{
    struct arci_worker *worker = flow->worker;
    struct arctic_error error = {0};
    int code = worker->ops->open(worker->transport, &flow->peer_id, &flow->request, &arci_flow_events, flow,
                                 &flow->stream, &error);
    if (code < 0) {
        arci_entry_failed(
            flow, code == ARCTIC_E_PEER_UNREACHABLE ? ARCI_REASON_PEER_UNREACHABLE : ARCI_REASON_NO_RESOURCES,
            false);
        arci_flow_count_refused(flow);
        arci_flow_abort(flow, ARCI_REASON_NONE);
        return;
    }
    arci_flow_start(flow);
}

static void take(struct arci_worker *worker, int fd, const struct arci_ingress *ingress)
{
    size_t count;
    uint64_t route = 0;
    const struct arci_snapshot_entry *entry = match(worker, ingress, &route);
    if (!entry) {
        /* The kernel and this table are changed one after the other; a flow may come between. */
        arci_local_reset(fd);
        return;
    }
    const struct arci_config *config = worker->config;
    const struct arci_snapshot_peer *peer = &arci_snapshot_peers(config->snapshot, &count)[entry->peer];
    size_t index = (size_t)(entry - arci_snapshot_entries(config->snapshot, &count));
    struct arci_counters *service = config->entries[index];
    struct arci_route_counters *row = route_row(worker, service, route);
    if (arci_policy_is_loop(peer->endpoints, peer->endpoint_count, &ingress->source.address)) {
        warn_of_loop(worker, ingress, "it comes from the peer that it would be sent to");
        arci_flow_count_turned_away(&service->services[worker->options.index].counters, row);
        arci_local_reset(fd);
        return;
    }
    const struct arci_stream_request request = {
        .service_id = entry->id, .destination = ingress->destination, .client = ingress->source};
    struct arci_flow *flow = arci_flow_create(worker, fd, true, &request, &peer->id, service);
    if (!flow)
        return;
    arci_flow_count_route(flow, row);
    flow->transparent = entry->fully_transparent;
    flow->key = (struct arci_flow_key){.client = request.client, .destination = request.destination};
    flow->in_table = arci_flow_table_add(&worker->table, &flow->key);
    if (!flow->in_table) {
        warn_of_loop(worker, ingress, "a flow with its addresses and ports is open");
        arci_flow_count_refused(flow);
        arci_flow_abort(flow, ARCI_REASON_NONE);
        return;
    }
    carry(flow);
}

static void accepted(struct arci_worker *worker, int fd)
{
    struct arci_ingress ingress;
    /* Someone connected to the listener itself, or is gone again. */
    if (arci_ingress_read(fd, worker->options.anchor, &ingress, NULL) < 0) {
        arci_local_reset(fd);
        return;
    }
    arci_local_tune(fd);
    take(worker, fd, &ingress);
}

/* Without a descriptor the waiting connection would be reported again and again. */
static void pause_accepting(struct arci_entry_listener *listener, int errnum)
{
    struct arci_worker *worker = listener->worker;
    struct arctic_error error = {0};
    int64_t suppressed;
    arci_settling_end_all(worker);
    listener->resume_at = arci_worker_now(worker) + PAUSE_MS;
    arci_watch_set(&listener->watch, false, false);
    if (!arci_log_allowed(&worker->accept_log, arci_worker_now(worker), &suppressed))
        return;
    arci_fail_errnum(&error, errnum,
                     "cannot accept captured connections; is the limit on open files too low?");
    arci_log_error(worker->options.log, ARCI_LOG_PROXY, "capturing pauses", ARCI_ERROR(&error));
}

/* Errors that end accepting for a while; others concern the connection alone (accept(2), "Error handling"). */
static bool out_of_resources(int errnum)
{
    return errnum == EMFILE || errnum == ENFILE || errnum == ENOBUFS || errnum == ENOMEM;
}

static void on_connection(struct arci_watch *watch, bool readable, bool writable, int broken)
{
    struct arci_entry_listener *listener = (struct arci_entry_listener *)watch;
    (void)readable;
    (void)writable;
    if (broken != 0) {
        pause_accepting(listener, broken);
        return;
    }
    for (int i = 0; i < ACCEPT_BURST && listener->open; i++) {
        int fd = accept4(watch->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accepted(listener->worker, fd);
            continue;
        }
        if (out_of_resources(errno))
            pause_accepting(listener, errno);
        if (errno == EAGAIN || out_of_resources(errno))
            return;
    }
}

int arci_entry_start(struct arci_entry_listener *listener, struct arci_worker *worker, int fd)
{
    int code = arci_watch_start(&listener->watch, &worker->loop, fd, on_connection);
    if (code < 0) {
        close(fd);
        return code;
    }
    listener->worker = worker;
    listener->open = true;
    arci_watch_set(&listener->watch, true, false);
    return 0;
}

void arci_entry_stop(struct arci_entry_listener *listener)
{
    if (!listener->open)
        return;
    listener->open = false;
    arci_watch_close(&listener->watch, NULL);
    close(listener->watch.fd);
}

void arci_entry_tick(struct arci_entry_listener *listener)
{
    if (!listener->open || listener->resume_at == 0 ||
        arci_worker_now(listener->worker) < listener->resume_at)
        return;
    listener->resume_at = 0;
    arci_watch_set(&listener->watch, true, false);
}
