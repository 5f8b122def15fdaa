/* Reachability on a clock of the test's own: when a target peer fails, when it is trusted again, and how often that can change. */
#include "tests/unit/unit.h"

#include <stdbool.h>
#include <string.h>

#include "agent/services/reachability.h"
#include "tests/unit/random.h"

#define LOOK_MS 250
#define ANSWER_MS 500
#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

/* A peer that is watched: it answers every half second while it is up. */
struct watched {
    struct arci_reachability state;
    int64_t now;
    bool up;
    size_t change_count;
    int64_t changes[4096];
};

static void look(struct watched *watched)
{
    bool before = watched->state.trusted;
    bool after = arci_reachability_look(&watched->state, watched->now);
    if (before == after)
        return;
    assert_true(watched->change_count < sizeof watched->changes / sizeof watched->changes[0]);
    watched->changes[watched->change_count++] = watched->now;
}

static void pass(struct watched *watched, int64_t duration)
{
    for (int64_t end = watched->now + duration; watched->now < end; look(watched)) {
        watched->now += LOOK_MS;
        if (watched->up && watched->now % ANSWER_MS == 0)
            arci_reachability_heard(&watched->state, watched->now);
    }
}

static struct watched begin(void)
{
    struct watched watched = {.now = 1000 * SECOND, .up = true};
    arci_reachability_heard(&watched.state, watched.now);
    look(&watched);
    assert_true(watched.state.trusted);
    watched.change_count = 0;
    return watched;
}

/* One failure and the return, as fast as both can be. */
static void fail_once(struct watched *watched)
{
    watched->up = false;
    pass(watched, 4 * SECOND);
    assert_false(watched->state.trusted);
    watched->up = true;
}

static void nobody_is_trusted_before_a_first_answer(void **state)
{
    (void)state;
    struct watched watched = {.now = 1000 * SECOND};
    pass(&watched, MINUTE);
    assert_false(watched.state.trusted);
    assert_int_equal(watched.state.failed_count, 0);
    assert_int_equal(arci_reachability_trusted_at(&watched.state), 0);
    watched.up = true;
    pass(&watched, ANSWER_MS);
    assert_true(watched.state.trusted);
}

static void three_seconds_of_silence_are_a_failure_and_less_is_none(void **state)
{
    (void)state;
    struct watched watched = begin();
    pass(&watched, 10 * SECOND);
    watched.up = false;
    pass(&watched, 3 * SECOND - ANSWER_MS);
    assert_true(watched.state.trusted);
    watched.up = true;
    pass(&watched, 10 * SECOND);
    assert_int_equal(watched.change_count, 0);
    watched.up = false;
    pass(&watched, 10 * SECOND);
    assert_int_equal(watched.change_count, 1);
    assert_int_equal(watched.changes[0], watched.state.heard_at + ARCI_REACHABILITY_SILENT_MS);
    assert_int_equal(watched.state.failed_count, 1);
}

static void one_outage_waits_for_five_seconds_of_answers(void **state)
{
    (void)state;
    static const int64_t outages[] = {4 * SECOND, 30 * SECOND, MINUTE, 90 * MINUTE};
    for (size_t i = 0; i < sizeof outages / sizeof outages[0]; i++) {
        struct watched watched = begin();
        watched.up = false;
        pass(&watched, outages[i]);
        watched.up = true;
        int64_t first_answer = watched.now + ANSWER_MS;
        pass(&watched, 10 * SECOND);
        assert_int_equal(watched.change_count, 2);
        assert_int_equal(watched.changes[1], first_answer + ARCI_REACHABILITY_SETTLE_MS);
    }
}

static void a_pause_begins_the_five_seconds_anew(void **state)
{
    (void)state;
    struct watched watched = begin();
    fail_once(&watched);
    pass(&watched, 4 * SECOND);
    watched.up = false;
    pass(&watched, 4 * SECOND);
    watched.up = true;
    int64_t first_answer = watched.now + ANSWER_MS;
    assert_int_equal(arci_reachability_trusted_at(&watched.state), 0);
    pass(&watched, 10 * SECOND);
    assert_int_equal(watched.change_count, 2);
    assert_int_equal(watched.changes[1], first_answer + ARCI_REACHABILITY_SETTLE_MS);
    assert_int_equal(watched.state.failed_count, 1);
}

static void a_refused_connection_needs_no_wait(void **state)
{
    (void)state;
    struct watched watched = begin();
    arci_reachability_gone(&watched.state, watched.now);
    look(&watched);
    assert_false(watched.state.trusted);
    /* Each further attempt says the same of the same failure. */
    arci_reachability_gone(&watched.state, watched.now + SECOND);
    assert_int_equal(watched.state.failed_count, 1);
}

static void a_second_failure_within_a_minute_waits_for_its_end(void **state)
{
    (void)state;
    struct watched watched = begin();
    fail_once(&watched);
    pass(&watched, 10 * SECOND);
    fail_once(&watched);
    pass(&watched, SECOND);
    assert_int_equal(watched.change_count, 3);
    assert_int_equal(arci_reachability_trusted_at(&watched.state), watched.changes[0] + MINUTE);
    pass(&watched, MINUTE);
    assert_int_equal(watched.change_count, 4);
    assert_int_equal(watched.changes[3], watched.changes[0] + MINUTE);
}

