/* Strict JSON and the readers of members. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/json.h"
#include "tests/unit/alloc-failure.h"

static int parse(const char *text, json_t **ret_object, struct arctic_error *error)
{
    return arci_json_parse(text, strlen(text), ret_object, error);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "5",
        "[]",
        "\"text\"",
        "null",
        "{",
        "{\"a\":1",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{\"a\":1,}",
        "{\"a\":01}",
        "{'a':1}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":\"\\u0000\"}",
        "{\"\\u0000\":1}",
        "{\"a\":\"\xff\"}",
        "{\"a\":99999999999999999999}",
        "{\"a\":{\"b\":1,\"b\":2}}",
        "{\"a\":NaN}",
        "{\"a\":\"\\ud800\"}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *object = NULL;
        struct arctic_error error = {0};
        if (parse(wrong[i], &object, &error) != ARCTIC_E_INVALID_REQUEST)
            fail_msg("'%s' was parsed", wrong[i]);
        assert_null(object);
        /* The message may quote the text and must still be writable as JSON. */
        ARCI_JSON *message = json_string(error.message);
        assert_non_null(message);
    }
}

static void test_nul_bytes_and_depth(void **state)
{
    (void)state;
    json_t *object = NULL;
    assert_int_equal(arci_json_parse("{\"a\":1}\0", 8, &object, NULL), ARCTIC_E_INVALID_REQUEST);
    static char deep[200000];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"a\":", 5);
    assert_int_equal(arci_json_parse(deep, sizeof deep, &object, NULL), ARCTIC_E_INVALID_REQUEST);
}

static void test_errors_name_the_place(void **state)
{
    (void)state;
    json_t *object = NULL;
    struct arctic_error error;
    assert_int_equal(parse("{\n  \"a\": ,\n}", &object, &error), ARCTIC_E_INVALID_REQUEST);
    assert_non_null(strstr(error.message, "line 2, column 8"));
}

static void test_canonical_text(void **state)
{
    (void)state;
    ARCI_JSON *object = NULL;
    struct arctic_error error;
    assert_ok(parse("{ \"b\" : [1, true, null], \"a\":\"\\u00fc/\\\"\\n\", \"B\":{} }", &object, &error),
              error);
    ARCI_FREE char *text = arci_json_canonical(object);
    assert_string_equal(text, "{\"B\":{},\"a\":\"\xc3\xbc/\\\"\\n\",\"b\":[1,true,null]}");
}

static void test_unknown_members(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", NULL};
    ARCI_JSON *object = NULL;
    struct arctic_error error;
    assert_ok(parse("{\"a\":1,\"c\\u001b[2J\":2}", &object, &error), error);
    assert_int_equal(arci_json_check_members(object, names, &error), ARCTIC_E_INVALID_REQUEST);
    assert_string_equal(error.field, "c?[2J");
    assert_string_equal(error.message, "unknown member 'c?[2J'");
    ARCI_JSON *known = NULL;
    assert_ok(parse("{\"b\":1}", &known, &error), error);
    assert_ok(arci_json_check_members(known, names, &error), error);
}

/* A field cut in the middle of a character would spoil the answer that carries it. */
static void test_long_names_are_cut_to_valid_text(void **state)
{
    (void)state;
    static const char *const names[] = {NULL};
    for (size_t extra = 0; extra < 4; extra++) {
        char name[256] = "xxxx";
        for (size_t i = extra; i + 4 < sizeof name; i += 3)
            memcpy(name + i, "\xe6\x9d\xb1", 4);
        ARCI_JSON *object = json_pack("{s:i}", name, 1);
        struct arctic_error error;
        assert_int_equal(arci_json_check_members(object, names, &error), ARCTIC_E_INVALID_REQUEST);
        ARCI_JSON *answer = json_pack("{s:s,s:s}", "error", error.message, "field", error.field);
        assert_non_null(answer);
    }
}

static void assert_error(int code, int wanted, const struct arctic_error *error, const char *message)
{
    assert_int_equal(code, wanted);
    assert_string_equal(error->message, message);
    assert_string_equal(error->field, "x");
}

