/* Tuples: looked up map by map, as the kernel does, they give the winner that the route table gives. */
#include "tests/unit/unit.h"

#include <stdlib.h>

#include <arctic/match.h>

#include "kernel/nft/tuple.h"
#include "match/rank.h"
#include "tests/unit/kernel-services.h"

static unsigned slot_number(const struct arci_kernel_service *service)
{
    return (unsigned)strtoul(service->id.text + strlen("svc_"), NULL, 10);
}

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

/* Slots in the order of ids, each left free by some: the tables must not count on what a slot is. */
static void make_tuples(const struct random_services *all, const struct arci_tuples *former, const bool *kept,
                        struct arci_tuples *ret_tuples)
{
    struct arctic_error error;
    struct arci_tuple_owner owners[SERVICES];
    for (size_t i = 0; i < all->count; i++)
        owners[i] = (struct arci_tuple_owner){.service = &all->services[i],
                                              .slot = (uint16_t)(99 - slot_number(&all->services[i])),
                                              .kept = kept && kept[i]};
    assert_ok(arci_tuples_make(owners, all->count, former, ret_tuples, &error), error);
}

static const struct arci_kernel_service *service_of_slot(const struct random_services *all, uint16_t slot)
{
    for (size_t i = 0; i < all->count; i++) {
        if (99 - slot_number(&all->services[i]) == slot)
            return &all->services[i];
    }
    fail_msg("slot %u belongs to no service", slot);
    return NULL;
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
        if (!tuple->loses && tuple->map.family == flow->source.family &&
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
        assert_string_equal(service_of_slot(all, tuple->slot)->id.text, match.service_id.text);
}

static void gives_the_winner_of_the_route_table(void **state)
{
    (void)state;
    struct test_random dice = {20240901};
    for (int round = 0; round < 300; round++) {
        struct random_services all;
        struct arci_tuples tuples;
        random_services(&dice, &all);
        make_tuples(&all, NULL, NULL, &tuples);
        struct arctic_route_table *table = table_of(&all);
        for (int flow = 0; flow < 100; flow++)
            compare_flow(&all, &tuples, table, &dice);
        arctic_route_table_free(table);
        arci_tuples_release(&tuples);
    }
}

static void one_element_for_each_key_in_order(void **state)
{
    (void)state;
    struct test_random dice = {7};
    for (int round = 0; round < 100; round++) {
        struct random_services all;
        struct arci_tuples tuples;
        random_services(&dice, &all);
        make_tuples(&all, NULL, NULL, &tuples);
        size_t elements = 0;
        for (size_t i = 0; i < tuples.count; i++) {
            int order = i > 0 ? arci_tuple_compare(&tuples.items[i - 1], &tuples.items[i]) : -1;
            assert_true(tuples.items[i].loses ? order == 0 : order < 0);
            elements += !tuples.items[i].loses;
        }
        assert_int_equal(elements, tuples.elements);
        arci_tuples_release(&tuples);
    }
}

static void changed_ones_are_those_that_are_made_anew(void **state)
{
    (void)state;
    struct test_random dice = {31};
    struct random_services before = {0};
    struct arci_tuples changed = {0};
    size_t kept_ones = 0;
    for (int round = 0; round < 300; round++) {
        struct random_services after;
        struct arci_tuples next;
        struct arci_tuples anew;
        bool kept[SERVICES];
        random_changes(&dice, &before, &after, kept);
        for (size_t i = 0; i < after.count; i++)
            kept_ones += kept[i];
        make_tuples(&after, &changed, kept, &next);
        make_tuples(&after, NULL, NULL, &anew);
        assert_int_equal(next.count, anew.count);
        assert_int_equal(next.elements, anew.elements);
        assert_memory_equal(next.items, anew.items, anew.count * sizeof *anew.items);
        arci_tuples_release(&anew);
        arci_tuples_release(&changed);
        changed = next;
        before = after; /* its pointers lead to `after`: they are not followed again */
    }
    assert_true(kept_ones > 300);
    arci_tuples_release(&changed);
}

static void makes_nothing_of_nothing(void **state)
{
    (void)state;
    struct arci_tuples tuples;
    struct arctic_error error;
    assert_ok(arci_tuples_make(NULL, 0, NULL, &tuples, &error), error);
    assert_int_equal(tuples.count, 0);
    arci_tuples_release(&tuples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_winner_of_the_route_table),
        cmocka_unit_test(one_element_for_each_key_in_order),
        cmocka_unit_test(changed_ones_are_those_that_are_made_anew),
        cmocka_unit_test(makes_nothing_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
