/*
 * Flows that arrive before their service is known at the exit: with the proxy and a peer on real sockets, and, where their number
 * matters, with a transport that only notes what it is told.
 */
#include "proxy-world.h"

#include <string.h>
#include <unistd.h>

#include "proxy/exit.h"
#include "proxy/pending.h"
#include "proxy/worker.h"

static void let_pass(struct world *world, int64_t ms)
{
    int64_t until = arci_time_monotonic() + ms;
    wait_until(world, arci_time_monotonic() >= until);
}

static void flow_waits_for_its_service(void **state)
{
    struct world *world = *state;
    struct arctic_endpoint uncovered = {{ARCTIC_FAMILY_IPV4, {192, 0, 2, 1}}, 80};
    struct user *other = open_flow_to(world, &uncovered, NULL);
    struct user *flow = open_flow(world, "question");
    let_pass(world, 150);
    assert_false(flow->failed);
    publish(world, true, true);
    wait_until(world, flow->opened || flow->failed);
    assert_true(flow->opened);
    assert_false(other->failed); /* it was not the end of the wait that served the first */
    assert_refused_with(world, other, ARCI_REASON_NOT_PERMITTED);
    int client = accept_client(world);
    assert_reads(world, client, "question");
    close(client);
    close_flow(flow);
}

static void flow_of_a_service_that_never_comes_is_refused(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, NULL);
    wait_until(world, atomic_load(&world->counters.busy) == 1);
    int64_t opened_at = arci_time_monotonic();
    wait_until(world, flow->failed);
    assert_in_range(arci_time_monotonic() - opened_at, ARCI_PENDING_MS - 50, ARCI_PENDING_MS + 2000);
    assert_refused_with(world, flow, ARCI_REASON_NOT_PERMITTED);
}

/* No configuration will ever permit it. */
static void forbidden_destination_is_refused_at_once(void **state)
{
    struct world *world = *state;
    struct arctic_endpoint forbidden = {{ARCTIC_FAMILY_IPV4, {169, 254, 169, 254}}, 80};
    struct user *waiting = open_flow(world, NULL);
    struct user *flow = open_flow_to(world, &forbidden, NULL);
    assert_refused_with(world, flow, ARCI_REASON_NOT_PERMITTED);
    assert_false(waiting->failed);
    close_flow(waiting);
}

static void flow_that_is_given_up_meanwhile_is_not_opened(void **state)
{
    struct world *world = *state;
    struct user *given_up = open_flow(world, "never");
    wait_until(world, atomic_load(&world->counters.busy) == 1);
    let_pass(world, 100);
    close_flow(given_up);
    wait_until(world, atomic_load(&world->counters.busy) == 0);
    publish(world, true, true);
    struct user *flow = open_flow(world, "this one");
    int client = accept_client(world);
    assert_reads(world, client, "this one");
    assert_false(readable(world->server));
    close(client);
    close_flow(flow);
}

static void stop_ends_what_waits(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, NULL);
    wait_until(world, atomic_load(&world->counters.busy) == 1);
    let_pass(world, 100);
    arci_proxy_stop(world->proxy, 10000);
    wait_until(world, flow->failed);
    assert_true(flow->reason == ARCI_REASON_WITHDRAWN || flow->reason == ARCI_REASON_CONNECTION_LOST);
    close_flow(flow);
}

/* A transport whose streams are elements of an array */

enum { STREAMS = ARCI_PENDING_MAX + 10 };

struct arci_stream {
    const struct arci_stream_events *events;
    void *user;
    bool ended;
};

static void note_watch(struct arci_stream *stream, const struct arci_stream_events *events, void *user)
{
    stream->events = events;
    stream->user = user;
}

static void note_refusal(struct arci_stream *stream, enum arci_stream_reason reason)
{
    assert_int_equal(reason, ARCI_REASON_NOT_PERMITTED);
    assert_false(stream->ended);
    stream->ended = true;
}

static void note_close(struct arci_stream *stream, enum arci_stream_reason reason)
{
    (void)reason;
    assert_false(stream->ended);
    stream->ended = true;
}

static const struct arci_transport_ops noting = {
    .watch = note_watch, .refuse = note_refusal, .close = note_close};

static size_t count_ended(const struct arci_stream *streams)
{
    size_t count = 0;
    for (size_t i = 0; i < STREAMS; i++)
        count += streams[i].ended;
    return count;
}

static void number_that_waits_is_bounded(void **state)
{
    static struct arci_worker worker;
    static struct arci_stream streams[STREAMS];
    const struct arctic_id peer = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ0A"};
    const struct arci_stream_request request = {.service_id = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"},
                                                .destination = {{ARCTIC_FAMILY_IPV4, {192, 0, 2, 1}}, 80},
                                                .client = {{ARCTIC_FAMILY_IPV4, {192, 0, 2, 2}}, 5000}};
    (void)state;
    worker.ops = &noting;
    TAILQ_INIT(&worker.pending);
    assert_int_equal(uv_loop_init(&worker.loop), 0);
    for (size_t i = 0; i < STREAMS; i++)
        arci_exit_incoming(&worker, &streams[i], &peer, &request);
    assert_int_equal(count_ended(streams), STREAMS - ARCI_PENDING_MAX);
    assert_false(streams[ARCI_PENDING_MAX - 1].ended);
    assert_true(streams[ARCI_PENDING_MAX].ended);
    /* One that its peer gives up makes room for one. */
    streams[5].events->failed(streams[5].user, ARCI_REASON_RESET, false);
    assert_true(streams[5].ended);
    streams[ARCI_PENDING_MAX].ended = false;
    arci_exit_incoming(&worker, &streams[ARCI_PENDING_MAX], &peer, &request);
    assert_false(streams[ARCI_PENDING_MAX].ended);
    arci_pending_retry(&worker); /* nothing new */
    assert_int_equal(count_ended(streams), STREAMS - ARCI_PENDING_MAX);
    arci_pending_refuse_all(&worker, ARCI_REASON_NOT_PERMITTED);
    assert_int_equal(count_ended(streams), STREAMS);
    assert_int_equal(worker.pending_count, 0);
    assert_int_equal(uv_loop_close(&worker.loop), 0);
    arci_own_addresses_release(&worker.own);
}

int main(void)
{
#define PENDING_TEST(test)                                                                                   \
    cmocka_unit_test_setup_teardown(test, set_up_proxy_without_service, tear_down_proxy)
    const struct CMUnitTest tests[] = {
        PENDING_TEST(flow_waits_for_its_service),
        PENDING_TEST(flow_of_a_service_that_never_comes_is_refused),
        PENDING_TEST(forbidden_destination_is_refused_at_once),
        PENDING_TEST(flow_that_is_given_up_meanwhile_is_not_opened),
        PENDING_TEST(stop_ends_what_waits),
        cmocka_unit_test(number_that_waits_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