static void test_wrong_types(void **state)
{
    (void)state;
    ARCI_JSON *object = NULL;
    struct arctic_error error;
    const char *text = "kept";
    int64_t number = 42;
    bool truth = true;
    const json_t *nested = NULL;
    char copy[4] = "abc";
    assert_ok(parse("{\"x\":[],\"null\":null,\"text\":\"long\",\"real\":1.0,\"five\":5}", &object, &error),
              error);
    assert_error(arci_json_text(object, "x", false, &text, &error), ARCTIC_E_INVALID_REQUEST, &error,
                 "'x' must be a string, not an array");
    assert_error(arci_json_integer(object, "x", false, 0, 9, &number, &error), ARCTIC_E_INVALID_REQUEST,
                 &error, "'x' must be an integer, not an array");
    assert_error(arci_json_boolean(object, "x", false, &truth, &error), ARCTIC_E_INVALID_REQUEST, &error,
                 "'x' must be true or false, not an array");
    assert_error(arci_json_object(object, "x", false, &nested, &error), ARCTIC_E_INVALID_REQUEST, &error,
                 "'x' must be an object, not an array");
    assert_int_equal(arci_json_array(object, "five", true, &nested, &error), ARCTIC_E_INVALID_REQUEST);
    assert_int_equal(arci_json_integer(object, "real", true, 0, 9, &number, &error),
                     ARCTIC_E_INVALID_REQUEST);
    assert_int_equal(arci_json_integer(object, "five", true, 6, 9, &number, &error),
                     ARCTIC_E_INVALID_REQUEST);
    assert_string_equal(error.message, "'five' must be between 6 and 9, not 5");
    assert_int_equal(arci_json_copy_text(object, "text", true, copy, sizeof copy, &error),
                     ARCTIC_E_INVALID_REQUEST);
    assert_string_equal(error.message, "'text' is longer than 3 bytes");
    assert_int_equal(arci_json_text(object, "null", true, &text, &error), ARCTIC_E_INVALID_REQUEST);
    assert_int_equal(arci_json_text(object, "absent", true, &text, &error), ARCTIC_E_MISSING_FIELD);
    assert_string_equal(error.field, "absent");
    /* Optional and absent, or null: nothing happens; so it does after every failure above. */
    assert_ok(arci_json_text(object, "null", false, &text, &error), error);
    assert_ok(arci_json_integer(object, "absent", false, 0, 1, &number, &error), error);
    assert_string_equal(text, "kept");
    assert_int_equal(number, 42);
    assert_true(truth);
    assert_null(nested);
    assert_string_equal(copy, "abc");
}

static void test_size_is_that_of_the_text(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"a\":[],\"b\":[1,-1,0,10,-9223372036854775808,9223372036854775807],\"c\":{\"d\":{\"e\":[[1]]}}}",
        "{\"escapes\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u000b\\u001f\\u007f/\"}",
        "{\"texts\":[\"\",\"\xc3\xa4\xe2\x82\xac\",true,false,null]}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *parsed = NULL;
        struct arctic_error error;
        assert_ok(arci_json_parse(texts[i], strlen(texts[i]), &parsed, &error), error);
        ARCI_JSON *object = parsed;
        ARCI_FREE char *canonical = arci_json_canonical(object);
        assert_int_equal(arci_json_size(object), strlen(canonical));
    }
}

static bool copy_attempt(void *context)
{
    ARCI_JSON *copy = arci_json_copy(context);
    if (copy)
        assert_true(json_equal(copy, context));
    return copy != NULL;
}

static void test_a_copy_is_whole_or_none(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1,[true,\"b\"],{\"c\":null}],\"d\":{\"e\":{\"f\":\"g\"}},\"h\":[[],{}]}";
    json_t *parsed = NULL;
    struct arctic_error error;
    assert_ok(arci_json_parse(text, strlen(text), &parsed, &error), error);
    ARCI_JSON *object = parsed;
    alloc_failure_try_all(copy_attempt, object);
}

struct texts {
    const json_t *value;
    const char *whole;
    const char *canonical;
};

static bool dump_attempt(void *context)
{
    const struct texts *texts = context;
    ARCI_FREE char *whole = arci_json_dump(texts->value, JSON_INDENT(1));
    ARCI_FREE char *canonical = arci_json_canonical(texts->value);
    if (whole)
        assert_string_equal(whole, texts->whole);
    if (canonical)
        assert_string_equal(canonical, texts->canonical);
    return whole && canonical;
}

static void test_a_text_is_whole_or_none(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a-name-that-is-longer-than-a-buffer-is-at-first\":[{\"another-such-name\":\"c\"}],"
        "\"b-and-one-more-of-that-kind\":{}}";
    json_t *parsed = NULL;
    struct arctic_error error;
    assert_ok(arci_json_parse(text, strlen(text), &parsed, &error), error);
    ARCI_JSON *object = parsed;
    ARCI_FREE char *whole = arci_json_dump(object, JSON_INDENT(1));
    struct texts texts = {object, whole, text};
    assert_non_null(strstr(whole, "  \"another-such-name\": \"c\"\n"));
    alloc_failure_try_all(dump_attempt, &texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_nul_bytes_and_depth),
        cmocka_unit_test(test_errors_name_the_place),
        cmocka_unit_test(test_canonical_text),
        cmocka_unit_test(test_unknown_members),
        cmocka_unit_test(test_long_names_are_cut_to_valid_text),
        cmocka_unit_test(test_wrong_types),
        cmocka_unit_test(test_size_is_that_of_the_text),
        cmocka_unit_test(test_a_copy_is_whole_or_none),
        cmocka_unit_test(test_a_text_is_whole_or_none),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
