/* Snapshots that follow from an earlier one: they know what one made from nothing knows, and leave the earlier one as it was. */
#include "tests/unit/unit.h"

#include "proxy/snapshot.h"
#include "tests/unit/kernel-services.h"

static const struct arctic_id near = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ0A"};
static const struct arctic_id far = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ0B"};

static struct arci_snapshot_service describe(const struct arci_kernel_service *service)
{
    struct arci_snapshot_service described = {
        .id = service->id,
        .peer_id = far,
        .interface = service->interface,
        .routes = service->routes,
        .route_count = service->withdrawn ? 0 : service->route_count,
    };
    memcpy(described.revision, service->revision, sizeof described.revision);
    return described;
}

static struct arci_snapshot *make(const struct arci_snapshot_service *services, size_t count,
                                  const struct arci_snapshot *former)
{
    struct arctic_error error;
    struct arci_snapshot *snapshot = NULL;
    const struct arci_snapshot_options options = {.local_id = near};
    const struct arci_snapshot_peer peer = {.id = far, .connected = true};
    assert_ok(arci_snapshot_create(&options, &snapshot, &error), error);
    assert_ok(arci_snapshot_add_peer(snapshot, &peer, &error), error);
    if (former)
        assert_ok(arci_snapshot_inherit(snapshot, former, services, count, &error), error);
    for (size_t i = 0; i < count; i++) {
        struct arci_snapshot_service exit = services[i];
        exit.interface = NULL; /* else all is admitted */
        assert_ok(arci_snapshot_add_entry(snapshot, &services[i], &error), error);
        assert_ok(arci_snapshot_add_exit(snapshot, &exit, &error), error);
    }
    return snapshot;
}

static struct arci_snapshot *make_random(const struct random_services *all,
                                         const struct arci_snapshot *former)
{
    struct arci_snapshot_service services[SERVICES];
    for (size_t i = 0; i < all->count; i++)
        services[i] = describe(&all->services[i]);
    return make(services, all->count, former);
}

static const char *taker(const struct arci_snapshot *snapshot, const struct arctic_flow *flow)
{
    uint64_t route;
    const struct arci_snapshot_entry *entry = arci_snapshot_match(snapshot, flow, &route);
    return entry ? entry->id.text : "none";
}

static bool admits(const struct arci_snapshot *snapshot, const struct arctic_id *service,
                   const struct arctic_flow *flow)
{
    const char *why = NULL;
    bool may_change = false;
    const struct arci_stream_request request = {
        .service_id = *service, .destination = {flow->destination, 80}, .client = {flow->source, 9}};
    return arci_snapshot_admit(snapshot, &far, &request, &why, &may_change) != NULL;
}

static void compare(struct test_random *dice, const struct arci_snapshot *a, const struct arci_snapshot *b)
{
    for (int i = 0; i < 60; i++) {
        uint8_t family = test_random_below(dice, 2) ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_IPV6;
        struct arctic_flow flow = {.source = random_address(dice, family),
                                   .destination = random_address(dice, family)};
        struct arctic_id service;
        if (test_random_below(dice, 2))
            snprintf(flow.interface, sizeof flow.interface, "own%u", test_random_below(dice, SERVICES));
        snprintf(service.text, sizeof service.text, "svc_%026u", 1 + test_random_below(dice, SERVICES));
        assert_string_equal(taker(a, &flow), taker(b, &flow));
        assert_int_equal(admits(a, &service, &flow), admits(b, &service, &flow));
    }
}

static void knows_what_one_made_anew_knows(void **state)
{
    (void)state;
    struct test_random dice = {77};
    struct random_services before = {0};
    struct arci_snapshot *former = make_random(&before, NULL);
    for (int round = 0; round < 300; round++) {
        struct random_services after;
        bool kept[SERVICES];
        struct arci_snapshot *unchanged = make_random(&before, NULL);
        random_changes(&dice, &before, &after, kept);
        struct arci_snapshot *next = make_random(&after, former);
        struct arci_snapshot *anew = make_random(&after, NULL);
        compare(&dice, next, anew);
        compare(&dice, former, unchanged);
        arci_snapshot_unref(unchanged);
        arci_snapshot_unref(anew);
        arci_snapshot_unref(former);
        former = next;
        before = after;
        for (size_t i = 0; i < before.count; i++) {
            before.services[i].routes = before.routes[i];
            before.services[i].interface = before.interfaces[i];
        }
    }
    arci_snapshot_unref(former);
}

/* Services may pass an interface on in any order of their ids. */
static void interfaces_pass_from_one_service_to_another(void **state)
{
    (void)state;
    struct arci_snapshot_service services[2] = {
        {.id = {"svc_00000000000000000000000001"}, .peer_id = far, .interface = "own1", .revision = {1}},
        {.id = {"svc_00000000000000000000000002"}, .peer_id = far, .interface = "own2", .revision = {2}}};
    const struct arctic_flow flow = {.source = {.family = ARCTIC_FAMILY_IPV4},
                                     .destination = {.family = ARCTIC_FAMILY_IPV4},
                                     .interface = "own1"};
    struct arci_snapshot *first = make(services, 2, NULL);
    services[0].interface = "own2";
    services[1].interface = "own1";
    services[0].revision[0] = services[1].revision[0] = 3;
    struct arci_snapshot *second = make(services, 2, first);
    assert_string_equal(taker(first, &flow), services[0].id.text);
    assert_string_equal(taker(second, &flow), services[1].id.text);
    arci_snapshot_unref(first);
    arci_snapshot_unref(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_what_one_made_anew_knows),
        cmocka_unit_test(interfaces_pass_from_one_service_to_another),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
