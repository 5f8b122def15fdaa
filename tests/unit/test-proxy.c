/*
 * The exit half of the data plane with its threads: a peer on the test's own loop opens flows by the transport, the proxy connects
 * them to servers on the loopback interface. The entry half needs captured connections: tests/system.
 */
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"
#include "base/time.h"
#include "crypto/tls.h"
#include "proxy/proxy.h"

#define PATIENCE_MS 10000

static const struct arctic_id service_id = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"};

struct end {
    struct arctic_id id;
    struct arci_identity *identity;
    struct arci_tls *tls;
};

struct world {
    uv_loop_t loop;
    struct end local, remote; /* the proxy; the peer that the test plays */
    struct arci_proxy *proxy;
    const struct arci_transport_ops *ops;
    struct arci_transport *transport; /* the peer's */
    struct arci_peer_counters counters;
    uint16_t tunnel_port;
    int server; /* listens */
    struct arctic_endpoint server_endpoint;
    bool transport_closed;
};

/* A flow of the peer. */
struct flow {
    struct arci_stream *stream;
    const char *early;
    char received[1 << 16];
    size_t length;
    bool opened, finished, failed, refused, writable;
    enum arci_stream_reason reason;
};

static size_t on_early(void *user, uint8_t *bytes, size_t size)
{
    struct flow *flow = user;
    size_t length = flow->early ? strlen(flow->early) : 0;
    assert_true(length <= size);
    if (length > 0)
        memcpy(bytes, flow->early, length);
    return length;
}

static void on_opened(void *user)
{
    ((struct flow *)user)->opened = true;
}

static size_t on_data(void *user, const uint8_t *bytes, size_t length)
{
    struct flow *flow = user;
    assert_true(flow->length + length < sizeof flow->received);
    memcpy(flow->received + flow->length, bytes, length);
    flow->length += length;
    return length;
}

static void on_finished(void *user)
{
    ((struct flow *)user)->finished = true;
}

static void on_failed(void *user, enum arci_stream_reason reason, bool refused)
{
    struct flow *flow = user;
    flow->failed = true;
    flow->refused = refused;
    flow->reason = reason;
}

static void on_writable(void *user)
{
    ((struct flow *)user)->writable = true;
}

static const struct arci_stream_events stream_events = {on_early,    on_opened, on_data,
                                                        on_finished, on_failed, on_writable};

static void on_incoming(void *user, struct arci_stream *stream, const struct arctic_id *peer,
                        const struct arci_stream_request *request)
{
    struct world *world = user;
    (void)peer;
    (void)request;
    world->ops->refuse(stream, ARCI_REASON_NOT_PERMITTED);
}

static void on_peer_state(void *user, const struct arctic_id *peer, bool reachable, int64_t rtt_us)
{
    (void)user;
    (void)peer;
    (void)reachable;
    (void)rtt_us;
}

static void on_control(void *user, int fd, SSL *ssl, const uint8_t *key, const struct arctic_endpoint *remote)
{
    (void)user;
    (void)key;
    (void)remote;
    SSL_free(ssl);
    close(fd);
}

static const struct arci_transport_events transport_events = {on_incoming, on_peer_state, on_control};

static void on_impatient(uv_timer_t *timer)
{
    (void)timer;
}

#define wait_until(world, condition)                                                                         \
    do {                                                                                                     \
        uv_timer_t patience_;                                                                                \
        int64_t limit_ = arci_time_monotonic() + PATIENCE_MS;                                                \
        uv_timer_init(&(world)->loop, &patience_);                                                           \
        uv_timer_start(&patience_, on_impatient, 10, 10);                                                    \
        while (!(condition) && arci_time_monotonic() < limit_)                                               \
            uv_run(&(world)->loop, UV_RUN_ONCE);                                                             \
        uv_close((uv_handle_t *)&patience_, NULL);                                                           \
        uv_run(&(world)->loop, UV_RUN_NOWAIT);                                                               \
        if (!(condition))                                                                                    \
            fail_msg("waited in vain for: %s", #condition);                                                  \
    } while (0)

static void make_end(struct end *end)
{
    struct arctic_error error;
    assert_ok(arctic_id_generate(ARCTIC_ID_PEER, &end->id, &error), error);
    assert_ok(arci_identity_generate(&end->identity, &error), error);
    assert_ok(arci_tls_create(end->identity, &end->tls, &error), error);
}

static int listen_on_loopback(struct arctic_endpoint *ret_endpoint, int backlog)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, length), 0);
    if (backlog > 0)
        assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&name, &length), 0);
    *ret_endpoint = arci_endpoint_from_sockaddr((struct sockaddr *)&name);
    return fd;
}

