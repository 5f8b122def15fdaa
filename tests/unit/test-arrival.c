/* Two counters, and when they say that captured connections are dropped on their way. */
#include "tests/unit/unit.h"

#include "kernel/nft/arrival.h"

static void test_as_long_as_some_arrive_all_is_well(void **state)
{
    struct arci_arrival arrival = {0};
    (void)state;
    assert_false(arci_arrival_note(&arrival, 0, 0, 1000));
    assert_false(arci_arrival_note(&arrival, 1000, 1000, 2000));
    assert_false(arci_arrival_note(&arrival, 5000, 4000, 3000));
    assert_false(arci_arrival_note(&arrival, 5000, 4000, 4000));
}

static void test_one_that_is_on_its_way_is_not_missed(void **state)
{
    struct arci_arrival arrival = {0};
    (void)state;
    assert_false(arci_arrival_note(&arrival, 1, 0, 1000));
    assert_false(arci_arrival_note(&arrival, 1, 0, 3000));
    assert_true(arci_arrival_note(&arrival, 2, 0, 5000));
}

static void test_it_is_spoken_of_until_one_arrives_or_for_a_while(void **state)
{
    struct arci_arrival arrival = {0};
    int64_t end = 1000 + ARCI_ARRIVAL_SPOKEN_OF_MS;
    (void)state;
    assert_true(arci_arrival_note(&arrival, 3, 0, 1000));
    assert_true(arci_arrival_note(&arrival, 3, 0, end - 1));
    assert_false(arci_arrival_note(&arrival, 3, 0, end));
    assert_true(arci_arrival_note(&arrival, 4, 0, end + 1000));
    assert_false(arci_arrival_note(&arrival, 5, 1, end + 2000));
    assert_false(arci_arrival_note(&arrival, 6, 1, end + 3000));
}

static void test_counters_that_begin_anew(void **state)
{
    struct arci_arrival arrival = {0};
    (void)state;
    assert_false(arci_arrival_note(&arrival, 1000, 1000, 1000));
    assert_false(arci_arrival_note(&arrival, 5, 4, 2000));
    assert_true(arci_arrival_note(&arrival, 3, 0, 3000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_long_as_some_arrive_all_is_well),
        cmocka_unit_test(test_one_that_is_on_its_way_is_not_missed),
        cmocka_unit_test(test_it_is_spoken_of_until_one_arrives_or_for_a_while),
        cmocka_unit_test(test_counters_that_begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
