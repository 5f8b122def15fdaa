/* A route table that runs out of memory: the change is refused whole, the table goes on as it was, nothing leaks. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include <arctic/match.h>

#include "match/change.h"
#include "tests/unit/alloc-failure.h"

static const struct arctic_id first = {"svc_00000000000000000000000001"};
static const struct arctic_id second = {"svc_00000000000000000000000002"};

/* Enough routes of both kinds that every array grows more than once. */
static bool fill(struct arctic_route_table *table)
{
    if (arctic_route_table_add_service(table, &first, NULL, NULL) < 0 ||
        arctic_route_table_add_service(table, &second, "mv0", NULL) < 0)
        return false;
    for (uint8_t i = 0; i < 40; i++) {
        uint8_t family = i % 2 ? ARCTIC_FAMILY_IPV6 : ARCTIC_FAMILY_IPV4;
        struct arctic_cidr source = {.address = {.family = family, .bytes = {10, i}}, .length = 16};
        struct arctic_cidr destination = {.address = {.family = family, .bytes = {11, 0, i}}, .length = 24};
        const struct arctic_id *id = i % 3 ? &first : &second;
        if (arctic_route_table_add_route(table, id, i + 1u, &source, i % 5 ? &destination : NULL, 100, NULL) <
            0)
            return false;
    }
    return true;
}

/* Whatever was taken in is complete: each route explains itself, matches its own flow, and can be removed. */
static void check_and_empty(struct arctic_route_table *table)
{
    for (uint8_t i = 0; i < 40; i++) {
        uint8_t family = i % 2 ? ARCTIC_FAMILY_IPV6 : ARCTIC_FAMILY_IPV4;
        struct arctic_flow flow = {
            .source = {.family = family, .bytes = {10, i}},
            .destination = {.family = family, .bytes = {11, 0, i}},
        };
        struct arctic_match match;
        const struct arctic_id *id = i % 3 ? &first : &second;
        bool matched = arctic_route_table_match(table, &flow, &match, NULL) == ARCTIC_OK;
        bool removed = arctic_route_table_remove_route(table, id, i + 1u, NULL) == ARCTIC_OK;
        assert_int_equal(matched, removed);
        if (matched)
            assert_int_equal(match.route_id, i + 1u);
    }
    assert_int_equal(arctic_route_table_count(table), 0);
}

static bool fill_attempt(void *context)
{
    (void)context;
    struct arctic_route_table *table;
    if (arctic_route_table_create(&table, NULL) < 0)
        return false;
    bool filled = fill(table);
    check_and_empty(table);
    arctic_route_table_free(table);
    return filled;
}

static void test_filling(void **state)
{
    (void)state;
    alloc_failure_try_all(fill_attempt, NULL);
}

static bool explain_attempt(void *table)
{
    struct arctic_flow flow = {.source = {.family = ARCTIC_FAMILY_IPV4},
                               .destination = {.family = ARCTIC_FAMILY_IPV4}};
    struct arctic_match *rows;
    size_t count;
    if (arctic_route_table_explain(table, &flow, &rows, &count, NULL) < 0)
        return false;
    arctic_match_free(rows);
    return true;
}

static void test_explaining(void **state)
{
    (void)state;
    struct arctic_route_table *table;
    struct arctic_error error;
    assert_ok(arctic_route_table_create(&table, &error), error);
    assert_true(fill(table));
    alloc_failure_try_all(explain_attempt, table);
    arctic_route_table_free(table);
}

static bool copy_attempt(void *table)
{
    struct arctic_route_table *copy;
    struct arci_route route = {.id = 99, .source = {{ARCTIC_FAMILY_IPV4, {12}}, 8}, .priority = 1};
    if (arci_route_table_copy(table, &copy, NULL) < 0)
        return false;
    assert_int_equal(arctic_route_table_count(copy), arctic_route_table_count(table));
    bool changed = arci_route_table_set_service(copy, &first, "mv1", &route, 1, NULL) == ARCTIC_OK;
    arctic_route_table_free(copy);
    return changed;
}

static void test_copying(void **state)
{
    (void)state;
    struct arctic_route_table *table;
    struct arctic_error error;
    assert_ok(arctic_route_table_create(&table, &error), error);
    assert_true(fill(table));
    alloc_failure_try_all(copy_attempt, table);
    check_and_empty(table);
    arctic_route_table_free(table);
}

/* A lookup allocates nothing: it succeeds with no memory at all. */
static void test_matching_needs_no_memory(void **state)
{
    (void)state;
    struct arctic_route_table *table;
    struct arctic_error error;
    struct arctic_match match;
    struct arctic_flow flow = {
        .source = {.family = ARCTIC_FAMILY_IPV4, .bytes = {10, 2}},
        .destination = {.family = ARCTIC_FAMILY_IPV4, .bytes = {11, 0, 2}},
        .interface = "mv0",
    };
    size_t leaked;
    size_t matched;
    assert_ok(arctic_route_table_create(&table, &error), error);
    assert_true(fill(table));
    alloc_failure_start(1);
    int code = arctic_route_table_match(table, &flow, &match, NULL);
    int many = arctic_route_table_match_many(table, &flow, 1, &match, &matched, NULL);
    assert_false(alloc_failure_stop(&leaked));
    assert_int_equal(code, ARCTIC_OK);
    assert_int_equal(many, ARCTIC_OK);
    assert_int_equal(matched, 1);
    assert_int_equal(match.route_id, 3);
    arctic_route_table_free(table);
}

/* What removed routes had is there for others: a table that changes forever does not grow forever. */
static void test_removed_routes_leave_nothing(void **state)
{
    (void)state;
    struct arctic_route_table *table;
    struct arctic_error error;
    size_t leaked;
    assert_ok(arctic_route_table_create(&table, &error), error);
    assert_ok(arctic_route_table_add_service(table, &second, "mv0", &error), error);
    for (unsigned i = 0; i < 1000; i++) {
        uint8_t low = (uint8_t)i;
        uint8_t high = (uint8_t)(i >> 8);
        struct arctic_cidr source = {.address = {.family = ARCTIC_FAMILY_IPV4, .bytes = {10, high, low}},
                                     .length = 24};
        struct arctic_cidr wide = {.address = {.family = ARCTIC_FAMILY_IPV4, .bytes = {high, low}},
                                   .length = 16};
        if (i == 2)
            alloc_failure_start(1); /* by now there is memory for two routes */
        assert_ok(arctic_route_table_add_route(table, &second, 1, &source, &wide, 100, &error), error);
        assert_ok(arctic_route_table_add_route(table, &second, 2, &wide, NULL, 100, &error), error);
        assert_ok(arctic_route_table_remove_route(table, &second, 1 + i % 2, &error), error);
        assert_ok(arctic_route_table_remove_route(table, &second, 2 - i % 2, &error), error);
    }
    assert_false(alloc_failure_stop(&leaked));
    arctic_route_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_filling),
        cmocka_unit_test(test_explaining),
        cmocka_unit_test(test_copying),
        cmocka_unit_test(test_matching_needs_no_memory),
        cmocka_unit_test(test_removed_routes_leave_nothing),
    };
    return cmocka_run_group_tests_name("match-memory", tests, NULL, NULL);
}
