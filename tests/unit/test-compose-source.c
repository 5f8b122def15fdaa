/* The text of compose files: the way between places and offsets, in lines of any length and with characters of any. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/buffer.h"
#include "compose/faults.h"
#include "compose/source.h"
#include "tests/unit/random.h"

static struct arci_source read_source(const char *text, size_t length)
{
    struct arci_source source = {0};
    struct arci_faults faults = {0};
    struct arctic_error error;
    assert_ok(arci_source_read(text, length, &source, &faults, &error), error);
    assert_int_equal(faults.count, 0);
    arci_faults_release(&faults);
    return source;
}

static bool continues(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Every character of a text is where counting from its beginning says. */
static void check_places(const struct arci_source *source)
{
    struct arci_place place = {0};
    for (size_t at = 0; at < source->length; at++) {
        if (continues(source->text[at]))
            continue;
        struct arci_place told = arci_source_place(source, at);
        assert_int_equal(told.line, place.line);
        assert_int_equal(told.column, place.column);
        assert_int_equal(arci_source_offset(source, place), at);
        place.column++;
        if (source->text[at] != '\n')
            continue;
        /* Behind the end of a line is its end. */
        place.column += 1000;
        assert_int_equal(arci_source_offset(source, place), at);
        place = (struct arci_place){.line = place.line + 1};
    }
    place.column += 1000;
    assert_int_equal(arci_source_offset(source, place), source->length);
    place.line++;
    assert_int_equal(arci_source_offset(source, place), source->length);
}

static void test_places(void **state)
{
    static const char *const pieces[] = {"a", "bc", "\xc3\xa4", "\xe6\xbc\xa2", "\xf0\x9f\x98\x80", " "};
    (void)state;
    struct test_random random = {20261128};
    for (size_t round = 0; round < 200; round++) {
        struct arci_buffer text = {.limit = 0};
        size_t count = test_random_below(&random, 2000);
        uint32_t line_length = 1 + test_random_below(&random, 1000);
        for (size_t i = 0; i < count; i++) {
            bool ends = test_random_below(&random, line_length) == 0;
            size_t piece = test_random_below(&random, (uint32_t)(sizeof pieces / sizeof pieces[0]));
            arci_buffer_text(&text, ends ? "\n" : pieces[piece]);
        }
        struct arci_source source = read_source(text.data ? (char *)text.data : "", text.length);
        check_places(&source);
        arci_source_release(&source);
        arci_buffer_release(&text);
    }
}

static void test_places_of_faults(void **state)
{
    (void)state;
    static const char text[] = "\xc3\xa4\xff\x80x\x01\n\xc2\x9b\x01";
    static const struct arci_place expected[] = {{0, 1}, {0, 2}, {0, 4}, {1, 0}, {1, 2}};
    struct arci_source source = {0};
    struct arci_faults faults = {0};
    struct arctic_error error;
    assert_ok(arci_source_read(text, sizeof text - 1, &source, &faults, &error), error);
    assert_int_equal(faults.count, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < faults.count; i++) {
        assert_int_equal(faults.items[i].line, expected[i].line + 1);
        assert_int_equal(faults.items[i].column, expected[i].column + 1);
    }
    check_places(&source);
    arci_faults_release(&faults);
    arci_source_release(&source);
}

/* As a program writes it that knows YAML as JSON; within the time of a test only where no place is counted from the line's beginning. */
static void test_all_on_one_line(void **state)
{
    (void)state;
    enum { LENGTH = 8000000 };
    struct arci_buffer text = {.limit = 0};
    while (text.length < LENGTH)
        arci_buffer_text(&text, "0123456789abcde\xc3\xa4");
    struct arci_source source = read_source((char *)text.data, text.length);
    for (size_t at = 0; at < text.length; at += 16)
        arci_source_offset(&source, arci_source_place(&source, at));
    arci_source_release(&source);
    arci_buffer_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_places_of_faults),
        cmocka_unit_test(test_all_on_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
