/* Tuples: looked up map by map, as the kernel does, they give the winner that the route table gives. */
#include "tests/unit/unit.h"

#include <arctic/match.h>

#include "kernel/tuple.h"
#include "match/rank.h"
#include "tests/unit/kernel-services.h"

static struct arctic_route_table *table_of(const struct random_services *all)
{
    struct arctic_error error;
    struct arctic_route_table *table = NULL;
    assert_ok(arctic_route_table_create(&table, &error), error);
    for (size_t i = 0; i < all->count; i++) {
        const struct arci_kernel_service *service = &all->services[i];
        if (service->withdrawn)
            continue;
        assert_ok(arctic_route_table_add_service(table, &service->id, service->interface, &error), error);
        for (size_t j = 0; j < service->route_count; j++)
            assert_ok(arctic_route_table_add_route(
                          table, &service->id, service->routes[j].id, &service->routes[j].source,
                          &service->routes[j].destination, service->routes[j].priority, &error),
                      error);
    }
    return table;
}

static bool part_matches(const uint8_t *bytes, int length, const struct arctic_address *address)
{
    if (length == ARCI_RANK_ABSENT)
        return true;
    struct arctic_address masked = arci_address_mask(address, (unsigned)length);
    return memcmp(bytes, masked.bytes, sizeof masked.bytes) == 0;
}

/*
 * The first tuple that matches is the kernel's choice, since tuples are sorted by map and keys of one map
 * exclude each other.
 */
static const struct arci_tuple *look_up(const struct arci_tuples *tuples, const struct arctic_flow *flow)
{
    for (size_t i = 0; i < tuples->count; i++) {
        const struct arci_tuple *tuple = &tuples->items[i];
        bool on_interface = tuple->map.match_class == ARCTIC_CLASS_INTERFACE;
        if (tuple->map.family == flow->source.family &&
            (!on_interface || strcmp(tuple->interface, flow->interface) == 0) &&
            part_matches(tuple->source, tuple->map.source_length, &flow->source) &&
            part_matches(tuple->destination, tuple->map.destination_length, &flow->destination))
            return tuple;
    }
    return NULL;
}

static void compare_flow(const struct random_services *all, const struct arci_tuples *tuples,
                         const struct arctic_route_table *table, struct test_random *dice)
{
    struct arctic_match match;
    uint8_t family = test_random_below(dice, 2) ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_IPV6;
    struct arctic_flow flow = {.source = random_address(dice, family),
                               .destination = random_address(dice, family)};
    if (test_random_below(dice, 2))
        snprintf(flow.interface, sizeof flow.interface, "own%u", test_random_below(dice, SERVICES));
    const struct arci_tuple *tuple = look_up(tuples, &flow);
    int code = arctic_route_table_match(table, &flow, &match, NULL);
    assert_int_equal(tuple != NULL, code == ARCTIC_OK);
    if (tuple)
        assert_string_equal(all->services[tuple->service].id.text, match.service_id.text);
}

static void gives_the_winner_of_the_route_table(void **state)
{
    (void)state;
    struct test_random dice = {20240901};
    for (int round = 0; round < 300; round++) {
        struct random_services all;
        struct arci_tuples tuples;
        struct arctic_error error;
        random_services(&dice, &all);
        assert_ok(arci_tuples_make(all.services, all.count, &tuples, &error), error);
        struct arctic_route_table *table = table_of(&all);
        for (int flow = 0; flow < 100; flow++)
            compare_flow(&all, &tuples, table, &dice);
        arctic_route_table_free(table);
        arci_tuples_release(&tuples);
    }
}

static void has_one_tuple_for_each_key_in_order(void **state)
{
    (void)state;
    struct test_random dice = {7};
    for (int round = 0; round < 100; round++) {
        struct random_services all;
        struct arci_tuples tuples;
        struct arctic_error error;
        random_services(&dice, &all);
        assert_ok(arci_tuples_make(all.services, all.count, &tuples, &error), error);
        for (size_t i = 1; i < tuples.count; i++)
            assert_true(arci_tuple_compare(&tuples.items[i - 1], &tuples.items[i]) < 0);
        arci_tuples_release(&tuples);
    }
}

static void makes_nothing_of_nothing(void **state)
{
    (void)state;
    struct arci_tuples tuples;
    struct arctic_error error;
    assert_ok(arci_tuples_make(NULL, 0, &tuples, &error), error);
    assert_int_equal(tuples.count, 0);
    arci_tuples_release(&tuples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_winner_of_the_route_table),
        cmocka_unit_test(has_one_tuple_for_each_key_in_order),
        cmocka_unit_test(makes_nothing_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
