/* Tables that follow from others while memory runs out: what is begun can be ended later, and then all is as if made at once. */
#include "tests/unit/unit.h"

#include <string.h>

#include <arctic/match.h>

#include "match/change.h"
#include "tests/unit/alloc-failure.h"
#include "tests/unit/kernel-services.h"

#define ROUNDS 10
#define FLOWS 40

struct step {
    const struct arctic_route_table *before;
    const struct random_services *wanted;
    const struct arctic_route_table *anew; /* of `wanted` */
    struct test_random dice;
};

static int apply(struct arctic_route_table *table, const struct random_services *wanted)
{
    int code = ARCTIC_OK;
    for (size_t i = 0; code >= 0 && i < wanted->count; i++) {
        const struct arci_kernel_service *service = &wanted->services[i];
        code = arci_route_table_set_service(table, &service->id, service->interface, service->routes,
                                            service->route_count, NULL);
    }
    return code;
}

/* Removal needs no memory. */
static void remove_unwanted(struct arctic_route_table *table, const struct random_services *wanted)
{
    for (unsigned number = 1; number <= SERVICES; number++) {
        struct arctic_id id;
        bool found = false;
        snprintf(id.text, sizeof id.text, "svc_%026u", number);
        for (size_t i = 0; i < wanted->count; i++)
            found = found || arctic_id_equal(&wanted->services[i].id, &id);
        if (!found)
            (void)arctic_route_table_remove_service(table, &id, NULL);
    }
}

static void assert_alike(struct test_random dice, const struct arctic_route_table *a,
                         const struct arctic_route_table *b)
{
    assert_int_equal(arctic_route_table_count(a), arctic_route_table_count(b));
    for (int i = 0; i < FLOWS; i++) {
        uint8_t family = test_random_below(&dice, 2) ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_IPV6;
        struct arctic_flow flow = {.source = random_address(&dice, family),
                                   .destination = random_address(&dice, family)};
        struct arctic_match left = {.route_id = 0}, right = {.route_id = 0};
        if (test_random_below(&dice, 2))
            snprintf(flow.interface, sizeof flow.interface, "own%u", test_random_below(&dice, SERVICES));
        int code = arctic_route_table_match(a, &flow, &left, NULL);
        assert_int_equal(arctic_route_table_match(b, &flow, &right, NULL), code);
        if (code == ARCTIC_OK) {
            assert_string_equal(left.service_id.text, right.service_id.text);
            assert_int_equal(left.route_id, right.route_id);
        }
    }
}

static bool change_attempt(void *context)
{
    const struct step *step = context;
    struct arctic_route_table *table = NULL;
    int code = arci_route_table_copy(step->before, &table, NULL);
    if (code < 0)
        return false;
    remove_unwanted(table, step->wanted);
    code = apply(table, step->wanted);
    bool changed = code == ARCTIC_OK;
    assert_true(changed || code == ARCTIC_E_NO_MEMORY);
    alloc_failure_relent();
    assert_int_equal(apply(table, step->wanted), ARCTIC_OK);
    assert_alike(step->dice, table, step->anew);
    arctic_route_table_free(table);
    return changed;
}

static struct arctic_route_table *make_anew(const struct random_services *wanted)
{
    struct arctic_route_table *table = NULL;
    assert_int_equal(arctic_route_table_create(&table, NULL), ARCTIC_OK);
    assert_int_equal(apply(table, wanted), ARCTIC_OK);
    return table;
}

static void changes_are_ended_later(void **state)
{
    (void)state;
    struct test_random dice = {23};
    for (int round = 0; round < ROUNDS; round++) {
        static struct random_services before, wanted;
        bool kept[SERVICES];
        random_services(&dice, &before);
        random_changes(&dice, &before, &wanted, kept);
        struct arctic_route_table *former = make_anew(&before);
        struct arctic_route_table *anew = make_anew(&wanted);
        struct step step = {former, &wanted, anew, dice};
        alloc_failure_try_all(change_attempt, &step);
        arctic_route_table_free(former);
        arctic_route_table_free(anew);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(changes_are_ended_later)};
    return cmocka_run_group_tests_name("match-change", tests, NULL, NULL);
}
