/* Counters of services and routes: what workers count is read elsewhere, and lives as long as what it belongs to. */
#include "proxy-world.h"

#include <string.h>
#include <unistd.h>

#include "proxy/counters.h"
#include "proxy/route-stats.h"

/* Services, at an exit with its threads */

static void exchange(struct world *world, const char *question, const char *answer)
{
    struct user *flow = open_flow(world, question);
    int client = accept_client(world);
    assert_reads(world, client, question);
    assert_int_equal(write(client, answer, strlen(answer)), (ssize_t)strlen(answer));
    wait_until(world, flow->length == strlen(answer));
    ops->finish(flow->stream);
    assert_int_equal(end_of(world, client), 0);
    close(client);
    wait_until(world, flow->finished && stats(world).flows_open == 0);
    close_flow(flow);
}

static void counts_go_on_across_configurations(void **state)
{
    struct world *world = *state;
    exchange(world, "four", "seventh");
    struct arci_service_stats before = stats(world);
    for (int i = 0; i < 3; i++)
        publish(world, true, true);
    exchange(world, "four", "seventh");
    struct arci_service_stats after = stats(world);
    assert_int_equal(after.since, before.since);
    assert_true(after.since <= arci_time_now() && after.since > arci_time_now() - 60000);
    assert_int_equal(after.flows_opened, 2);
    assert_int_equal(after.flows_failed, 0);
    assert_int_equal(after.bytes_up, 8);
    assert_int_equal(after.bytes_down, 14);
}

/* SYN, acknowledgement, data and FIN one way; SYN, data and FIN the other; acknowledgements alone may come or not. */
static void packets_are_those_of_the_kernel(void **state)
{
    struct world *world = *state;
    exchange(world, "question", "answer");
    assert_in_range(stats(world).packets_up, 3, 8);
    assert_in_range(stats(world).packets_down, 3, 8);
}

/* While a flow is open, soon; each direction for itself. */
static void packets_of_an_open_flow_are_counted(void **state)
{
    static const char block[65536];
    struct world *world = *state;
    struct user *flow = open_flow(world, "x");
    int client = accept_client(world);
    assert_reads(world, client, "x");
    for (size_t sent = 0; sent < 16 * sizeof block; sent += sizeof block)
        assert_int_equal(write(client, block, sizeof block), sizeof block);
    wait_until(world, flow->length == 16 * sizeof block);
    wait_until(world, stats(world).packets_down > 16);
    assert_int_equal(stats(world).flows_open, 1);
    assert_int_equal(stats(world).bytes_down, 16 * sizeof block);
    assert_int_equal(stats(world).bytes_up, 1);
    close(client);
    close_flow(flow);
}

/* A flow has ended for both sides before the kernel has sent all that the server has room for. */
static void packets_after_the_end_are_counted(void **state)
{
    static const char block[300000];
    struct world *world = *state;
    struct user *flow = open_flow(world, NULL);
    int client = accept_client(world);
    wait_until(world, flow->opened);
    shutdown(client, SHUT_WR);
    for (size_t sent = 0; sent < sizeof block; sent += 10000) {
        wait_until(world, ops->writable(flow->stream));
        send_bytes(flow, block + sent, 10000);
    }
    ops->finish(flow->stream);
    wait_until(world, stats(world).flows_open == 0 && stats(world).bytes_up == sizeof block);
    uint64_t before = stats(world).packets_up;
    for (size_t got = 0; got < sizeof block;) {
        static char taken[sizeof block];
        wait_until(world, readable(client));
        ssize_t some = read(client, taken, sizeof taken);
        assert_true(some > 0);
        got += (size_t)some;
    }
    assert_int_equal(end_of(world, client), 0);
    wait_until(world, stats(world).packets_up > before);
    close(client);
    close_flow(flow);
}

static void refusals_are_told_from_resets(void **state)
{
    struct world *world = *state;
    struct arctic_endpoint closed;
    int fd = listen_on_loopback(&closed, 0);
    assert_refused_with(world, open_flow_to(world, &closed, "x"), ARCI_REASON_REFUSED);
    close(fd);
    wait_until(world, stats(world).flows_open == 0);
    assert_int_equal(stats(world).flows_opened, 1);
    assert_int_equal(stats(world).flows_refused, 1);
    assert_int_equal(stats(world).flows_failed, 1);

    struct user *flow = open_flow(world, "y");
    int client = accept_client(world);
    assert_reads(world, client, "y");
    wait_until(world, flow->opened);
    reset_socket(client);
    wait_until(world, flow->failed && stats(world).flows_open == 0);
    close_flow(flow);
    assert_int_equal(stats(world).flows_opened, 2);
    assert_int_equal(stats(world).flows_refused, 1);
    assert_int_equal(stats(world).flows_failed, 2);
}