static void publish(struct world *world, bool with_service, bool allow_loopback)
{
    struct arctic_error error;
    struct arci_snapshot *snapshot;
    struct arci_snapshot_options options = {.local_id = world->local.id, .connect_ms = 500};
    struct arci_route route = {.id = 1, .priority = 1};
    struct arci_snapshot_peer peer = {.id = world->remote.id, .connected = true};
    struct arci_snapshot_service service = {
        .id = service_id, .peer_id = peer.id, .routes = &route, .route_count = 1};
    arci_transport_settings_defaults(&options.transport);
    options.transport.prime_bytes = 0;
    options.exit.allowed_count = allow_loopback ? 1 : 0;
    assert_ok(arctic_cidr_parse("127.0.0.0/8", &options.exit.allowed[0], &error), error);
    assert_ok(arctic_cidr_parse("127.0.0.0/8", &route.destination, &error), error);
    memcpy(peer.key, arci_identity_public_key(world->remote.identity), sizeof peer.key);
    assert_ok(arci_snapshot_create(&options, &snapshot, &error), error);
    assert_ok(arci_snapshot_add_peer(snapshot, &peer, &error), error);
    if (with_service)
        assert_ok(arci_snapshot_add_exit(snapshot, &service, &error), error);
    assert_ok(arci_proxy_set_snapshot(world->proxy, snapshot, &error), error);
    arci_snapshot_unref(snapshot);
}

static void start_peer(struct world *world)
{
    struct arctic_error error;
    struct arci_transport_settings settings;
    struct arci_transport_options options = {
        .loop = &world->loop, .tls = world->remote.tls, .events = &transport_events, .user = world};
    struct arci_transport_peer peer = {
        .id = world->local.id, .endpoint_count = 1, .warm = true, .counters = &world->counters};
    peer.endpoints[0] = (struct arctic_endpoint){{ARCTIC_FAMILY_IPV4, {127, 0, 0, 1}}, world->tunnel_port};
    memcpy(peer.key, arci_identity_public_key(world->local.identity), sizeof peer.key);
    arci_transport_settings_defaults(&settings);
    settings.prime_bytes = 0;
    settings.pool_minimum = 1;
    world->ops = arci_transport_find("tls");
    assert_ok(world->ops->create(&options, &world->transport, &error), error);
    assert_ok(world->ops->configure(world->transport, &settings, &peer, 1, &error), error);
}

/* Needs CAP_NET_ADMIN, for the transparent listeners. */
static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct arctic_error error;
    uint16_t tproxy_port;
    *state = world;
    assert_int_equal(uv_loop_init(&world->loop), 0);
    make_end(&world->local);
    make_end(&world->remote);
    struct arci_proxy_options options = {.loop = &world->loop,
                                         .tls = world->local.tls,
                                         .workers = 2,
                                         .tunnel_address = "127.0.0.1",
                                         .user = world};
    assert_ok(arci_proxy_create(&options, &world->proxy, &error), error);
    arci_proxy_ports(world->proxy, &world->tunnel_port, &tproxy_port);
    publish(world, true, true);
    world->server = listen_on_loopback(&world->server_endpoint, 5);
    start_peer(world);
    return 0;
}

static void on_transport_closed(void *user)
{
    ((struct world *)user)->transport_closed = true;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    world->ops->destroy(world->transport, on_transport_closed, world);
    arci_proxy_free(world->proxy);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_true(world->transport_closed);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    struct end *ends[] = {&world->local, &world->remote};
    for (int i = 0; i < 2; i++) {
        arci_tls_free(ends[i]->tls);
        arci_identity_free(ends[i]->identity);
    }
    close(world->server);
    free(world);
    return 0;
}

static struct flow *open_flow_to(struct world *world, const struct arctic_endpoint *destination,
                                 const char *early)
{
    struct arctic_error error;
    struct flow *flow = calloc(1, sizeof *flow);
    struct arci_stream_request request = {.service_id = service_id,
                                          .destination = *destination,
                                          .client = {{ARCTIC_FAMILY_IPV4, {192, 0, 2, 1}}, 40000}};
    flow->early = early;
    assert_ok(world->ops->open(world->transport, &world->local.id, &request, &stream_events, flow,
                               &flow->stream, &error),
              error);
    return flow;
}

static struct flow *open_flow(struct world *world, const char *early)
{
    return open_flow_to(world, &world->server_endpoint, early);
}

static void close_flow(struct world *world, struct flow *flow)
{
    if (flow->stream)
        world->ops->close(flow->stream, ARCI_REASON_RESET);
    free(flow);
}

