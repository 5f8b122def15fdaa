/* Option structs between callers and libraries of different ages. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/options.h"

struct old_options {
    size_t size;
    uint64_t first;
};

struct options {
    size_t size;
    uint64_t first;
    uint64_t second;
};

struct new_options {
    size_t size;
    uint64_t first;
    uint64_t second;
    uint64_t third;
};

static void test_same_size(void **state)
{
    (void)state;
    struct options taken;
    struct arctic_error error = {0};
    const struct options given = {sizeof given, 1, 2};
    assert_ok(arci_options_take(&given, &taken, sizeof taken, "options", &error), error);
    assert_memory_equal(&taken, &given, sizeof given);
}

static void test_older_caller(void **state)
{
    (void)state;
    struct options taken;
    struct arctic_error error = {0};
    memset(&taken, 0xff, sizeof taken);
    const struct old_options given = {sizeof given, 1};
    assert_ok(arci_options_take(&given, &taken, sizeof taken, "options", &error), error);
    assert_int_equal(taken.size, sizeof taken);
    assert_int_equal(taken.first, 1);
    assert_int_equal(taken.second, 0);
}

static void test_newer_caller(void **state)
{
    (void)state;
    struct options taken;
    struct arctic_error error = {0};
    struct new_options given = {sizeof given, 1, 2, 0};
    assert_ok(arci_options_take(&given, &taken, sizeof taken, "options", &error), error);
    assert_int_equal(taken.second, 2);
    given.third = (uint64_t)1 << 63;
    struct options untouched = {0};
    assert_int_equal(arci_options_take(&given, &untouched, sizeof untouched, "tunnel options", &error),
                     ARCTIC_E_USAGE);
    assert_string_equal(error.message,
                        "tunnel options: a member is set that this version of the library does not know");
    assert_int_equal(untouched.size, 0);
}

static void test_size_was_not_set(void **state)
{
    (void)state;
    struct options taken;
    struct arctic_error error = {0};
    struct options given = {0};
    assert_int_equal(arci_options_take(&given, &taken, sizeof taken, "options", &error), ARCTIC_E_USAGE);
    assert_string_equal(error.message, "options: the size member is 0, set it to sizeof the struct");
    given.size = sizeof(size_t) - 1;
    assert_int_equal(arci_options_take(&given, &taken, sizeof taken, "options", &error), ARCTIC_E_USAGE);
    given.size = SIZE_MAX;
    assert_int_equal(arci_options_take(&given, &taken, sizeof taken, "options", &error), ARCTIC_E_USAGE);
    assert_int_equal(arci_options_take(NULL, &taken, sizeof taken, "options", &error), ARCTIC_E_USAGE);
}

static void test_results(void **state)
{
    (void)state;
    struct arctic_error error = {0};
    const struct options result = {sizeof result, 1, 2};
    struct old_options old = {.size = sizeof old};
    assert_ok(arci_options_give(&result, sizeof result, &old, "result", &error), error);
    assert_int_equal(old.size, sizeof old);
    assert_int_equal(old.first, 1);
    struct new_options new = {sizeof new, 9, 9, 9};
    assert_ok(arci_options_give(&result, sizeof result, &new, "result", &error), error);
    assert_int_equal(new.size, sizeof new);
    assert_int_equal(new.second, 2);
    assert_int_equal(new.third, 0);
    new.size = 0;
    assert_int_equal(arci_options_give(&result, sizeof result, &new, "result", &error), ARCTIC_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_size),    cmocka_unit_test(test_older_caller),
        cmocka_unit_test(test_newer_caller), cmocka_unit_test(test_size_was_not_set),
        cmocka_unit_test(test_results),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
