/* See transport-world.h. */
#include "transport-world.h"

#include <openssl/ssl.h>
#include <string.h>
#include <unistd.h>

#include "crypto/identity.h"

static const char *const subjects[] = {"tls"};

const struct arci_stream_request usual_request = {
    .service_id = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"},
    .destination = {{ARCTIC_FAMILY_IPV4, {192, 0, 2, 1}}, 443},
    .client = {{ARCTIC_FAMILY_IPV4, {10, 1, 2, 3}}, 50000},
};

static void on_incoming(void *context, struct arci_stream *stream, const struct arctic_id *peer,
                        const struct arci_stream_request *request)
{
    struct end *end = context;
    assert_true(peer->text[0] != '\0');
    end->last_request = *request;
    if (end->refuse_with != ARCI_REASON_NONE) {
        ops->refuse(stream, end->refuse_with);
        return;
    }
    assert_true(end->incoming_count < 256);
    struct user *user = &end->incoming[end->incoming_count++];
    *user = (struct user){.stream = stream, .appetite = end->appetite, .echo = end->echo};
    ops->watch(stream, &user_events, user);
    if (!end->hesitate)
        ops->accept(stream);
}

static void on_peer_state(void *context, const struct arctic_id *peer, bool reachable, int64_t rtt_us)
{
    struct end *end = context;
    (void)peer;
    assert_true(rtt_us >= -1);
    end->peer_reachable = reachable;
    end->peer_changes++;
}

static void on_control(void *context, int fd, SSL *ssl, const uint8_t *key,
                       const struct arctic_endpoint *remote)
{
    struct end *end = context;
    assert_int_equal(remote->address.family, ARCTIC_FAMILY_IPV4);
    memcpy(end->control_key, key, sizeof end->control_key);
    end->control_fd = fd;
    SSL_free(ssl);
}

static const struct arci_transport_events transport_events = {on_incoming, on_peer_state, on_control};

/* The ends */

void start_end(struct end *end)
{
    struct arctic_error error;
    int fd = bind_loopback(&end->endpoint.port);
    struct arci_transport_options options = {.loop = end->loop,
                                             .tls = end->party.tls,
                                             .listeners = &fd,
                                             .listener_count = 1,
                                             .events = &transport_events,
                                             .user = end};
    end->endpoint.address = (struct arctic_address){ARCTIC_FAMILY_IPV4, {127, 0, 0, 1}};
    end->closed = false;
    assert_ok(ops->create(&options, &end->transport, &error), error);
}

static void make_end(struct world *world, struct end *end)
{
    end->loop = &world->loop;
    end->appetite = SIZE_MAX;
    end->control_fd = -1;
    make_party(&end->party);
    start_end(end);
}

struct arci_transport_peer peer_row(struct end *end, const struct end *other, bool warm)
{
    struct arci_transport_peer peer = {.id = other->party.id,
                                       .endpoints = {other->endpoint},
                                       .endpoint_count = 1,
                                       .warm = warm,
                                       .counters = &end->counters};
    memcpy(peer.key, arci_identity_public_key(other->party.identity), sizeof peer.key);
    return peer;
}

void introduce(struct world *world, struct end *end, const struct end *other, bool warm)
{
    struct arctic_error error;
    const struct arci_transport_peer peer = peer_row(end, other, warm);
    assert_ok(ops->configure(end->transport, &world->settings, &peer, 1, &error), error);
}

void forget_all(struct world *world, struct end *end)
{
    struct arctic_error error;
    assert_ok(ops->configure(end->transport, &world->settings, NULL, 0, &error), error);
}

int set_up_world(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    uv_loop_init(&world->loop);
    arci_transport_settings_defaults(&world->settings);
    world->settings.congestion[0] = '\0';
    world->settings.pool_minimum = 1;
    world->settings.prime_bytes = 0;
    make_end(world, &world->near);
    make_end(world, &world->far);
    introduce(world, &world->near, &world->far, true);
    introduce(world, &world->far, &world->near, false);
    *state = world;
    return 0;
}

static void on_destroyed(void *context)
{
    ((struct end *)context)->closed = true;
}

void stop_end(struct end *end)
{
    if (!end->transport)
        return;
    for (size_t i = 0; i < end->incoming_count; i++) {
        if (end->incoming[i].stream)
            ops->close(end->incoming[i].stream, ARCI_REASON_WITHDRAWN);
        free(end->incoming[i].received);
    }
    end->incoming_count = 0;
    ops->destroy(end->transport, on_destroyed, end);
    end->transport = NULL;
    while (!end->closed)
        uv_run(end->loop, UV_RUN_ONCE);
}

int tear_down_world(void **state)
{
    struct world *world = *state;
    stop_end(&world->near);
    stop_end(&world->far);
    release_party(&world->near.party);
    release_party(&world->far.party);
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    free(world);
    return 0;
}

int run_over_transports(const struct CMUnitTest *tests, size_t count)
{
    int failures = 0;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        ops = arci_transport_find(subjects[i]);
        failures += _cmocka_run_group_tests(subjects[i], tests, count, NULL, NULL);
    }
    return failures;
}

/* Flows */

int warm_connections(const struct end *end)
{
    return atomic_load(&end->counters.idle);
}

int accepted_connections(const struct end *end)
{
    return atomic_load(&end->counters.accepted);
}

static int open_from_near(struct world *world, struct user *user, struct arctic_error *error)
{
    return ops->open(world->near.transport, &world->far.party.id, &usual_request, &user_events, user,
                     &user->stream, error);
}

void open_flow(struct world *world, struct user *user)
{
    struct arctic_error error;
    if (user->appetite == 0)
        user->appetite = SIZE_MAX;
    assert_ok(open_from_near(world, user, &error), error);
}

int try_open(struct world *world)
{
    struct user user = {0};
    int code = open_from_near(world, &user, NULL);
    end_flow(&user, ARCI_REASON_RESET);
    return code;
}

void close_incoming(struct end *end, size_t index, enum arci_stream_reason reason)
{
    ops->close(end->incoming[index].stream, reason);
    end->incoming[index].stream = NULL;
}

struct user *open_pair(struct world *world, struct user *user)
{
    size_t before = world->far.incoming_count;
    open_flow(world, user);
    wait_until(world, user->opened && user->writable);
    assert_int_equal(world->far.incoming_count, before + 1);
    return &world->far.incoming[before];
}

void one_flow(struct world *world)
{
    struct user user = {.early = "x"};
    world->far.echo = true;
    open_pair(world, &user);
    ops->finish(user.stream);
    wait_until(world, user.finished);
    end_flow(&user, ARCI_REASON_NONE);
}

size_t write_until_full(struct world *world, struct user *user)
{
    static const uint8_t bytes[ARCI_STREAM_WRITE_MAX];
    struct patience patience;
    size_t written = 0;
    patience_begin(&patience, &world->loop, 20);
    /* The kernel has no event for its queues between the sockets: they are full when several looks find no room. */
    while (patience.expired < 5) {
        while (ops->writable(user->stream) && written < 64 * MEBI) {
            send_bytes(user, bytes, sizeof bytes);
            written += sizeof bytes;
            patience.expired = 0;
        }
        uv_run(&world->loop, UV_RUN_ONCE);
    }
    patience_end(&patience);
    return written;
}