static bool readable(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    return poll(&poller, 1, 0) == 1;
}

static int accept_client(struct world *world)
{
    wait_until(world, readable(world->server));
    int fd = accept(world->server, NULL, NULL);
    assert_true(fd >= 0);
    return fd;
}

static void assert_reads(struct world *world, int fd, const char *expected)
{
    char text[256] = "";
    size_t length = 0;
    while (length < strlen(expected)) {
        wait_until(world, readable(fd));
        ssize_t got = read(fd, text + length, sizeof text - length - 1);
        assert_true(got > 0);
        length += (size_t)got;
    }
    assert_string_equal(text, expected);
}

/* 0: FIN, else the error number. */
static int end_of(struct world *world, int fd)
{
    char byte;
    wait_until(world, readable(fd));
    ssize_t got = read(fd, &byte, 1);
    assert_true(got <= 0);
    return got == 0 ? 0 : errno;
}

static void reset_socket(int fd)
{
    struct linger linger = {1, 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close(fd);
}

static struct arci_service_stats stats(struct world *world)
{
    struct arci_service_stats value;
    assert_true(arci_proxy_service_stats(world->proxy, &service_id, &value));
    return value;
}

static void flow_reaches_its_destination_and_is_counted(void **state)
{
    struct world *world = *state;
    struct flow *flow = open_flow(world, "question");
    int client = accept_client(world);
    assert_reads(world, client, "question");
    assert_int_equal(write(client, "an answer", 9), 9);
    wait_until(world, flow->length == 9);
    world->ops->finish(flow->stream);
    assert_int_equal(end_of(world, client), 0);
    close(client);
    wait_until(world, flow->finished && stats(world).flows_open == 0);
    assert_int_equal(stats(world).flows_opened, 1);
    assert_int_equal(stats(world).flows_failed, 0);
    assert_int_equal(stats(world).bytes_up, 8);
    assert_int_equal(stats(world).bytes_down, 9);
    close_flow(world, flow);
}

static void server_may_finish_first(void **state)
{
    struct world *world = *state;
    struct flow *flow = open_flow(world, NULL);
    int client = accept_client(world);
    assert_int_equal(write(client, "bye", 3), 3);
    shutdown(client, SHUT_WR);
    wait_until(world, flow->finished && flow->length == 3 && flow->writable);
    uint8_t bytes[ARCI_STREAM_HEADROOM + 4];
    memcpy(bytes + ARCI_STREAM_HEADROOM, "last", 4);
    world->ops->write(flow->stream, bytes + ARCI_STREAM_HEADROOM, 4);
    world->ops->finish(flow->stream);
    assert_reads(world, client, "last");
    assert_int_equal(end_of(world, client), 0);
    close(client);
    close_flow(world, flow);
}

static int64_t processor_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* An end that was read is an event that the kernel reports again and again to whoever still asks. */
static void half_closed_flows_do_not_spin(void **state)
{
    struct world *world = *state;
    struct flow *flow = open_flow(world, NULL), *other = open_flow(world, NULL);
    int clients[] = {accept_client(world), accept_client(world)};
    shutdown(clients[0], SHUT_WR);
    shutdown(clients[1], SHUT_WR);
    wait_until(world, flow->finished && other->finished);
    int64_t until = arci_time_monotonic() + 500, used = processor_ms();
    wait_until(world, arci_time_monotonic() >= until);
    assert_true(processor_ms() - used < 250);
    close(clients[0]);
    close(clients[1]);
    close_flow(world, flow);
    close_flow(world, other);
}

static void resets_pass_in_both_directions(void **state)
{
    struct world *world = *state;
    struct flow *flow = open_flow(world, "x");
    int client = accept_client(world);
    assert_reads(world, client, "x");
    wait_until(world, flow->opened);
    reset_socket(client);
    wait_until(world, flow->failed);
    assert_int_equal(flow->reason, ARCI_REASON_RESET);
    assert_false(flow->finished || flow->refused);
    close_flow(world, flow);

    flow = open_flow(world, "y");
    client = accept_client(world);
    assert_reads(world, client, "y");
    close_flow(world, flow);
    assert_int_equal(end_of(world, client), ECONNRESET);
    close(client);
    wait_until(world, stats(world).flows_open == 0);
    assert_int_equal(stats(world).flows_failed, 2);
}

/* While nothing is read from the server, because the peer does not take it. */
static void data_before_a_reset_arrives(void **state)
{
    struct world *world = *state;
    struct flow *flow = open_flow(world, NULL);
    int client = accept_client(world);
    wait_until(world, flow->opened);
    assert_int_equal(write(client, "words", 5), 5);
    reset_socket(client);
    wait_until(world, flow->failed);
    assert_true(flow->length == 5 || flow->length == 0);
    assert_false(flow->finished);
    close_flow(world, flow);
}

static void assert_refused_with(struct world *world, struct flow *flow, enum arci_stream_reason reason)
{
    wait_until(world, flow->failed);
    assert_true(flow->refused);
    assert_int_equal(flow->reason, reason);
    assert_false(flow->opened);
    close_flow(world, flow);
}

static void closed_port_is_a_refusal(void **state)
{
    struct world *world = *state;
    struct arctic_endpoint closed;
    int fd = listen_on_loopback(&closed, 0);
    assert_refused_with(world, open_flow_to(world, &closed, "x"), ARCI_REASON_REFUSED);
    close(fd);
}

static void silent_destination_is_given_up(void **state)
{
    struct world *world = *state;
    struct arctic_endpoint full;
    int fd = listen_on_loopback(&full, 1);
    struct sockaddr_storage name;
    socklen_t length = arci_endpoint_to_sockaddr(&full, &name);
    int fillers[8];
    /* A backlog that is full drops further SYNs. */
    for (int i = 0; i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fillers[i], (struct sockaddr *)&name, length);
    }
    assert_refused_with(world, open_flow_to(world, &full, NULL), ARCI_REASON_TIMED_OUT);
    for (int i = 0; i < 8; i++)
        close(fillers[i]);
    close(fd);
}

