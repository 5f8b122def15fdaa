/*
 * One suite for all transports: what lib/proxy relies on, over real sockets on the loopback interface, with both ends on one
 * loop. A transport enrols with a row in `subjects`.
 */
#include "unit.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/address.h"
#include "base/time.h"
#include "crypto/tls.h"
#include "transport/transport.h"

#define PATIENCE_MS 10000
#define MEBI ((size_t)1 << 20)

static const char *const subjects[] = {"tls"};
static const struct arci_transport_ops *ops; /* of the subject under test */

struct end;

/* The user of one stream: collects what comes, answers as the test wants. */
struct user {
    struct end *end;
    struct arci_stream *stream;
    const char *early;
    uint8_t *received;
    size_t length;
    size_t appetite; /* bytes that it still takes */
    bool opened, finished, failed, refused, writable, close_when_done, echo;
    enum arci_stream_reason reason;
    size_t echoed;
};

/* One agent: identity, transport, and the flows that came to it. */
struct end {
    uv_loop_t *loop;
    struct arci_identity *identity;
    struct arci_tls *tls;
    struct arci_transport *transport;
    struct arctic_id id;
    struct arctic_endpoint endpoint;
    struct arci_peer_counters counters; /* of the other end */
    struct user incoming[256];
    size_t incoming_count;
    struct arci_stream_request last_request;
    enum arci_stream_reason refuse_with; /* NONE: accept */
    bool hesitate;                       /* neither accept nor refuse */
    bool echo;
    size_t appetite;
    bool peer_reachable;
    unsigned peer_changes;
    bool closed;
};

struct world {
    uv_loop_t loop;
    struct end near, far;
    struct arci_transport_settings settings;
};

static size_t on_early(void *context, uint8_t *bytes, size_t size)
{
    struct user *user = context;
    size_t length = user->early ? strlen(user->early) : 0;
    assert_true(length <= size);
    if (length > 0)
        memcpy(bytes, user->early, length);
    return length;
}

static void on_opened(void *context)
{
    ((struct user *)context)->opened = true;
}

static void send_bytes(struct user *user, const void *bytes, size_t length)
{
    uint8_t buffer[ARCI_STREAM_HEADROOM + ARCI_STREAM_WRITE_MAX];
    assert_true(ops->writable(user->stream));
    memcpy(buffer + ARCI_STREAM_HEADROOM, bytes, length);
    ops->write(user->stream, buffer + ARCI_STREAM_HEADROOM, length);
}

static void send_text(struct user *user, const char *text)
{
    send_bytes(user, text, strlen(text));
}

/* Sends back what came, as far as there is room; finishes when the other end has. */
static void echo(struct user *user)
{
    if (!user->echo || user->failed)
        return;
    while (user->echoed < user->length && ops->writable(user->stream)) {
        size_t piece = user->length - user->echoed;
        if (piece > ARCI_STREAM_WRITE_MAX)
            piece = ARCI_STREAM_WRITE_MAX;
        send_bytes(user, user->received + user->echoed, piece);
        user->echoed += piece;
    }
    if (user->finished && user->echoed == user->length)
        ops->finish(user->stream);
}

static size_t on_data(void *context, const uint8_t *bytes, size_t length)
{
    struct user *user = context;
    size_t taken = length < user->appetite ? length : user->appetite;
    assert_false(user->finished || user->failed);
    user->received = realloc(user->received, user->length + taken + 1);
    memcpy(user->received + user->length, bytes, taken);
    user->length += taken;
    user->received[user->length] = 0;
    user->appetite -= taken;
    echo(user);
    return taken;
}

static void on_finished(void *context)
{
    struct user *user = context;
    assert_false(user->finished || user->failed);
    user->finished = true;
    echo(user);
}

static void on_failed(void *context, enum arci_stream_reason reason, bool refused)
{
    struct user *user = context;
    assert_false(user->failed);
    user->failed = true;
    user->reason = reason;
    user->refused = refused;
}

static void on_writable(void *context)
{
    struct user *user = context;
    user->writable = true;
    echo(user);
}

