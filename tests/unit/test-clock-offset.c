/* What is known of a peer's clock from what it says over paths of any slowness. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>

#include "agent/peers/clock-offset.h"
#include "tests/unit/random.h"

#define NOW INT64_C(1800000000000)
#define SECOND INT64_C(1000)

/* A question of this host's and its answer, each on its way for so long; the peer's clock is ahead. Returns when it is over. */
static int64_t ask(struct arci_clock_offset *offset, int64_t at, int64_t ahead, int64_t out, int64_t back)
{
    arci_clock_offset_take(offset, at + out + ahead, at + out + back, out + back);
    return at + out + back;
}

/* What is told of the difference is what is sure. */
static int64_t ahead_of(const struct arci_clock_offset *offset)
{
    int64_t ahead = 0;
    assert_true(arci_clock_offset_ahead(offset, &ahead));
    return ahead;
}

static void nothing_is_known_at_first(void **state)
{
    struct arci_clock_offset offset = {0};
    int64_t ahead = 0;
    (void)state;
    assert_false(arci_clock_offset_ahead(&offset, &ahead));
    assert_false(offset.differs);
}

static void an_answer_that_waited_is_no_difference(void **state)
{
    struct arci_clock_offset offset = {0};
    (void)state;
    ask(&offset, NOW, 0, 10, 37 * SECOND);
    assert_false(offset.differs);
    assert_int_equal(ahead_of(&offset), 0);
    ask(&offset, NOW + 40 * SECOND, 0, 80 * SECOND, 10);
    assert_false(offset.differs);
}

/* What was on its way for long does not replace what is known better. */
static void the_narrowest_sample_counts(void **state)
{
    struct arci_clock_offset offset = {0};
    (void)state;
    int64_t now = ask(&offset, NOW, 2 * SECOND, 5, 5);
    assert_int_equal(ahead_of(&offset), 2 * SECOND - 5);
    now = ask(&offset, now, 2 * SECOND, 10, 37 * SECOND);
    assert_int_equal(ahead_of(&offset), 2 * SECOND - 5);
    ask(&offset, now, 2 * SECOND, 100 * SECOND, 10);
    assert_int_equal(ahead_of(&offset), 2 * SECOND - 5);
    assert_false(offset.differs);
}

static void a_clock_that_is_set_is_noticed(void **state)
{
    struct arci_clock_offset offset = {0};
    const int64_t steps[] = {45 * SECOND, -45 * SECOND, 3600 * SECOND, -86400 * SECOND};
    int64_t now = NOW;
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        now = ask(&offset, now, 0, 5, 5);
        assert_false(offset.differs);
        now = ask(&offset, now, steps[i], 20, 300);
        assert_true(offset.differs);
        assert_true(llabs(ahead_of(&offset) - steps[i]) <= 320);
    }
}

/* Neither way is sure: what was said before holds. */
static void doubt_changes_nothing(void **state)
{
    struct arci_clock_offset offset = {0};
    (void)state;
    ask(&offset, NOW, 40 * SECOND, 5, 5);
    assert_true(offset.differs);
    ask(&offset, NOW, 25 * SECOND, 10 * SECOND, SECOND);
    assert_true(offset.differs);
    ask(&offset, NOW, 25 * SECOND, 5, 5);
    assert_false(offset.differs);
    ask(&offset, NOW, 35 * SECOND, 15 * SECOND, 8 * SECOND);
    assert_true(offset.at_most > ARCI_CLOCK_OFFSET_LIMIT_MS);
    assert_false(offset.differs);
}

/* A peer that cannot be asked: what it sends unasked was on its way for nobody knows how long. */
static void what_comes_unasked(void **state)
{
    struct arci_clock_offset offset = {0};
    int64_t ahead = 0;
    (void)state;
    arci_clock_offset_take(&offset, NOW - 37 * SECOND, NOW, -1);
    assert_false(offset.differs);
    assert_false(arci_clock_offset_ahead(&offset, &ahead));
    arci_clock_offset_take(&offset, NOW + 45 * SECOND, NOW, -1);
    assert_true(offset.differs);
    assert_int_equal(ahead_of(&offset), 45 * SECOND);
    arci_clock_offset_take(&offset, NOW - 20, NOW, -1);
    assert_false(offset.differs);
    ask(&offset, NOW, 3 * SECOND, 5, 5);
    assert_int_equal(ahead_of(&offset), 3 * SECOND - 5);
    arci_clock_offset_take(&offset, NOW - 37 * SECOND, NOW, -1);
    assert_int_equal(ahead_of(&offset), 3 * SECOND - 5);
}

static void that_it_differs_outlives_the_samples(void **state)
{
    struct arci_clock_offset offset = {0};
    int64_t ahead = 0;
    (void)state;
    ask(&offset, NOW, 40 * SECOND, 5, 5);
    arci_clock_offset_forget(&offset);
    assert_true(offset.differs);
    assert_false(arci_clock_offset_ahead(&offset, &ahead));
    ask(&offset, NOW, 0, 5, 5);
    assert_false(offset.differs);
}

/* Over a thousand paths whose delays change with each sample, up to minutes. */
static void no_path_makes_a_clock_differ(void **state)
{
    struct test_random random = {1};
    (void)state;
    for (int path = 0; path < 1000; path++) {
        struct arci_clock_offset offset = {0};
        const int64_t ahead = (int64_t)test_random_below(&random, 60001) - 30000;
        const int64_t slowest = 1 + (int64_t)test_random_below(&random, 200000);
        int64_t now = NOW;
        for (int i = 0; i < 50; i++) {
            int64_t out = (int64_t)test_random_below(&random, (uint32_t)slowest);
            int64_t back = (int64_t)test_random_below(&random, (uint32_t)slowest);
            now = ask(&offset, now, ahead, out, back);
            assert_false(offset.differs);
            assert_true(offset.at_least <= ahead && ahead <= offset.at_most);
            arci_clock_offset_take(&offset, now - back + ahead, now, -1);
            assert_false(offset.differs);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_at_first),
        cmocka_unit_test(an_answer_that_waited_is_no_difference),
        cmocka_unit_test(the_narrowest_sample_counts),
        cmocka_unit_test(a_clock_that_is_set_is_noticed),
        cmocka_unit_test(doubt_changes_nothing),
        cmocka_unit_test(what_comes_unasked),
        cmocka_unit_test(that_it_differs_outlives_the_samples),
        cmocka_unit_test(no_path_makes_a_clock_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
