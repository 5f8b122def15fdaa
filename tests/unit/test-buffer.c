/* The growing buffer: what it holds, its limit, and that a failure sticks. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "tests/unit/alloc-failure.h"

static void test_building_a_text(void **state)
{
    (void)state;
    ARCI_BUFFER buffer = {0};
    arci_buffer_text(&buffer, "a");
    arci_buffer_format(&buffer, "-%d-%s", 42, "b");
    arci_buffer_append(&buffer, "\0c", 2);
    assert_false(buffer.failed);
    assert_int_equal(buffer.length, 8);
    assert_memory_equal(buffer.data, "a-42-b\0c", 9);
}

static void test_growing(void **state)
{
    (void)state;
    ARCI_BUFFER buffer = {0};
    for (int i = 0; i < 5000; i++)
        arci_buffer_format(&buffer, "%04d", i);
    assert_int_equal(buffer.length, 20000);
    for (int i = 0; i < 5000; i++) {
        char wanted[8];
        snprintf(wanted, sizeof wanted, "%04d", i);
        assert_memory_equal(buffer.data + 4 * i, wanted, 4);
    }
    assert_int_equal(buffer.data[buffer.length], 0);
}

static void test_limit(void **state)
{
    (void)state;
    ARCI_BUFFER buffer = {.limit = 5};
    arci_buffer_text(&buffer, "1234");
    assert_false(buffer.failed);
    arci_buffer_text(&buffer, "56");
    assert_true(buffer.failed);
    /* What would fit now would make a text with a hole in it. */
    arci_buffer_text(&buffer, "7");
    assert_string_equal((char *)buffer.data, "1234");
    assert_null(arci_buffer_take_text(&buffer));
    arci_buffer_text(&buffer, "again");
    assert_false(buffer.failed);
    arci_buffer_format(&buffer, "%s", "more");
    assert_true(buffer.failed);
    arci_buffer_clear(&buffer);
    assert_false(buffer.failed);
    assert_string_equal((char *)buffer.data, "");
}

static void test_consuming(void **state)
{
    (void)state;
    ARCI_BUFFER buffer = {0};
    arci_buffer_consume(&buffer, 0);
    arci_buffer_text(&buffer, "abcdef");
    arci_buffer_consume(&buffer, 2);
    assert_string_equal((char *)buffer.data, "cdef");
    arci_buffer_consume(&buffer, 4);
    assert_int_equal(buffer.length, 0);
    assert_string_equal((char *)buffer.data, "");
}

static void test_taking_the_text(void **state)
{
    (void)state;
    ARCI_BUFFER buffer = {0};
    ARCI_FREE char *empty = arci_buffer_take_text(&buffer);
    assert_string_equal(empty, "");
    arci_buffer_text(&buffer, "text");
    ARCI_FREE char *text = arci_buffer_take_text(&buffer);
    assert_string_equal(text, "text");
    assert_null(buffer.data);
    assert_int_equal(buffer.length, 0);
}

static bool build_attempt(void *context)
{
    (void)context;
    ARCI_BUFFER buffer = {0};
    for (int i = 0; i < 300; i++)
        arci_buffer_format(&buffer, "line %d\n", i);
    ARCI_FREE char *text = arci_buffer_take_text(&buffer);
    return text && strstr(text, "line 299\n");
}

static void test_out_of_memory(void **state)
{
    (void)state;
    alloc_failure_try_all(build_attempt, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_building_a_text), cmocka_unit_test(test_growing),
        cmocka_unit_test(test_limit),           cmocka_unit_test(test_consuming),
        cmocka_unit_test(test_taking_the_text), cmocka_unit_test(test_out_of_memory),
    };
    return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
