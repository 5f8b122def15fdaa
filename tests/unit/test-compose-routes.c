/* Routes as sets: what has to be added, changed and removed, for examples and for sets made at random. */
#include "tests/unit/unit.h"

#include <string.h>

#include "compose/routes.h"
#include "tests/unit/random.h"

static void append(struct arci_routes *routes, const char *source, const char *destination, int32_t priority)
{
    struct arci_route route = {.id = routes->count + 1, .priority = priority};
    struct arctic_error error;
    if (source)
        assert_ok(arctic_cidr_parse(source, &route.source, &error), error);
    if (destination)
        assert_ok(arctic_cidr_parse(destination, &route.destination, &error), error);
    assert_ok(arci_routes_append(routes, &route, &error), error);
}

static struct arci_route_difference compare(const struct arci_routes *live, const struct arci_routes *wanted)
{
    struct arci_route_difference difference = {.change = NULL};
    struct arctic_error error;
    assert_ok(arci_routes_compare(live, wanted, &difference, &error), error);
    return difference;
}

static void test_a_new_priority_is_a_change(void **state)
{
    struct arci_routes live = {0};
    struct arci_routes wanted = {0};
    (void)state;
    append(&live, NULL, "10.1.0.0/16", 5);
    append(&live, NULL, "10.2.0.0/16", 5);
    append(&live, "10.0.0.0/8", "10.2.0.0/16", 5);
    append(&wanted, "10.0.0.0/8", "10.2.0.0/16", 5);
    append(&wanted, NULL, "10.2.0.0/16", 9);
    append(&wanted, "10.2.0.0/16", NULL, 5);
    struct arci_route_difference difference = compare(&live, &wanted);
    assert_int_equal(difference.change_count, 1);
    assert_int_equal(difference.change[0].id, 2);
    assert_int_equal(difference.change[0].old_priority, 5);
    assert_int_equal(difference.change[0].route.priority, 9);
    assert_int_equal(difference.remove.count, 1);
    assert_int_equal(difference.remove.items[0].id, 1);
    assert_int_equal(difference.add.count, 1);
    assert_int_equal(difference.add.items[0].source.length, 16);
    arci_route_difference_release(&difference);
    arci_routes_release(&live);
    arci_routes_release(&wanted);
}

static void test_a_rule_held_twice_is_one_rule(void **state)
{
    struct arci_routes live = {0};
    struct arci_routes wanted = {0};
    (void)state;
    append(&live, NULL, "10.1.0.0/16", 5);
    append(&live, NULL, "10.1.0.0/16", 5);
    append(&wanted, NULL, "10.1.0.0/16", 5);
    struct arci_route_difference difference = compare(&live, &wanted);
    assert_true(arci_route_difference_empty(&difference));
    arci_route_difference_release(&difference);
    /* When it goes, both go. */
    wanted.count = 0;
    difference = compare(&live, &wanted);
    assert_int_equal(difference.remove.count, 2);
    arci_route_difference_release(&difference);
    arci_routes_release(&live);
    arci_routes_release(&wanted);
}

static void make_random(struct test_random *random, struct arci_routes *routes)
{
    static const char *const prefixes[] = {NULL, "10.0.0.0/8", "10.0.0.0/16", "fd00::/8"};
    uint32_t count = test_random_below(random, 12);
    for (uint32_t i = 0; i < count; i++)
        append(routes, prefixes[test_random_below(random, 4)], prefixes[test_random_below(random, 4)],
               1 + (int32_t)test_random_below(random, 3));
}

/* What `live` is once the difference has been carried out. */
static void carry_out(struct arci_routes *live, const struct arci_route_difference *difference)
{
    struct arctic_error error;
    for (size_t i = 0; i < difference->change_count; i++) {
        struct arci_route *route = arci_routes_find(live, difference->change[i].id);
        assert_non_null(route);
        assert_int_equal(arci_route_compare_prefixes(route, &difference->change[i].route), 0);
        assert_int_equal(route->priority, difference->change[i].old_priority);
        route->priority = difference->change[i].route.priority;
    }
    for (size_t i = 0; i < difference->remove.count; i++)
        assert_ok(arci_routes_remove(live, difference->remove.items[i].id, &error), error);
    for (size_t i = 0; i < difference->add.count; i++) {
        struct arci_route route = difference->add.items[i];
        route.id = 1000 + i;
        assert_ok(arci_routes_append(live, &route, &error), error);
    }
}

static void assert_same_set(const struct arci_routes *a, const struct arci_routes *b)
{
    struct arci_routes left = {0};
    struct arci_routes right = {0};
    struct arctic_error error;
    assert_ok(arci_routes_unique(a, &left, &error), error);
    assert_ok(arci_routes_unique(b, &right, &error), error);
    assert_int_equal(left.count, right.count);
    for (size_t i = 0; i < left.count; i++)
        assert_int_equal(arci_route_compare(&left.items[i], &right.items[i]), 0);
    arci_routes_release(&left);
    arci_routes_release(&right);
}

static void test_any_set_becomes_any_other(void **state)
{
    struct test_random random = {.state = 7};
    (void)state;
    for (int round = 0; round < 5000; round++) {
        struct arci_routes live = {0};
        struct arci_routes drawn = {0};
        struct arci_routes wanted = {0};
        struct arctic_error error;
        make_random(&random, &live);
        make_random(&random, &drawn);
        assert_ok(arci_routes_unique(&drawn, &wanted, &error), error);
        struct arci_route_difference difference = compare(&live, &wanted);
        carry_out(&live, &difference);
        assert_same_set(&live, &wanted);
        arci_route_difference_release(&difference);
        difference = compare(&live, &wanted);
        assert_true(arci_route_difference_empty(&difference));
        arci_route_difference_release(&difference);
        arci_routes_release(&live);
        arci_routes_release(&drawn);
        arci_routes_release(&wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_priority_is_a_change),
        cmocka_unit_test(test_a_rule_held_twice_is_one_rule),
        cmocka_unit_test(test_any_set_becomes_any_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
