/*
 * The layout of compose files: examples, and for any text that can be laid out (kept ones, and ones made at random) the same data, the
 * same comments in the same order, and no change at a second time.
 */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/buffer.h"
#include "tests/unit/compose-checks.h"
#include "tests/unit/random.h"

static void assert_layout(const char *text, const char *expected)
{
    char *laid_out = compose_layout(text);
    if (!laid_out)
        fail_msg("cannot be laid out:\n%s", text);
    if (strcmp(laid_out, expected) != 0)
        fail_msg("of\n%s\nexpected\n%s\nis\n%s", text, expected, laid_out);
    free(laid_out);
    compose_check_layout(text);
}

static void test_examples(void **state)
{
    (void)state;
    assert_layout("a:   1   # one\nb:\n- x\n-   y # two\n", "a: 1  # one\n\nb:\n  - x\n  - y  # two\n");
    assert_layout("a: {b:  1,c: [ 1,2 ]}\n", "a: {b: 1, c: [1, 2]}\n");
    assert_layout("a: [\n  1, # one\n  2 ] # two\n", "a:\n  - 1  # one\n  - 2  # two\n");
    assert_layout("a: { # first\n  b: 1 }\n", "a:  # first\n  b: 1\n");
    assert_layout("# head\n\n\n\na: 1\n\n\n# tail\n", "# head\n\na: 1\n\n# tail\n");
    assert_layout("a:\n    - b: 1\n      # end of the item\n    # end of the list\n# of c\nc: 2\n",
                  "a:\n  - b: 1\n    # end of the item\n  # end of the list\n# of c\nc: 2\n");
    assert_layout("a: # why\n  1\n", "# why\na: 1\n");
    assert_layout("a:\n  - # why\n    b: 1\n", "a:\n  # why\n  - b: 1\n");
    assert_layout("a: one\n  line\n", "a: \"one line\"\n");
    assert_layout("a: 'x # y'  # z\nb: \"# no\"\nc: d#e\n", "a: 'x # y'  # z\nb: \"# no\"\nc: d#e\n");
    assert_layout("--- # mark\na: ~\nb:\n", "---  # mark\na: ~\nb:\n");
    assert_layout("{\"a\": {}, \"b\": []}\n", "\"a\": {}\n\"b\": []\n");
    assert_layout("a: 1\nb:\n  c: 2\n", "a: 1\n\nb:\n  c: 2\n");
    assert_layout("  a: 1\n  # odd\n", "a: 1\n# odd\n");
    assert_layout("a: {b: -, c: [\n-,\n-]}\n", "a:\n  b: \"-\"\n  c:\n    - \"-\"\n    - \"-\"\n");
    assert_layout(arctic_compose_template(), arctic_compose_template());
}

/* A key that would need more room on its line than YAML gives it is none of ours. */
static void test_keys_that_do_not_fit_on_a_line(void **state)
{
    (void)state;
    for (size_t newlines = 1; newlines < 400; newlines += 7) {
        ARCI_BUFFER text = {.limit = 0};
        arci_buffer_text(&text, "a: {b");
        for (size_t i = 0; i < newlines; i++)
            arci_buffer_text(&text, "\n");
        arci_buffer_text(&text, "c}\n");
        bool readable = compose_check_layout((char *)text.data);
        assert_int_equal(readable, newlines < 100);
    }
}

static const char *const pieces[] = {
    "a: ",
    "b: ",
    "c: ",
    "d: ",
    "\n",
    "\n",
    "\n",
    "\n",
    "\n  ",
    "\n    ",
    "\n- ",
    "\n  - ",
    "\n    - ",
    "\n      - ",
    "- ",
    "? ",
    ": ",
    "# c1\n",
    "# c2 'x\n",
    " # c3",
    "  # \"c4\n",
    "#c5\n",
    "\n      # c6\n",
    "\n  # c7\n",
    "\n# c8\n",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ", ",
    "x",
    "y z",
    "'q # r'",
    "\"s\\n: t\"",
    "'two\n  lines'",
    "1",
    "true",
    "~",
    "\xc3\xa4",
    "10.0.0.0/8",
    "\"10.0.1.10:8080\"",
    "---\n",
    "...\n",
    " ",
    "  ",
    "\t",
    "a:b",
    "e: f # g\n",
    "k: {a: 1, b: [x, y]} # end\n",
    "name: v\n",
    "- n: 1\n  m: 2\n",
    "-\n",
    "[-, ",
    "{a: -,",
    "-",
};

static size_t lay_out_random(struct test_random *random, size_t rounds)
{
    size_t readable = 0;
    for (size_t round = 0; round < rounds; round++) {
        struct arci_buffer text = {.limit = 0};
        arci_buffer_text(&text, round % 2 ? "a:\n" : "");
        size_t count = 1 + test_random_below(random, 24);
        for (size_t i = 0; i < count; i++)
            arci_buffer_text(&text,
                             pieces[test_random_below(random, (uint32_t)(sizeof pieces / sizeof pieces[0]))]);
        readable += compose_check_layout((char *)text.data);
        arci_buffer_release(&text);
    }
    return readable;
}

static void test_random_texts(void **state)
{
    struct test_random random = {.state = 20261123};
    (void)state;
    /* Most texts are no YAML; those that are, are enough to be worth it. */
    assert_true(lay_out_random(&random, 60000) > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_keys_that_do_not_fit_on_a_line),
        cmocka_unit_test(test_random_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