/* Both workers have to have taken a configuration before what the one before it held is dropped, with the next one. */
static bool forgotten(struct world *world)
{
    publish(world, false, true);
    return !has_stats(world);
}

/* The flow holds what it counts into for as long as it takes to end. */
static void service_may_go_with_open_flows(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, "x");
    int client = accept_client(world);
    assert_reads(world, client, "x");
    wait_until(world, flow->opened);
    publish(world, false, true);
    wait_until(world, flow->failed);
    close(client);
    close_flow(flow);
    wait_until(world, forgotten(world));
    publish(world, true, true);
    assert_int_equal(stats(world).flows_opened, 0);
    exchange(world, "again", "yes");
    assert_int_equal(stats(world).flows_opened, 1);
}

/* Routes: two workers and the control loop, played by the test on one loop */

enum { TOLD = 1, RETURNED = 2 };

struct stage {
    uv_loop_t loop;
    struct arci_counter_registry registry;
    struct arci_counters *service;
    struct arci_queue control, workers[2];
    size_t told, returned;
};

static void on_told(void *user, struct arci_message *message)
{
    struct stage *stage = user;
    assert_int_equal(message->kind, TOLD);
    stage->told++;
    arci_route_counters_told((struct arci_route_counters *)message);
}

static void on_returned(void *user, struct arci_message *message)
{
    struct stage *stage = user;
    assert_int_equal(message->kind, RETURNED);
    stage->returned++;
    arci_route_counters_returned((struct arci_route_counters *)message);
}

static int set_up_stage(void **state)
{
    static const struct arctic_id id = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"};
    struct stage *stage = calloc(1, sizeof *stage);
    struct arctic_error error;
    stage->registry.workers = 2;
    assert_int_equal(uv_loop_init(&stage->loop), 0);
    assert_int_equal(arci_queue_open(&stage->control, &stage->loop, on_told, stage), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(arci_queue_open(&stage->workers[i], &stage->loop, on_returned, stage), 0);
    assert_ok(arci_counters_get(&stage->registry, &id, &stage->service, &error), error);
    *state = stage;
    return 0;
}

static int tear_down_stage(void **state)
{
    struct stage *stage = *state;
    arci_counters_release(&stage->registry);
    arci_queue_close(&stage->control, NULL);
    for (int i = 0; i < 2; i++)
        arci_queue_close(&stage->workers[i], NULL);
    assert_int_equal(uv_run(&stage->loop, UV_RUN_DEFAULT), 0);
    arci_queue_destroy(&stage->control);
    for (int i = 0; i < 2; i++)
        arci_queue_destroy(&stage->workers[i]);
    assert_int_equal(uv_loop_close(&stage->loop), 0);
    free(stage);
    return 0;
}

static struct arci_route_counters *row_of(struct stage *stage, uint32_t worker, uint64_t route)
{
    return arci_route_counters_get(stage->service, worker, route, &stage->control, TOLD);
}

static void take_flow(struct stage *stage, uint32_t worker, uint64_t route, uint64_t bytes)
{
    struct arci_route_counters *row = row_of(stage, worker, route);
    assert_non_null(row);
    arci_count(&row->counters.opened, 1);
    arci_count(&row->counters.bytes_up, bytes);
}

static struct arci_queue *queue_of(void *user, uint32_t worker)
{
    return &((struct stage *)user)->workers[worker];
}

static bool is_even(const void *context, uint64_t route)
{
    (void)context;
    return route % 2 == 0;
}

static void prune(struct stage *stage)
{
    arci_route_counters_prune(stage->service, SIZE_MAX >> 1, is_even, NULL, queue_of, stage, RETURNED);
    uv_run(&stage->loop, UV_RUN_NOWAIT);
}

struct seen {
    size_t count;
    uint64_t route_sum;
    struct arci_service_stats stats;
};

static void on_route(void *user, uint64_t route_id, const struct arci_service_stats *stats)
{
    struct seen *seen = user;
    seen->count++;
    seen->route_sum += route_id;
    seen->stats.flows_opened += stats->flows_opened;
    seen->stats.bytes_up += stats->bytes_up;
}

static struct seen look(struct stage *stage)
{
    struct seen seen = {0};
    uv_run(&stage->loop, UV_RUN_NOWAIT);
    arci_route_stats_each(stage->service, on_route, &seen);
    return seen;
}

static void routes_of_all_workers_are_summed(void **state)
{
    struct stage *stage = *state;
    assert_int_equal(look(stage).count, 0);
    take_flow(stage, 0, 7, 10);
    take_flow(stage, 1, 7, 20);
    take_flow(stage, 0, 7, 30);
    struct seen seen = look(stage);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.route_sum, 7);
    assert_int_equal(seen.stats.flows_opened, 3);
    assert_int_equal(seen.stats.bytes_up, 60);
    assert_int_equal(stage->told, 2);
}