/* Workers take a new configuration when they come to it: flows before that are served. */
static void refused_once_known(struct world *world)
{
    for (;;) {
        struct flow *flow = open_flow(world, "x");
        wait_until(world, flow->failed || flow->opened);
        bool refused = flow->refused;
        assert_true(!refused || flow->reason == ARCI_REASON_NOT_PERMITTED);
        close_flow(world, flow);
        if (refused)
            return;
        close(accept_client(world));
    }
}

static void uncovered_and_forbidden_destinations_are_refused(void **state)
{
    struct world *world = *state;
    struct arctic_endpoint outside = {{ARCTIC_FAMILY_IPV4, {10, 0, 0, 1}}, 80};
    assert_refused_with(world, open_flow_to(world, &outside, "x"), ARCI_REASON_NOT_PERMITTED);
    publish(world, true, false);
    refused_once_known(world);
    publish(world, true, true);
    publish(world, false, true);
    refused_once_known(world);
}

static void flows_of_a_removed_service_are_reset(void **state)
{
    struct world *world = *state;
    struct flow *flow = open_flow(world, "x");
    int client = accept_client(world);
    assert_reads(world, client, "x");
    wait_until(world, flow->opened);
    publish(world, true, true); /* nothing changes: it lives on */
    assert_int_equal(write(client, "y", 1), 1);
    wait_until(world, flow->length == 1);
    publish(world, false, true);
    wait_until(world, flow->failed);
    assert_int_equal(flow->reason, ARCI_REASON_WITHDRAWN);
    assert_int_equal(end_of(world, client), ECONNRESET);
    close(client);
    close_flow(world, flow);
}

static void stop_waits_for_flows_and_then_resets_them(void **state)
{
    struct world *world = *state;
    struct flow *flow = open_flow(world, "x");
    int client = accept_client(world);
    assert_reads(world, client, "x");
    wait_until(world, flow->opened);
    int64_t stopped_at = arci_time_monotonic();
    arci_proxy_stop(world->proxy, 1000);
    assert_int_equal(write(client, "y", 1), 1);
    wait_until(world, flow->length == 1);
    wait_until(world, flow->failed);
    assert_true(arci_time_monotonic() - stopped_at >= 990);
    assert_int_equal(end_of(world, client), ECONNRESET);
    close(client);
    close_flow(world, flow);
}

int main(void)
{
#define PROXY_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        PROXY_TEST(flow_reaches_its_destination_and_is_counted),
        PROXY_TEST(server_may_finish_first),
        PROXY_TEST(half_closed_flows_do_not_spin),
        PROXY_TEST(resets_pass_in_both_directions),
        PROXY_TEST(data_before_a_reset_arrives),
        PROXY_TEST(closed_port_is_a_refusal),
        PROXY_TEST(silent_destination_is_given_up),
        PROXY_TEST(uncovered_and_forbidden_destinations_are_refused),
        PROXY_TEST(flows_of_a_removed_service_are_reset),
        PROXY_TEST(stop_waits_for_flows_and_then_resets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
