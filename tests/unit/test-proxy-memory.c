/* Snapshots, configurations and counters of the proxy, with each allocation failing in turn. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/cleanup.h"
#include "proxy/config.h"
#include "proxy/own-addresses.h"
#include "proxy/route-stats.h"
#include "tests/unit/alloc-failure.h"
#include "tests/unit/kernel-services.h"

#define WORKERS 3
#define FLOW_ROUTES 40 /* tables of rows grow twice */

static const struct arctic_id near = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ0A"};
static const struct arctic_id far = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ0B"};

static bool succeeded(int code)
{
    if (code < 0)
        assert_int_equal(code, ARCTIC_E_NO_MEMORY);
    return code == ARCTIC_OK;
}

/* --- Snapshots. --- */

struct step {
    struct arci_snapshot_service services[SERVICES];
    size_t count;
    struct arci_snapshot *former;
};

static void describe(const struct random_services *all, struct step *step)
{
    step->count = all->count;
    for (size_t i = 0; i < all->count; i++) {
        const struct arci_kernel_service *service = &all->services[i];
        step->services[i] = (struct arci_snapshot_service){
            .id = service->id,
            .peer_id = far,
            .interface = service->interface,
            .routes = service->routes,
            .route_count = service->route_count,
        };
        memcpy(step->services[i].revision, service->revision, sizeof service->revision);
    }
}

static int fill(struct arci_snapshot *snapshot, const struct step *step)
{
    const struct arci_snapshot_peer peer = {.id = far, .connected = true};
    int code = arci_snapshot_add_peer(snapshot, &peer, NULL);
    if (code >= 0 && step->former)
        code = arci_snapshot_inherit(snapshot, step->former, step->services, step->count, NULL);
    for (size_t i = 0; code >= 0 && i < step->count; i++) {
        code = arci_snapshot_add_entry(snapshot, &step->services[i], NULL);
        if (code >= 0)
            code = arci_snapshot_add_exit(snapshot, &step->services[i], NULL);
    }
    return code;
}

static int make(const struct step *step, struct arci_snapshot **ret_snapshot)
{
    const struct arci_snapshot_options options = {.local_id = near};
    ARCI_CLEANUP(arci_snapshot_cleanup) struct arci_snapshot *snapshot = NULL;
    int code = arci_snapshot_create(&options, &snapshot, NULL);
    if (code >= 0)
        code = fill(snapshot, step);
    if (code >= 0)
        *ret_snapshot = arci_steal(snapshot);
    return code;
}

static bool snapshot_attempt(void *context)
{
    const struct step *step = context;
    ARCI_CLEANUP(arci_snapshot_cleanup) struct arci_snapshot *snapshot = NULL;
    size_t count = 0;
    if (!succeeded(make(step, &snapshot)))
        return false;
    (void)arci_snapshot_exits(snapshot, &count);
    assert_int_equal(count, step->count);
    return true;
}

/* A configuration from the snapshot, and what the workers get of it; blocks that it does not take stay in no registry. */
static bool config_attempt(void *context)
{
    const struct step *step = context;
    struct arci_counter_registry services = {.workers = WORKERS};
    struct arci_counter_registry peers = {.workers = WORKERS, .of_peers = true};
    struct arci_config *config = NULL;
    size_t count = 0;
    bool made = succeeded(arci_config_create(step->former, &services, &peers, &config, NULL));
    ARCI_FREE struct arci_transport_peer *told = made ? arci_config_transport_peers(config, 1, &count) : NULL;
    if (told)
        assert_int_equal(count, 1);
    arci_config_unref(config);
    arci_counters_sweep(&services, NULL, NULL);
    assert_int_equal(services.count, 0);
    arci_counters_release(&services);
    arci_counters_release(&peers);
    return told != NULL;
}

