/* Repairs: counted, said once each, and slower and slower where something keeps undoing them. */
#include "tests/unit/unit.h"

#include <string.h>

#include "kernel/repairs.h"

struct lines {
    int count;
    char last[2048];
};

static void take_line(void *user, int32_t level, const char *line, size_t length)
{
    struct lines *lines = user;
    assert_int_equal(level, ARCTIC_LOG_WARN);
    assert_true(length < sizeof lines->last);
    lines->count++;
    memcpy(lines->last, line, length + 1);
}

static struct arci_repairs make(struct lines *lines)
{
    struct arctic_error error;
    struct arci_repairs repairs = {0};
    *lines = (struct lines){0};
    assert_ok(arctic_log_create(ARCTIC_LOG_INFO, ARCTIC_LOG_JSON, take_line, lines, &repairs.log, &error),
              error);
    return repairs;
}

static int64_t note(struct arci_repairs *repairs, int64_t now)
{
    arci_repairs_note(repairs, ARCI_REPAIR_TABLE, "the table was deleted by someone", "made anew", now);
    return arci_repairs_wait(repairs, ARCI_REPAIR_TABLE, now);
}

static void test_each_of_the_first_is_made_at_once_and_said(void **state)
{
    struct lines lines;
    struct arci_repairs repairs = make(&lines);
    char sentence[256];
    (void)state;
    for (unsigned i = 1; i < ARCI_REPAIRS_AT_ONCE; i++) {
        assert_int_equal(note(&repairs, 1000 + i), 0);
        assert_int_equal(lines.count, i);
        assert_non_null(strstr(lines.last, "the table was deleted by someone"));
        assert_non_null(strstr(lines.last, "made anew"));
        assert_int_equal(repairs.items[ARCI_REPAIR_TABLE].count, i);
    }
    assert_false(arci_repairs_fight(&repairs, 2000, sentence, sizeof sentence));
    arctic_log_free(repairs.log);
}

static void test_a_fight_is_slowed_down_up_to_a_bound(void **state)
{
    static const int64_t waits[] = {0, 0, 0, 0, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct lines lines;
    struct arci_repairs repairs = make(&lines);
    int64_t now = 1000;
    (void)state;
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        assert_int_equal(note(&repairs, now), waits[i]);
        assert_int_equal(arci_repairs_wait(&repairs, ARCI_REPAIR_RULE, now), 0);
        now += waits[i];
        assert_int_equal(arci_repairs_wait(&repairs, ARCI_REPAIR_TABLE, now), 0);
    }
    assert_int_equal(lines.count, sizeof waits / sizeof *waits);
    arctic_log_free(repairs.log);
}

static void test_a_fight_is_named_and_forgotten_when_it_is_over(void **state)
{
    struct lines lines;
    struct arci_repairs repairs = make(&lines);
    char sentence[256] = "";
    (void)state;
    for (unsigned i = 0; i < ARCI_REPAIRS_AT_ONCE + 1; i++)
        note(&repairs, 1000 + i);
    assert_true(arci_repairs_fight(&repairs, 1010, sentence, sizeof sentence));
    assert_non_null(strstr(sentence, "nft table inet arctic"));
    assert_non_null(strstr(sentence, "6 times"));
    assert_non_null(strstr(sentence, "nft monitor"));
    int64_t later = 1010 + ARCI_REPAIRS_QUIET_MS + 1;
    assert_false(arci_repairs_fight(&repairs, later, sentence, sizeof sentence));
    assert_int_equal(note(&repairs, later), 0);
    arctic_log_free(repairs.log);
}

static void test_repairs_ahead_of_time_are_counted_and_not_said(void **state)
{
    struct lines lines;
    struct arci_repairs repairs = make(&lines);
    (void)state;
    for (unsigned i = 0; i < ARCI_REPAIRS_AT_ONCE; i++)
        note(&repairs, 1000);
    for (unsigned i = 0; i < 20; i++)
        note(&repairs, 1001 + i);
    assert_int_equal(repairs.items[ARCI_REPAIR_TABLE].count, ARCI_REPAIRS_AT_ONCE + 20);
    assert_int_equal(lines.count, ARCI_REPAIRS_AT_ONCE);
    arctic_log_free(repairs.log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_of_the_first_is_made_at_once_and_said),
        cmocka_unit_test(test_a_fight_is_slowed_down_up_to_a_bound),
        cmocka_unit_test(test_a_fight_is_named_and_forgotten_when_it_is_over),
        cmocka_unit_test(test_repairs_ahead_of_time_are_counted_and_not_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