static void many_routes_are_found_again(void **state)
{
    struct stage *stage = *state;
    for (int round = 0; round < 2; round++) {
        for (uint64_t route = 1; route <= 5000; route++)
            take_flow(stage, (uint32_t)(route % 2), route, route);
    }
    struct seen seen = look(stage);
    assert_int_equal(stage->told, 5000);
    assert_int_equal(seen.count, 5000);
    assert_int_equal(seen.route_sum, 5000 * 5001 / 2);
    assert_int_equal(seen.stats.flows_opened, 10000);
    assert_int_equal(seen.stats.bytes_up, 5000 * 5001);
}

static void routes_that_are_gone_are_forgotten(void **state)
{
    struct stage *stage = *state;
    for (uint64_t route = 1; route <= 1000; route++) {
        take_flow(stage, 0, route, 1);
        take_flow(stage, 1, route, 1);
    }
    assert_int_equal(look(stage).count, 1000);
    prune(stage);
    assert_int_equal(stage->returned, 1000);
    struct seen seen = look(stage);
    assert_int_equal(seen.count, 500);
    assert_int_equal(seen.stats.bytes_up, 1000);
    for (int i = 0; i < 2; i++)
        assert_int_equal(stage->service->services[i].routes.count, 500);
    prune(stage);
    assert_int_equal(stage->returned, 1000);
}

/* An open flow counts on into a row that nobody reads any more; a new one begins at zero. */
static void route_may_go_with_open_flows(void **state)
{
    struct stage *stage = *state;
    take_flow(stage, 0, 9, 5);
    struct arci_route_counters *held = arci_route_counters_ref(row_of(stage, 0, 9));
    assert_int_equal(look(stage).count, 1);
    prune(stage);
    arci_count(&held->counters.bytes_up, 100);
    assert_int_equal(look(stage).count, 0);
    take_flow(stage, 0, 9, 1);
    assert_true(row_of(stage, 0, 9) != held);
    assert_int_equal(look(stage).stats.bytes_up, 1);
    arci_route_counters_unref(held);
}

/* A part at a time, and all of it in the end. */
static void forgetting_takes_turns(void **state)
{
    struct stage *stage = *state;
    for (uint64_t route = 1; route <= 1000; route++)
        take_flow(stage, 0, route, 1);
    look(stage);
    size_t chains = stage->service->routes.chain_count;
    for (size_t looked = 0; looked < chains;) {
        size_t step =
            arci_route_counters_prune(stage->service, 100, is_even, NULL, queue_of, stage, RETURNED);
        assert_true(step > 0 && step <= 100);
        looked += step;
        assert_true(stage->service->routes.count + looked >= 500);
    }
    assert_int_equal(look(stage).count, 500);
}

/* The message is under way in either direction when the service goes. */
static void service_may_go_before_its_rows_are_told(void **state)
{
    struct stage *stage = *state;
    take_flow(stage, 0, 2, 1);
    take_flow(stage, 1, 3, 1);
    look(stage);
    arci_route_counters_prune(stage->service, SIZE_MAX >> 1, is_even, NULL, queue_of, stage, RETURNED);
    take_flow(stage, 1, 4, 1);
    arci_counters_release(&stage->registry);
    uv_run(&stage->loop, UV_RUN_NOWAIT);
    assert_int_equal(stage->told, 3);
    assert_int_equal(stage->returned, 1);
}

static bool wants(void *user, const struct arctic_id *id)
{
    assert_string_equal(id->text, "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12");
    return *(bool *)user;
}

static void service_that_pauses_keeps_its_counters(void **state)
{
    struct stage *stage = *state;
    bool exists = true;
    arci_counters_sweep(&stage->registry, wants, &exists);
    assert_int_equal(stage->registry.count, 1);
    exists = false;
    arci_counters_sweep(&stage->registry, wants, &exists);
    assert_int_equal(stage->registry.count, 0);
}

int main(void)
{
#define STAGE_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_stage, tear_down_stage)
    const struct CMUnitTest tests[] = {
        PROXY_TEST(counts_go_on_across_configurations),
        PROXY_TEST(packets_are_those_of_the_kernel),
        PROXY_TEST(packets_of_an_open_flow_are_counted),
        PROXY_TEST(packets_after_the_end_are_counted),
        PROXY_TEST(refusals_are_told_from_resets),
        PROXY_TEST(service_may_go_with_open_flows),
        STAGE_TEST(routes_of_all_workers_are_summed),
        STAGE_TEST(many_routes_are_found_again),
        STAGE_TEST(routes_that_are_gone_are_forgotten),
        STAGE_TEST(route_may_go_with_open_flows),
        STAGE_TEST(forgetting_takes_turns),
        STAGE_TEST(service_may_go_before_its_rows_are_told),
        STAGE_TEST(service_that_pauses_keeps_its_counters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
