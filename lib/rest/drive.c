/*
 * When libmicrohttpd runs: at an event, when it says that it wants to, and at deadlines.
 *
 * What wants to run at once does so in the next turn of the loop, by an idle handle: a timer of 0 ms that is started
 * in its own callback would be called again and again in one turn (libuv before 1.45), and nothing else ever.
 *
 * libmicrohttpd (0.9.75) wants to run at once for as long as a TLS handshake waits for its client's next bytes, which
 * would keep a processor busy for each client that sends half of one. So when nothing has come of a run while there are
 * connections that have not made a request yet, the next one is a little later.
 *
 * Where file descriptors run out it accepts nobody until one of its connections has ended, however many descriptors are free by then;
 * without a connection it tries again at once and for ever. So one that waits for its client makes room for whoever is left waiting,
 * and with no connection the next try is a little later.
 */
#include "rest/request.h"

#include <poll.h>

#include "base/log.h"
#include "base/time.h"
#include "rest/connection.h"

/* How often deadlines are looked at, while there are connections. */
#define SWEEP_INTERVAL_MS 250

#define HANDSHAKE_INTERVAL_MS 2
#define ACCEPT_INTERVAL_MS 100

static void on_idle(uv_idle_t *idle);
static void on_timer(uv_timer_t *timer);
static void on_event(uv_poll_t *poll, int status, int events);

static void plan_next(struct arci_http_server *server, bool fruitless)
{
    MHD_UNSIGNED_LONG_LONG timeout = 0;
    bool wanted = server->run_again || MHD_get_timeout(server->daemon, &timeout) == MHD_YES;
    if (wanted && timeout == 0 && fruitless && server->silent_connections > 0)
        timeout = HANDSHAKE_INTERVAL_MS;
    uv_idle_stop(&server->idle);
    uv_timer_stop(&server->run_timer);
    if (wanted && timeout == 0)
        uv_idle_start(&server->idle, on_idle);
    else if (wanted)
        uv_timer_start(&server->run_timer, on_timer, timeout, 0);
}

static void run(struct arci_http_server *server)
{
    uint64_t before = server->calls;
    server->run_again = false;
    if (!uv_is_active((uv_handle_t *)&server->poll))
        uv_poll_start(&server->poll, UV_READABLE, on_event);
    MHD_run(server->daemon);
    plan_next(server, server->calls == before && !server->run_again);
}

static void on_idle(uv_idle_t *idle)
{
    run(idle->data);
}

static bool somebody_waits(const struct arci_http_server *server)
{
    struct pollfd listener = {.fd = server->listener, .events = POLLIN};
    return poll(&listener, 1, 0) > 0;
}

static void warn_of_descriptors(struct arci_http_server *server)
{
    int64_t suppressed;
    if (arci_log_allowed(&server->full_log, arci_time_monotonic(), &suppressed))
        arci_log_warn(server->options.log, "api",
                      "a connection cannot be accepted: the agent is out of file descriptors, give it more "
                      "(LimitNOFILE= of its unit, or ulimit -n)",
                      ARCI_INT("more", suppressed));
}

static void on_event(uv_poll_t *poll, int status, int events)
{
    struct arci_http_server *server = poll->data;
    uint64_t before = server->calls;
    (void)status;
    (void)events;
    run(server);
    if (server->connections || server->calls != before || !somebody_waits(server))
        return;
    warn_of_descriptors(server);
    uv_poll_stop(&server->poll);
    uv_timer_start(&server->run_timer, on_timer, ACCEPT_INTERVAL_MS, 0);
}

static void on_timer(uv_timer_t *timer)
{
    run(timer->data);
}

void arci_http_server_run_soon(struct arci_http_server *server)
{
    server->run_again = true;
    if (!uv_is_closing((uv_handle_t *)&server->idle))
        uv_idle_start(&server->idle, on_idle);
}

/* Whether somebody is left waiting still, after nobody was accepted between two looks. */
static bool is_left_waiting(struct arci_http_server *server)
{
    bool waits = somebody_waits(server);
    bool left = waits && server->left_waiting && server->arrivals == server->arrivals_then;
    server->left_waiting = waits;
    server->arrivals_then = server->arrivals;
    return left;
}

static bool make_room(struct arci_http_server *server)
{
    if (!is_left_waiting(server))
        return false;
    warn_of_descriptors(server);
    return arci_http_connections_make_room(server->connections);
}

static void sweep(uv_timer_t *timer)
{
    struct arci_http_server *server = timer->data;
    bool cut = arci_http_connections_cut(server->connections, arci_time_monotonic());
    if (make_room(server) || cut)
        run(server);
    if (!server->connections)
        uv_timer_stop(timer);
}

void arci_http_server_watch_deadlines(struct arci_http_server *server)
{
    uv_timer_t *timer = &server->sweep_timer;
    if (!uv_is_active((uv_handle_t *)timer) && !uv_is_closing((uv_handle_t *)timer))
        uv_timer_start(timer, sweep, SWEEP_INTERVAL_MS, SWEEP_INTERVAL_MS);
}

int arci_http_server_attach(struct arci_http_server *server, int epoll_fd)
{
    uv_loop_t *loop = server->options.loop;
    int result = uv_poll_init(loop, &server->poll, epoll_fd);
    if (result < 0)
        return result;
    uv_timer_init(loop, &server->run_timer);
    uv_timer_init(loop, &server->sweep_timer);
    uv_idle_init(loop, &server->idle);
    server->poll.data = server->run_timer.data = server->sweep_timer.data = server->idle.data = server;
    server->open_handles = 4;
    uv_poll_start(&server->poll, UV_READABLE, on_event);
    return 0;
}

void arci_http_server_detach(struct arci_http_server *server, uv_close_cb closed)
{
    uv_close((uv_handle_t *)&server->poll, closed);
    uv_close((uv_handle_t *)&server->run_timer, closed);
    uv_close((uv_handle_t *)&server->sweep_timer, closed);
    uv_close((uv_handle_t *)&server->idle, closed);
}