static const struct arci_stream_events stream_events = {on_early,    on_opened, on_data,
                                                        on_finished, on_failed, on_writable};

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
    *user = (struct user){.end = end, .stream = stream, .appetite = end->appetite, .echo = end->echo};
    ops->watch(stream, &stream_events, user);
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

static int control_fd = -1;
static uint8_t control_key[ARCI_PEER_KEY_SIZE];

static void on_control(void *context, int fd, SSL *ssl, const uint8_t *key,
                       const struct arctic_endpoint *remote)
{
    (void)context;
    assert_int_equal(remote->address.family, ARCTIC_FAMILY_IPV4);
    memcpy(control_key, key, sizeof control_key);
    control_fd = fd;
    SSL_free(ssl);
}

static const struct arci_transport_events transport_events = {on_incoming, on_peer_state, on_control};

/* The world: two ends that know each other */

static int bind_loopback(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int yes = 1;
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void start_end(struct end *end)
{
    struct arctic_error error;
    int fd = bind_loopback(&end->endpoint.port);
    struct arci_transport_options options = {.loop = end->loop,
                                             .tls = end->tls,
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
    struct arctic_error error;
    end->loop = &world->loop;
    end->appetite = SIZE_MAX;
    assert_ok(arctic_id_generate(ARCTIC_ID_PEER, &end->id, &error), error);
    assert_ok(arci_identity_generate(&end->identity, &error), error);
    assert_ok(arci_tls_create(end->identity, &end->tls, &error), error);
    start_end(end);
}

static void introduce(struct world *world, struct end *end, const struct end *other, bool warm)
{
    struct arctic_error error;
    struct arci_transport_peer peer = {.id = other->id,
                                       .endpoints = {other->endpoint},
                                       .endpoint_count = 1,
                                       .warm = warm,
                                       .counters = &end->counters};
    memcpy(peer.key, arci_identity_public_key(other->identity), sizeof peer.key);
    assert_ok(ops->configure(end->transport, &world->settings, &peer, 1, &error), error);
}

static int set_up(void **state)
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

static void stop_end(struct end *end)
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

static int tear_down(void **state)
{
    struct world *world = *state;
    struct end *ends[] = {&world->near, &world->far};
    for (int i = 0; i < 2; i++) {
        stop_end(ends[i]);
        arci_tls_free(ends[i]->tls);
        arci_identity_free(ends[i]->identity);
    }
    assert_int_equal(uv_run(&world->loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    free(world);
    return 0;
}

static void on_impatient(uv_timer_t *timer)
{
    (void)timer;
}

#define wait_until(world, condition)                                                                         \
    do {                                                                                                     \
        uv_timer_t patience_;                                                                                \
        int64_t limit_ = arci_time_monotonic() + PATIENCE_MS;                                                \
        uv_timer_init(&(world)->loop, &patience_);                                                           \
        uv_timer_start(&patience_, on_impatient, 50, 50);                                                    \
        while (!(condition) && arci_time_monotonic() < limit_)                                               \
            uv_run(&(world)->loop, UV_RUN_ONCE);                                                             \
        uv_close((uv_handle_t *)&patience_, NULL);                                                           \
        uv_run(&(world)->loop, UV_RUN_NOWAIT);                                                               \
        if (!(condition))                                                                                    \
            fail_msg("waited in vain for: %s", #condition);                                                  \
    } while (0)

static int warm_connections(const struct end *end)
{
    return atomic_load(&end->counters.idle);
}

static int accepted_connections(const struct end *end)
{
    return atomic_load(&end->counters.accepted);
}

static const struct arci_stream_request request = {
    .service_id = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"},
    .destination = {{ARCTIC_FAMILY_IPV4, {192, 0, 2, 1}}, 443},
    .client = {{ARCTIC_FAMILY_IPV4, {10, 1, 2, 3}}, 50000},
};

static void open_flow(struct world *world, struct user *user)
{
    struct arctic_error error;
    user->end = &world->near;
    if (user->appetite == 0)
        user->appetite = SIZE_MAX;
    assert_ok(ops->open(world->near.transport, &world->far.id, &request, &stream_events, user, &user->stream,
                        &error),
              error);
}

static void end_flow(struct user *user, enum arci_stream_reason reason)
{
    if (user->stream)
        ops->close(user->stream, reason);
    user->stream = NULL;
    free(user->received);
    user->received = NULL;
}

static void close_incoming(struct end *end, size_t index, enum arci_stream_reason reason)
{
    ops->close(end->incoming[index].stream, reason);
    end->incoming[index].stream = NULL;
}

/* Opens a flow and has the far end accept it. */
static struct user *open_pair(struct world *world, struct user *user)
{
    size_t before = world->far.incoming_count;
    open_flow(world, user);
    wait_until(world, user->opened && user->writable);
    assert_int_equal(world->far.incoming_count, before + 1);
    return &world->far.incoming[before];
}

static void fill(uint8_t *bytes, size_t length, uint32_t seed)
{
    for (size_t i = 0; i < length; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(seed >> 24);
    }
}

/* The suite */

static void early_data_and_the_request_arrive(void **state)
{
    struct world *world = *state;
    struct user user = {.early = "GET / HTTP/1.1\r\n"};
    struct user *other = open_pair(world, &user);
    wait_until(world, other->length > 0);
    assert_string_equal(other->received, user.early);
    assert_string_equal(world->far.last_request.service_id.text, request.service_id.text);
    assert_true(arci_endpoint_equal(&world->far.last_request.destination, &request.destination));
    assert_true(arci_endpoint_equal(&world->far.last_request.client, &request.client));
    end_flow(&user, ARCI_REASON_RESET);
}

static void server_may_speak_first(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    send_text(other, "220 ready\r\n");
    wait_until(world, user.length > 0);
    assert_string_equal(user.received, "220 ready\r\n");
    end_flow(&user, ARCI_REASON_RESET);
}

static void large_content_comes_back_whole(void **state)
{
    struct world *world = *state;
    size_t size = 5 * MEBI + 12345, sent = 0;
    uint8_t *content = malloc(size);
    struct user user = {0};
    fill(content, size, 1);
    world->far.echo = true;
    open_pair(world, &user);
    while (sent < size) {
        wait_until(world, ops->writable(user.stream));
        size_t piece = size - sent < 10007 ? size - sent : 10007;
        send_bytes(&user, content + sent, piece);
        sent += piece;
    }
    ops->finish(user.stream);
    wait_until(world, user.finished);
    assert_int_equal(user.length, size);
    assert_memory_equal(user.received, content, size);
    end_flow(&user, ARCI_REASON_NONE);
    free(content);
}

static void opener_finishes_first(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    send_text(&user, "question");
    ops->finish(user.stream);
    wait_until(world, other->finished);
    assert_string_equal(other->received, "question");
    send_text(other, "answer");
    ops->finish(other->stream);
    wait_until(world, user.finished);
    assert_string_equal(user.received, "answer");
    assert_false(user.failed || other->failed);
    end_flow(&user, ARCI_REASON_NONE);
}

static void acceptor_finishes_first(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    send_text(other, "banner");
    ops->finish(other->stream);
    wait_until(world, user.finished);
    assert_string_equal(user.received, "banner");
    send_text(&user, "bye");
    ops->finish(user.stream);
    wait_until(world, other->finished);
    assert_string_equal(other->received, "bye");
    end_flow(&user, ARCI_REASON_NONE);
}

/* Finished before the other end has even accepted. */
static void finish_waits_for_accept(void **state)
{
    struct world *world = *state;
    struct user user = {.early = "once"}, empty = {0};
    world->far.hesitate = true;
    open_flow(world, &user);
    ops->finish(user.stream);
    open_flow(world, &empty);
    ops->finish(empty.stream);
    wait_until(world, world->far.incoming_count == 2);
    for (int i = 0; i < 5; i++)
        uv_run(&world->loop, UV_RUN_NOWAIT);
    struct user *others = world->far.incoming;
    assert_true(others[0].length == 0 && !others[0].finished && !others[1].finished);
    ops->accept(others[0].stream);
    ops->accept(others[1].stream);
    wait_until(world, others[0].finished && others[1].finished && user.opened && empty.opened);
    assert_int_equal(others[0].length + others[1].length, 4);
    end_flow(&user, ARCI_REASON_RESET);
    end_flow(&empty, ARCI_REASON_RESET);
}

static void abort_reaches_the_acceptor(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    end_flow(&user, ARCI_REASON_RESET);
    wait_until(world, other->failed);
    assert_int_equal(other->reason, ARCI_REASON_RESET);
    assert_false(other->finished);
}

static void abort_reaches_the_opener(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    open_pair(world, &user);
    close_incoming(&world->far, 0, ARCI_REASON_RESET);
    wait_until(world, user.failed);
    assert_int_equal(user.reason, ARCI_REASON_RESET);
    assert_false(user.refused || user.finished);
    end_flow(&user, ARCI_REASON_NONE);
}

static void abort_after_finish_is_no_clean_end(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    ops->finish(user.stream);
    wait_until(world, other->finished);
    end_flow(&user, ARCI_REASON_RESET);
    wait_until(world, other->failed);
}

static void abort_before_the_answer(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    world->far.hesitate = true;
    open_flow(world, &user);
    wait_until(world, world->far.incoming_count == 1);
    end_flow(&user, ARCI_REASON_RESET);
    wait_until(world, world->far.incoming[0].failed);
}

static void refusal_carries_its_reason(void **state)
{
    struct world *world = *state;
    struct user user = {.early = "data that nobody wants"};
    world->far.refuse_with = ARCI_REASON_HOST_UNREACHABLE;
    open_flow(world, &user);
    wait_until(world, user.failed);
    assert_true(user.refused);
    assert_int_equal(user.reason, ARCI_REASON_HOST_UNREACHABLE);
    assert_false(user.opened);
    end_flow(&user, ARCI_REASON_NONE);
}

static size_t write_until_full(struct world *world, struct user *user)
{
    static const uint8_t bytes[ARCI_STREAM_WRITE_MAX];
    size_t written = 0;
    for (int quiet = 0; quiet < 20; quiet++) {
        while (ops->writable(user->stream) && written < 64 * MEBI) {
            send_bytes(user, bytes, sizeof bytes);
            written += sizeof bytes;
            quiet = 0;
        }
        uv_run(&world->loop, UV_RUN_NOWAIT);
        usleep(1000); /* for the kernel's loopback, which has no event to wait for */
    }
    return written;
}

static void stalled_reader_costs_bounded_memory_and_nobody_else(void **state)
{
    struct world *world = *state;
    struct user stalled = {0}, other = {0};
    world->far.appetite = 1000;
    struct user *reader = open_pair(world, &stalled);
    size_t written = write_until_full(world, &stalled);
    assert_true(written < 16 * MEBI);
    assert_int_equal(reader->length, 1000);

    world->far.appetite = SIZE_MAX;
    struct user *second = open_pair(world, &other);
    send_text(&other, "not in its way");
    wait_until(world, second->length > 0);

    stalled.writable = false;
    reader->appetite = SIZE_MAX;
    ops->resume(reader->stream);
    ops->finish(stalled.stream);
    wait_until(world, reader->finished);
    assert_int_equal(reader->length, written);
    end_flow(&stalled, ARCI_REASON_RESET);
    end_flow(&other, ARCI_REASON_RESET);
}

static void writer_is_told_when_there_is_room_again(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    world->far.appetite = 0;
    struct user *reader = open_pair(world, &user);
    write_until_full(world, &user);
    user.writable = false;
    reader->appetite = SIZE_MAX;
    ops->resume(reader->stream);
    wait_until(world, user.writable);
    end_flow(&user, ARCI_REASON_RESET);
}

/* A stalled reader's own abort, and one that comes to it while it stalls. */
static void stalled_flow_can_be_aborted(void **state)
{
    struct world *world = *state;
    struct user first = {0}, second = {0};
    world->far.appetite = 0;
    open_pair(world, &first);
    write_until_full(world, &first);
    close_incoming(&world->far, 0, ARCI_REASON_RESET);
    wait_until(world, first.failed);
    end_flow(&first, ARCI_REASON_NONE);

    struct user *reader = open_pair(world, &second);
    write_until_full(world, &second);
    end_flow(&second, ARCI_REASON_RESET);
    wait_until(world, reader->failed);
}

static void one_flow(struct world *world)
{
    struct user user = {.early = "x"};
    world->far.echo = true;
    open_pair(world, &user);
    ops->finish(user.stream);
    wait_until(world, user.finished);
    end_flow(&user, ARCI_REASON_NONE);
}

static void connection_is_used_again_after_a_clean_end(void **state)
{
    struct world *world = *state;
    wait_until(world, warm_connections(&world->near) == 1);
    one_flow(world);
    wait_until(world, warm_connections(&world->near) == 2);
    for (int i = 0; i < 5; i++)
        one_flow(world);
    wait_until(world, warm_connections(&world->near) == 2);
    assert_int_equal(accepted_connections(&world->far), 2);
}

static void connection_is_used_again_after_an_abort(void **state)
{
    struct world *world = *state;
    wait_until(world, warm_connections(&world->near) == 1);
    one_flow(world);
    wait_until(world, warm_connections(&world->near) == 2);
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    send_text(&user, "under way");
    end_flow(&user, ARCI_REASON_RESET);
    wait_until(world, other->failed && warm_connections(&world->near) == 2);
    one_flow(world);
    assert_int_equal(accepted_connections(&world->far), 2);
}

static void cut_connection_is_not_used_again(void **state)
{
    struct world *world = *state;
    struct arctic_error error;
    struct user user = {0};
    wait_until(world, warm_connections(&world->near) == 1);
    struct user *other = open_pair(world, &user);
    assert_ok(ops->configure(world->far.transport, &world->settings, NULL, 0, &error), error);
    assert_true(other->failed);
    assert_int_equal(other->reason, ARCI_REASON_CONNECTION_LOST);
    wait_until(world, user.failed);
    assert_int_equal(user.reason, ARCI_REASON_CONNECTION_LOST);
    assert_false(user.finished);
    end_flow(&user, ARCI_REASON_NONE);
    wait_until(world, warm_connections(&world->near) == 0);
    introduce(world, &world->far, &world->near, false);
    wait_until(world, world->near.peer_reachable && warm_connections(&world->near) == 1);
    one_flow(world);
}

static void idle_connections_have_limits(void **state)
{
    struct world *world = *state;
    struct user users[10] = {0};
    world->settings.pool_maximum = 3;
    world->settings.idle_ms = 300;
    introduce(world, &world->near, &world->far, true);
    world->far.echo = true;
    for (int i = 0; i < 10; i++)
        open_pair(world, &users[i]);
    for (int i = 0; i < 10; i++)
        ops->finish(users[i].stream);
    for (int i = 0; i < 10; i++) {
        wait_until(world, users[i].finished);
        end_flow(&users[i], ARCI_REASON_NONE);
        assert_true(warm_connections(&world->near) <= 3);
    }
    wait_until(world, warm_connections(&world->near) == 1);
}

/* The flow is over for the opener when its FIN waits behind data that the path does not take yet. */
static void last_bytes_leave_before_a_connection_is_given_up(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    world->settings.pool_maximum = 0;
    introduce(world, &world->near, &world->far, true);
    world->far.appetite = 0;
    struct user *reader = open_pair(world, &user);
    ops->finish(reader->stream);
    wait_until(world, user.finished);
    size_t written = write_until_full(world, &user);
    ops->finish(user.stream);
    end_flow(&user, ARCI_REASON_NONE);
    reader->appetite = SIZE_MAX;
    ops->resume(reader->stream);
    wait_until(world, reader->finished || reader->failed);
    assert_false(reader->failed);
    assert_int_equal(reader->length, written);
}

static void many_flows_at_once_keep_their_content(void **state)
{
    struct world *world = *state;
    enum { FLOWS = 200, SIZE = 40000 };
    static struct user users[FLOWS];
    static uint8_t content[SIZE];
    memset(users, 0, sizeof users);
    world->far.echo = true;
    for (int i = 0; i < FLOWS; i++)
        open_flow(world, &users[i]);
    for (int i = 0; i < FLOWS; i++) {
        wait_until(world, users[i].opened);
        fill(content, SIZE, (uint32_t)i);
        for (size_t sent = 0; sent < SIZE; sent += 10000) {
            wait_until(world, ops->writable(users[i].stream));
            send_bytes(&users[i], content + sent, 10000);
        }
        ops->finish(users[i].stream);
    }
    for (int i = 0; i < FLOWS; i++) {
        wait_until(world, users[i].finished);
        fill(content, SIZE, (uint32_t)i);
        assert_int_equal(users[i].length, SIZE);
        assert_memory_equal(users[i].received, content, SIZE);
        end_flow(&users[i], ARCI_REASON_NONE);
    }
}

static void vanished_peer_is_noticed_and_comes_back(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct arctic_error error;
    struct arci_stream *stream;
    open_pair(world, &user);
    wait_until(world, world->near.peer_reachable);
    stop_end(&world->far);
    wait_until(world, user.failed);
    assert_int_equal(user.reason, ARCI_REASON_CONNECTION_LOST);
    end_flow(&user, ARCI_REASON_NONE);
    wait_until(world, !world->near.peer_reachable);
    assert_int_equal(
        ops->open(world->near.transport, &world->far.id, &request, &stream_events, &user, &stream, &error),
        ARCTIC_E_PEER_UNREACHABLE);
    start_end(&world->far);
    introduce(world, &world->far, &world->near, false);
    wait_until(world, world->near.peer_reachable);
    one_flow(world);
}

static void stranger_gets_no_flow(void **state)
{
    struct world *world = *state;
    struct arctic_error error;
    struct user user = {.early = "secret"};
    assert_ok(ops->configure(world->far.transport, &world->settings, NULL, 0, &error), error);
    open_flow(world, &user);
    wait_until(world, user.failed);
    assert_int_equal(world->far.incoming_count, 0);
    assert_false(world->near.peer_reachable);
    end_flow(&user, ARCI_REASON_NONE);
}

static void second_address_of_a_peer_is_tried(void **state)
{
    struct world *world = *state;
    struct arctic_error error;
    struct arci_transport_peer peer = {.id = world->far.id,
                                       .endpoints = {world->far.endpoint, world->far.endpoint},
                                       .endpoint_count = 2,
                                       .warm = true,
                                       .counters = &world->near.counters};
    uint16_t port = 0;
    int fd = bind_loopback(&port); /* bound and not listening: refuses */
    peer.endpoints[0].port = port;
    memcpy(peer.key, arci_identity_public_key(world->far.identity), sizeof peer.key);
    assert_ok(ops->configure(world->near.transport, &world->settings, NULL, 0, &error), error);
    assert_ok(ops->configure(world->near.transport, &world->settings, &peer, 1, &error), error);
    one_flow(world);
    close(fd);
}

static void fresh_connections_are_primed(void **state)
{
    struct world *world = *state;
    world->settings.prime_bytes = 200000;
    introduce(world, &world->near, &world->far, true);
    introduce(world, &world->far, &world->near, false);
    one_flow(world);
    wait_until(world, atomic_load(&world->near.counters.primed_bytes) >= 200000);
    wait_until(world, atomic_load(&world->far.counters.primed_bytes) >= 200000);
    assert_true(atomic_load(&world->near.counters.primed_bytes) < 10 * 200000);
    one_flow(world);
}

/* Flows that stay take one connection of the minimum after the other; padding each would cost more than the flows. */
static void priming_is_bounded(void **state)
{
    struct world *world = *state;
    struct user users[12] = {0};
    world->settings.prime_bytes = 50000;
    introduce(world, &world->near, &world->far, true);
    introduce(world, &world->far, &world->near, false);
    int64_t began = arci_time_monotonic();
    for (int i = 0; i < 12; i++) {
        open_pair(world, &users[i]);
        wait_until(world, warm_connections(&world->near) >= 1);
    }
    int64_t refills = (arci_time_monotonic() - began) / 2000 + 1;
    assert_true(atomic_load(&world->near.counters.primed_bytes) <= (uint64_t)(2 + refills) * 50000);
    for (int i = 0; i < 12; i++)
        end_flow(&users[i], ARCI_REASON_RESET);
}

static void retired_end_serves_what_it_has(void **state)
{
    struct world *world = *state;
    struct arctic_error error;
    struct user user = {0};
    struct arci_stream *stream;
    struct user *other = open_pair(world, &user);
    ops->retire(world->far.transport);
    ops->retire(world->near.transport);
    assert_int_equal(
        ops->open(world->near.transport, &world->far.id, &request, &stream_events, &user, &stream, &error),
        ARCTIC_E_PEER_UNREACHABLE);
    send_text(&user, "last words");
    wait_until(world, other->length == 10);
    end_flow(&user, ARCI_REASON_RESET);
}

/* A client of the cluster protocol on the same port. */
static void control_connection_is_handed_over(void **state)
{
    struct world *world = *state;
    struct arctic_error error;
    struct sockaddr_storage address;
    SSL *ssl;
    socklen_t length = arci_endpoint_to_sockaddr(&world->far.endpoint, &address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
    int flags = 1;
    assert_int_equal(ioctl(fd, FIONBIO, &flags), 0);
    assert_ok(arci_tls_connect(world->near.tls, fd, NULL, ARCI_ALPN_CONTROL, &ssl, &error), error);
    control_fd = -1;
    wait_until(world, (arci_tls_handshake(ssl, &error), control_fd >= 0));
    assert_memory_equal(control_key, arci_identity_public_key(world->near.identity), sizeof control_key);
    close(control_fd);
    SSL_free(ssl);
    close(fd);
}

int main(void)
{
#define SUITE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest suite[] = {
        SUITE_TEST(early_data_and_the_request_arrive),
        SUITE_TEST(server_may_speak_first),
        SUITE_TEST(large_content_comes_back_whole),
        SUITE_TEST(opener_finishes_first),
        SUITE_TEST(acceptor_finishes_first),
        SUITE_TEST(finish_waits_for_accept),
        SUITE_TEST(abort_reaches_the_acceptor),
        SUITE_TEST(abort_reaches_the_opener),
        SUITE_TEST(abort_after_finish_is_no_clean_end),
        SUITE_TEST(abort_before_the_answer),
        SUITE_TEST(refusal_carries_its_reason),
        SUITE_TEST(stalled_reader_costs_bounded_memory_and_nobody_else),
        SUITE_TEST(writer_is_told_when_there_is_room_again),
        SUITE_TEST(stalled_flow_can_be_aborted),
        SUITE_TEST(connection_is_used_again_after_a_clean_end),
        SUITE_TEST(connection_is_used_again_after_an_abort),
        SUITE_TEST(cut_connection_is_not_used_again),
        SUITE_TEST(idle_connections_have_limits),
        SUITE_TEST(last_bytes_leave_before_a_connection_is_given_up),
        SUITE_TEST(many_flows_at_once_keep_their_content),
        SUITE_TEST(vanished_peer_is_noticed_and_comes_back),
        SUITE_TEST(stranger_gets_no_flow),
        SUITE_TEST(second_address_of_a_peer_is_tried),
        SUITE_TEST(fresh_connections_are_primed),
        SUITE_TEST(priming_is_bounded),
        SUITE_TEST(retired_end_serves_what_it_has),
        SUITE_TEST(control_connection_is_handed_over),
    };
    int failures = 0;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        ops = arci_transport_find(subjects[i]);
        failures += cmocka_run_group_tests_name(subjects[i], suite, NULL, NULL);
    }
    return failures;
}
