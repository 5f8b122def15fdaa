/* See proxy-world.h. */
#include "proxy-world.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "crypto/identity.h"

static const struct arctic_id service_id = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"};

static void on_incoming(void *user, struct arci_stream *stream, const struct arctic_id *peer,
                        const struct arci_stream_request *request)
{
    (void)user;
    (void)peer;
    (void)request;
    ops->refuse(stream, ARCI_REASON_NOT_PERMITTED);
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

int listen_on_loopback(struct arctic_endpoint *ret_endpoint, int backlog)
{
    uint16_t port = 0;
    int fd = bind_loopback(&port);
    if (backlog > 0)
        assert_int_equal(listen(fd, backlog), 0);
    *ret_endpoint = (struct arctic_endpoint){{ARCTIC_FAMILY_IPV4, {127, 0, 0, 1}}, port};
    return fd;
}

void publish(struct world *world, bool with_service, bool allow_loopback)
{
    struct arctic_error error;
    struct arci_snapshot *snapshot;
    struct arci_snapshot_options options = {.local_id = world->local.id, .connect_ms = 500};
    struct arci_route route = {.id = 1, .priority = 1};
    struct arci_snapshot_peer peer = {.id = world->remote.id, .connected = true};
    struct arci_snapshot_service service = {.id = service_id,
                                            .peer_id = peer.id,
                                            .fully_transparent = world->transparent,
                                            .routes = &route,
                                            .route_count = 1};
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
    assert_ok(ops->create(&options, &world->transport, &error), error);
    assert_ok(ops->configure(world->transport, &settings, &peer, 1, &error), error);
}

static void start_proxy(struct world *world)
{
    struct arctic_error error;
    uint16_t tproxy_port;
    const struct arci_proxy_options options = {.loop = &world->loop,
                                               .tls = world->local.tls,
                                               .workers = 2,
                                               .tunnel_address = "127.0.0.1",
                                               .user = world};
    assert_ok(arci_proxy_create(&options, &world->proxy, &error), error);
    arci_proxy_ports(world->proxy, &world->tunnel_port, &tproxy_port);
}

static int set_up(void **state, bool with_service)
{
    struct world *world = calloc(1, sizeof *world);
    *state = world;
    world->client = (struct arctic_endpoint){{ARCTIC_FAMILY_IPV4, {192, 0, 2, 1}}, 40000};
    ops = arci_transport_find("tls");
    assert_int_equal(uv_loop_init(&world->loop), 0);
    make_party(&world->local);
    make_party(&world->remote);
    start_proxy(world);
    publish(world, with_service, true);
    world->server = listen_on_loopback(&world->server_endpoint, 5);
    start_peer(world);
    return 0;
}

int set_up_proxy(void **state)
{
    return set_up(state, true);
}

int set_up_proxy_without_service(void **state)
{
    return set_up(state, false);
}

static void on_transport_closed(void *user)
{
    ((struct world *)user)->transport_closed = true;
}

int tear_down_proxy(void **state)
{
    struct world *world = *state;
    ops->destroy(world->transport, on_transport_closed, world);
    arci_proxy_free(world->proxy);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_true(world->transport_closed);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    release_party(&world->local);
    release_party(&world->remote);
    close(world->server);
    free(world);
    return 0;
}

struct user *open_flow_to(struct world *world, const struct arctic_endpoint *destination, const char *early)
{
    struct arctic_error error;
    struct user *flow = calloc(1, sizeof *flow);
    assert_non_null(flow);
    flow->appetite = SIZE_MAX;
    struct arci_stream_request request = {
        .service_id = service_id, .destination = *destination, .client = world->client};
    flow->early = early;
    assert_ok(
        ops->open(world->transport, &world->local.id, &request, &user_events, flow, &flow->stream, &error),
        error);
    return flow;
}

struct user *open_flow(struct world *world, const char *early)
{
    return open_flow_to(world, &world->server_endpoint, early);
}

void close_flow(struct user *user)
{
    end_flow(user, ARCI_REASON_RESET);
    free(user);
}

bool readable(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLIN};
    return poll(&poller, 1, 0) == 1;
}

int accept_client(struct world *world)
{
    wait_until(world, readable(world->server));
    int fd = accept(world->server, NULL, NULL);
    assert_true(fd >= 0);
    return fd;
}

void assert_reads(struct world *world, int fd, const char *expected)
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
int end_of(struct world *world, int fd)
{
    char byte;
    wait_until(world, readable(fd));
    ssize_t got = read(fd, &byte, 1);
    assert_true(got <= 0);
    return got == 0 ? 0 : errno;
}

void reset_socket(int fd)
{
    struct linger linger = {1, 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    close(fd);
}

bool has_stats(struct world *world)
{
    struct arci_service_stats value;
    return arci_proxy_service_stats(world->proxy, &service_id, &value);
}

struct arci_service_stats stats(struct world *world)
{
    struct arci_service_stats value;
    assert_true(arci_proxy_service_stats(world->proxy, &service_id, &value));
    return value;
}

void assert_refused_with(struct world *world, struct user *flow, enum arci_stream_reason reason)
{
    wait_until(world, flow->failed);
    assert_true(flow->refused);
    assert_int_equal(flow->reason, reason);
    assert_false(flow->opened);
    close_flow(flow);
}
