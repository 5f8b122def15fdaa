/* RFC 3339 in and out. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/time.h"

static void test_format(void **state)
{
    (void)state;
    static const struct {
        int64_t milliseconds;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {1767323045678, "2026-01-02T03:04:05.678Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-62135596800000, "0001-01-01T00:00:00.000Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[ARCI_TIME_TEXT];
        int64_t back;
        struct arctic_error error;
        assert_string_equal(arci_time_format(cases[i].milliseconds, text), cases[i].text);
        assert_ok(arci_time_parse(text, &back, &error), error);
        assert_int_equal(back, cases[i].milliseconds);
    }
    /* The ends of the range fit the buffer. */
    char text[ARCI_TIME_TEXT];
    assert_string_equal(arci_time_format(INT64_MAX, text), "292278994-08-17T07:12:55.807Z");
    assert_string_equal(arci_time_format(INT64_MIN, text), "-292275055-05-16T16:47:04.192Z");
}

static void test_parse(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t milliseconds;
    } cases[] = {
        {"2026-01-02T03:04:05Z", 1767323045000},         {"2026-01-02T03:04:05.6Z", 1767323045600},
        {"2026-01-02T03:04:05.6789999Z", 1767323045678}, {"2026-01-02T05:34:05+02:30", 1767323045000},
        {"2026-01-01T22:04:05-05:00", 1767323045000},    {"2016-12-31T23:59:60Z", 1483228799000},
        {"2024-02-29T00:00:00Z", 1709164800000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t milliseconds;
        struct arctic_error error;
        assert_ok(arci_time_parse(cases[i].text, &milliseconds, &error), error);
        assert_int_equal(milliseconds, cases[i].milliseconds);
    }
}

static void test_what_is_no_time(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "2026",
        "2026-01-02",
        "2026-01-02T03:04:05",
        "2026-01-02 03:04:05Z",
        "2026-01-02T03:04:05.Z",
        "2026-01-02T03:04:05Zx",
        "2026-01-02T03:04:05Z ",
        " 2026-01-02T03:04:05Z",
        "26-01-02T03:04:05Z",
        "2026-1-02T03:04:05Z",
        "2026-00-02T03:04:05Z",
        "2026-13-02T03:04:05Z",
        "2026-01-00T03:04:05Z",
        "2026-01-32T03:04:05Z",
        "2026-02-29T03:04:05Z",
        "1900-02-29T03:04:05Z",
        "2026-04-31T03:04:05Z",
        "2026-01-02T24:04:05Z",
        "2026-01-02T03:60:05Z",
        "2026-01-02T03:04:61Z",
        "2026-01-02T03:04:05+24:00",
        "2026-01-02T03:04:05+01:60",
        "2026-01-02T03:04:05+0100",
        "-026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.123456789012345678901234567890X",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t milliseconds = 42;
        struct arctic_error error;
        if (arci_time_parse(wrong[i], &milliseconds, &error) != ARCTIC_E_INVALID_REQUEST)
            fail_msg("'%s' was taken for a time", wrong[i]);
        assert_int_equal(milliseconds, 42);
    }
}

static void test_clocks(void **state)
{
    (void)state;
    int64_t before = arci_time_monotonic();
    assert_true(arci_time_monotonic() >= before);
    assert_true(arci_time_now() > 1767225600000);
}

/* Within its bounds, and all over them. */
static void test_scatter(void **state)
{
    (void)state;
    unsigned below = 0;
    unsigned above = 0;
    for (int i = 0; i < 1000; i++) {
        int64_t delay = arci_time_scatter(8000);
        assert_true(delay >= 6000 && delay <= 10000);
        below += delay < 6500;
        above += delay > 9500;
    }
    assert_true(below > 50 && above > 50);
    assert_int_equal(arci_time_scatter(0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format), cmocka_unit_test(test_parse),   cmocka_unit_test(test_what_is_no_time),
        cmocka_unit_test(test_clocks), cmocka_unit_test(test_scatter),
    };
    return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
