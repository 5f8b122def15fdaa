/* See flow.h. What differs between the ends is in entry.c and exit.c. */
#include "proxy/flow.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "proxy/entry.h"
#include "proxy/exit.h"
#include "proxy/settling.h"
#include "proxy/worker.h"

#define READ_BURST 8 /* reads for one event of the loop: other flows want their turn */

/* Finds clients and servers that vanished; applications notice it no other way than over a direct path. */
#define KEEPALIVE_IDLE_S 60
#define KEEPALIVE_INTERVAL_S 15
#define KEEPALIVE_PROBES 4

/* Data that waits in the kernel for a slow reader, beside what is in flight to it. */
#define UNSENT_BYTES (256 * 1024)

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

/* Without lingering close() sends what is left and a FIN, with it a reset. */
static void reset_on_close(int fd, bool reset)
{
    struct linger linger = {.l_onoff = reset, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

void arci_local_reset(int fd)
{
    reset_on_close(fd, true);
    close(fd);
}

void arci_local_tune(int fd)
{
    /* Until the flow has ended well: when this process dies, what was under way must not look complete. */
    reset_on_close(fd, true);
    /* recv() would leave out a byte that was sent as urgent (tcp(7)); the mark itself is not carried. */
    set(fd, SOL_SOCKET, SO_OOBINLINE, 1);
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

/* Counting: for the service, and for the route where there is one */

#define COUNT(flow, member, amount)                                                                          \
    do {                                                                                                     \
        arci_count(&(flow)->counters->member, (amount));                                                     \
        if ((flow)->route)                                                                                   \
            arci_count(&(flow)->route->counters.member, (amount));                                           \
    } while (0)

static void count_up(struct arci_flow *flow, size_t amount)
{
    COUNT(flow, bytes_up, amount);
    flow->moved = true;
}

static void count_down(struct arci_flow *flow, size_t amount)
{
    COUNT(flow, bytes_down, amount);
    flow->moved = true;
}

static void count_sent(struct arci_flow *flow, size_t amount)
{
    if (flow->is_entry)
        count_up(flow, amount);
    else
        count_down(flow, amount);
}

static void count_received(struct arci_flow *flow, size_t amount)
{
    if (flow->is_entry)
        count_down(flow, amount);
    else
        count_up(flow, amount);
}

void arci_flow_count_route(struct arci_flow *flow, struct arci_route_counters *row)
{
    if (!row)
        return;
    flow->route = arci_route_counters_ref(row);
    arci_count(&row->counters.opened, 1);
}

void arci_flow_count_refused(struct arci_flow *flow)
{
    if (!flow->opened && !flow->closed)
        COUNT(flow, refused, 1);
}

static void turn_away(struct arci_flow_counters *counters)
{
    arci_count(&counters->opened, 1);
    arci_count(&counters->refused, 1);
    arci_count(&counters->failed, 1);
    arci_count(&counters->closed, 1);
}

void arci_flow_count_turned_away(struct arci_flow_counters *service, struct arci_route_counters *row)
{
    turn_away(service);
    if (row)
        turn_away(&row->counters);
}

/* The end */

void arci_flow_free(struct arci_flow *flow)
{
    arci_route_counters_unref(flow->route);
    arci_counters_unref(flow->service);
    free(flow);
}

static void on_closed(uv_handle_t *handle)
{
    struct arci_flow *flow = (struct arci_flow *)(void *)handle;
    struct arci_worker *worker = flow->worker;
    if (worker->next_counted == flow)
        worker->next_counted = TAILQ_NEXT(flow, link);
    TAILQ_REMOVE(&worker->flows, flow, link);
    if (flow->settling)
        arci_settling_add(worker, flow);
    else
        arci_flow_free(flow);
    arci_worker_flow_gone(worker);
}

static void end(struct arci_flow *flow, bool reset, enum arci_stream_reason reason)
{
    struct arci_worker *worker = flow->worker;
    if (flow->closed)
        return;
    flow->closed = true;
    flow->settling = !arci_flow_count_packets(flow) && !reset;
    COUNT(flow, closed, 1);
    if (reset)
        COUNT(flow, failed, 1);
    if (flow->in_table)
        arci_flow_table_remove(&worker->table, &flow->key);
    flow->in_table = false;
    arci_watch_close(&flow->watch, on_closed);
    if (!reset)
        reset_on_close(flow->fd, false);
    if (!flow->settling)
        close(flow->fd);
    if (flow->stream)
        worker->ops->close(flow->stream, reason);
    flow->stream = NULL;
}

void arci_flow_abort(struct arci_flow *flow, enum arci_stream_reason reason)
{
    end(flow, true, reason);
}

static void end_when_done(struct arci_flow *flow)
{
    if (flow->sent_all && flow->received_all)
        end(flow, false, ARCI_REASON_NONE);
}

/* From the socket to the stream */

/* Returns whether the socket may have more. */
static bool send_some(struct arci_flow *flow)
{
    struct arci_worker *worker = flow->worker;
    uint8_t *bytes = worker->scratch + ARCI_STREAM_HEADROOM;
    ssize_t got = recv(flow->fd, bytes, ARCI_STREAM_WRITE_MAX, MSG_DONTWAIT);
    if (got > 0) {
        worker->ops->write(flow->stream, bytes, (size_t)got);
        count_sent(flow, (size_t)got);
        return got == ARCI_STREAM_WRITE_MAX;
    }
    if (got == 0 && !flow->was_reset) {
        flow->sent_all = true;
        worker->ops->finish(flow->stream);
        end_when_done(flow);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        arci_flow_abort(flow, ARCI_REASON_RESET);
    }
    return false;
}

static void pump(struct arci_flow *flow)
{
    const struct arci_transport_ops *ops = flow->worker->ops;
    bool more = true;
    flow->stream_full = false;
    for (int i = 0; i < READ_BURST && more && !flow->closed && !flow->sent_all; i++) {
        if (!ops->writable(flow->stream)) {
            flow->stream_full = true;
            return;
        }
        more = send_some(flow);
    }
}

static size_t on_early(void *user, uint8_t *bytes, size_t size)
{
    struct arci_flow *flow = user;
    ssize_t got = recv(flow->fd, bytes, size, MSG_DONTWAIT);
    /* An end shows again when the socket is read next, an error only once (sock_error()). */
    if (got < 0 && errno != EAGAIN && errno != EINTR)
        flow->was_reset = true;
    if (got <= 0)
        return 0;
    count_sent(flow, (size_t)got);
    return (size_t)got;
}

static void on_writable(void *user)
{
    struct arci_flow *flow = user;
    pump(flow);
    arci_flow_update(flow);
}

/* From the stream to the socket */

static size_t on_data(void *user, const uint8_t *bytes, size_t length)
{
    struct arci_flow *flow = user;
    ssize_t sent = send(flow->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) {
        arci_flow_abort(flow, ARCI_REASON_RESET);
        return length;
    }
    size_t taken = sent > 0 ? (size_t)sent : 0;
    count_received(flow, taken);
    if (taken < length) {
        flow->socket_full = true;
        arci_flow_update(flow);
    }
    return taken;
}

static void on_finished(void *user)
{
    struct arci_flow *flow = user;
    flow->received_all = true;
    /* Fails where the client has reset: that is seen when the socket is read. */
    (void)shutdown(flow->fd, SHUT_WR);
    end_when_done(flow);
}

static void on_opened(void *user)
{
    struct arci_flow *flow = user;
    flow->opened = true;
}

static void on_failed(void *user, enum arci_stream_reason reason, bool refused)
{
    struct arci_flow *flow = user;
    if (flow->is_entry) {
        arci_entry_failed(flow, reason, refused);
        arci_flow_count_refused(flow);
    }
    arci_flow_abort(flow, reason);
}

const struct arci_stream_events arci_flow_events = {
    .early = on_early,
    .opened = on_opened,
    .data = on_data,
    .finished = on_finished,
    .failed = on_failed,
    .writable = on_writable,
};

/* The socket */

/* What the other end sent before its reset is delivered as far as there is room, as a direct connection would have. */
static void on_broken(struct arci_flow *flow)
{
    struct arci_worker *worker = flow->worker;
    uint8_t *bytes = worker->scratch + ARCI_STREAM_HEADROOM;
    while (!flow->sent_all && worker->ops->writable(flow->stream)) {
        ssize_t got = recv(flow->fd, bytes, ARCI_STREAM_WRITE_MAX, MSG_DONTWAIT);
        if (got <= 0)
            break; /* an end after a reset is none */
        worker->ops->write(flow->stream, bytes, (size_t)got);
        count_sent(flow, (size_t)got);
    }
    arci_flow_abort(flow, ARCI_REASON_RESET);
}

static void on_socket(struct arci_watch *watch, bool readable, bool writable, int broken)
{
    struct arci_flow *flow = (struct arci_flow *)watch;
    if (flow->connecting) {
        arci_exit_connected(flow, broken);
        return;
    }
    if (broken != 0) {
        on_broken(flow);
        return;
    }
    if (writable && flow->socket_full) {
        flow->socket_full = false;
        flow->worker->ops->resume(flow->stream);
    }
    if (readable)
        pump(flow);
    arci_flow_update(flow);
}

void arci_flow_update(struct arci_flow *flow)
{
    if (flow->closed)
        return;
    bool read = !flow->connecting && !flow->sent_all && !flow->stream_full;
    arci_watch_set(&flow->watch, read, flow->connecting || flow->socket_full);
}

void arci_flow_start(struct arci_flow *flow)
{
    flow->stream_full = !flow->worker->ops->writable(flow->stream);
    arci_flow_update(flow);
}

struct arci_flow *arci_flow_create(struct arci_worker *worker, int fd, bool is_entry,
                                   const struct arci_stream_request *request, const struct arctic_id *peer_id,
                                   struct arci_counters *service)
{
    struct arci_flow *flow = calloc(1, sizeof *flow);
    if (!flow || arci_watch_start(&flow->watch, &worker->loop, fd, on_socket) < 0) {
        free(flow);
        arci_local_reset(fd);
        return NULL;
    }
    flow->worker = worker;
    flow->fd = fd;
    flow->is_entry = is_entry;
    flow->request = *request;
    flow->peer_id = *peer_id;
    flow->service = arci_counters_ref(service);
    flow->counters = &service->services[worker->options.index].counters;
    arci_count(&flow->counters->opened, 1);
    TAILQ_INSERT_TAIL(&worker->flows, flow, link);
    worker->flow_count++;
    return flow;
}