static void waits_grow_with_failures_and_are_forgotten_in_quiet(void **state)
{
    (void)state;
    static const int64_t minutes[] = {1, 2, 4, 8, 8};
    struct watched watched = begin();
    fail_once(&watched);
    pass(&watched, 10 * SECOND);
    for (size_t i = 0; i < sizeof minutes / sizeof minutes[0]; i++) {
        fail_once(&watched);
        pass(&watched, SECOND);
        assert_int_equal(arci_reachability_quarantine(&watched.state), minutes[i] * MINUTE);
        assert_int_equal(arci_reachability_trusted_at(&watched.state),
                         watched.state.failed_before + minutes[i] * MINUTE);
        while (!watched.state.trusted)
            pass(&watched, SECOND);
    }
    pass(&watched, 8 * MINUTE + SECOND);
    fail_once(&watched);
    pass(&watched, SECOND);
    assert_int_equal(watched.state.failures, 1);
    assert_int_equal(arci_reachability_trusted_at(&watched.state),
                     watched.state.answers_since + ARCI_REACHABILITY_SETTLE_MS);
}

/* Changes within the 60 s that end with the last one. */
static size_t changes_in_a_minute(const struct watched *watched, size_t last)
{
    size_t first = last;
    while (first > 0 && watched->changes[last] - watched->changes[first - 1] < MINUTE)
        first--;
    return last - first + 1;
}

static void twenty_flaps_in_a_minute_are_four_changes_at_most(void **state)
{
    (void)state;
    for (int64_t down = LOOK_MS; down < 3 * SECOND; down += LOOK_MS) {
        struct watched watched = begin();
        for (int flap = 0; flap < 20; flap++) {
            /* The peer's process ends: every connection to it is refused. */
            watched.up = false;
            arci_reachability_gone(&watched.state, watched.now);
            look(&watched);
            pass(&watched, down);
            watched.up = true;
            pass(&watched, 3 * SECOND - down);
        }
        assert_true(watched.state.failed_count > 0);
        assert_true(watched.state.failed_count <= 2);
        pass(&watched, 2 * MINUTE);
        assert_true(watched.state.trusted);
    }
}

static void no_pattern_makes_more_than_four_changes_in_a_minute(void **state)
{
    (void)state;
    struct test_random dice = {20};
    for (int round = 0; round < 200; round++) {
        struct watched watched = begin();
        int64_t longest = SECOND * (int64_t)(1 + test_random_below(&dice, 60));
        for (int flap = 0; flap < 60; flap++) {
            watched.up = !watched.up;
            pass(&watched, LOOK_MS * (int64_t)(1 + test_random_below(&dice, (uint32_t)(longest / LOOK_MS))));
        }
        for (size_t i = 0; i < watched.change_count; i++)
            assert_true(changes_in_a_minute(&watched, i) <= 4);
    }
}

/* The worst that can be done: it fails in the moment in which it is trusted again. */
static void an_adversary_makes_no_more_either(void **state)
{
    (void)state;
    struct watched watched = begin();
    for (int round = 0; round < 40; round++) {
        arci_reachability_gone(&watched.state, watched.now);
        watched.changes[watched.change_count++] = watched.now;
        while (!watched.state.trusted)
            pass(&watched, LOOK_MS);
    }
    for (size_t i = 0; i < watched.change_count; i++)
        assert_true(changes_in_a_minute(&watched, i) <= 4);
}

static void time_in_which_nobody_looked_is_no_silence(void **state)
{
    (void)state;
    struct watched watched = begin();
    pass(&watched, SECOND);
    watched.now += 20 * SECOND; /* this process was stopped; answers wait in its sockets */
    look(&watched);
    assert_true(watched.state.trusted);
    pass(&watched, 10 * SECOND);
    assert_int_equal(watched.change_count, 0);
    watched.up = false;
    watched.now += 20 * SECOND;
    look(&watched);
    assert_true(watched.state.trusted);
    pass(&watched, 3 * SECOND);
    assert_false(watched.state.trusted);
}

static void stalls_do_not_count_as_answers(void **state)
{
    (void)state;
    struct watched watched = begin();
    fail_once(&watched);
    pass(&watched, SECOND);
    watched.now += 20 * SECOND;
    look(&watched);
    assert_false(watched.state.trusted);
    pass(&watched, 5 * SECOND);
    assert_true(watched.state.trusted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_trusted_before_a_first_answer),
        cmocka_unit_test(three_seconds_of_silence_are_a_failure_and_less_is_none),
        cmocka_unit_test(one_outage_waits_for_five_seconds_of_answers),
        cmocka_unit_test(a_pause_begins_the_five_seconds_anew),
        cmocka_unit_test(a_refused_connection_needs_no_wait),
        cmocka_unit_test(a_second_failure_within_a_minute_waits_for_its_end),
        cmocka_unit_test(waits_grow_with_failures_and_are_forgotten_in_quiet),
        cmocka_unit_test(twenty_flaps_in_a_minute_are_four_changes_at_most),
        cmocka_unit_test(no_pattern_makes_more_than_four_changes_in_a_minute),
        cmocka_unit_test(an_adversary_makes_no_more_either),
        cmocka_unit_test(time_in_which_nobody_looked_is_no_silence),
        cmocka_unit_test(stalls_do_not_count_as_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