static void snapshots_and_configurations(void **state)
{
    (void)state;
    struct test_random dice = {11};
    for (int round = 0; round < 8; round++) {
        static struct random_services before, after;
        bool kept[SERVICES];
        struct step step = {.former = NULL};
        struct arci_snapshot *former = NULL;
        random_services(&dice, &before);
        describe(&before, &step);
        alloc_failure_try_all(snapshot_attempt, &step);
        assert_int_equal(make(&step, &former), ARCTIC_OK);
        random_changes(&dice, &before, &after, kept);
        describe(&after, &step);
        step.former = former;
        alloc_failure_try_all(snapshot_attempt, &step);
        alloc_failure_try_all(config_attempt, &step);
        arci_snapshot_unref(former);
    }
}

/* --- Counters of routes: without memory flows go on, and what is not counted is missing and not wrong. --- */

struct world {
    uv_loop_t loop;
    struct arci_queue control;
};

static void receive(void *user, struct arci_message *message)
{
    (void)user;
    arci_route_counters_told((struct arci_route_counters *)message);
}

static int make_world(void **state)
{
    static struct world world;
    assert_int_equal(uv_loop_init(&world.loop), 0);
    assert_int_equal(arci_queue_open(&world.control, &world.loop, receive, &world), 0);
    *state = &world;
    return 0;
}

static void ignore(void *user)
{
    (void)user;
}

static int free_world(void **state)
{
    struct world *world = *state;
    arci_queue_close(&world->control, ignore);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    arci_queue_destroy(&world->control);
    return uv_loop_close(&world->loop);
}

static void add_flows(void *user, uint64_t route, const struct arci_service_stats *stats)
{
    assert_in_range(route, 1, FLOW_ROUTES);
    *(uint64_t *)user += stats->flows_opened;
}

/* One flow of each route; returns how many of them could be counted. */
static uint64_t take_flows(struct world *world, struct arci_counters *service)
{
    uint64_t taken = 0, shown = 0;
    for (uint64_t route = 1; route <= FLOW_ROUTES; route++) {
        struct arci_route_counters *row = arci_route_counters_get(service, 1, route, &world->control, 0);
        if (!row)
            continue;
        assert_int_equal(row->route_id, route);
        assert_ptr_equal(arci_route_counters_get(service, 1, route, &world->control, 0), row);
        arci_count(&row->counters.opened, 1);
        taken++;
    }
    uv_run(&world->loop, UV_RUN_NOWAIT);
    arci_route_stats_each(service, add_flows, &shown);
    assert_true(shown <= taken);
    return shown;
}

static void flows_go_on_without_counters(void **state)
{
    struct world *world = *state;
    static const struct arctic_id id = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ0A"};
    bool failed = true;
    for (size_t n = 1; failed; n++) {
        struct arci_counter_registry registry = {.workers = WORKERS};
        struct arci_counters *service = NULL;
        size_t leaked = 0;
        alloc_failure_start(n);
        int code = arci_counters_get(&registry, &id, &service, NULL);
        uint64_t shown = succeeded(code) ? take_flows(world, service) : 0;
        arci_counters_release(&registry);
        failed = alloc_failure_stop(&leaked);
        assert_int_equal(leaked, 0);
        assert_true(failed || shown == FLOW_ROUTES);
    }
}

/* --- The host's own addresses: those that were known stay. --- */

static void addresses_that_were_known_stay(void **state)
{
    (void)state;
    size_t leaked = 0;
    struct arci_own_addresses own = {.read_at = 0};
    size_t known = arci_own_addresses(&own)->own.count;
    assert_true(known > 0);
    own.read_at = INT64_MIN / 2; /* long ago */
    alloc_failure_start(1);
    assert_int_equal(arci_own_addresses(&own)->own.count, known);
    assert_true(alloc_failure_stop(&leaked));
    assert_int_equal(leaked, 0);
    arci_own_addresses_release(&own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_and_configurations),
        cmocka_unit_test_setup_teardown(flows_go_on_without_counters, make_world, free_world),
        cmocka_unit_test(addresses_that_were_known_stay),
    };
    return cmocka_run_group_tests_name("proxy-memory", tests, NULL, NULL);
}
