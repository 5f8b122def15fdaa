/* YAML and tables: what is written is read back as the same, and nothing in it steers a terminal. */
#include "tests/unit/unit.h"

#include <string.h>

#include "cli/counters.h"
#include "cli/output.h"
#include "cli/yaml.h"

static json_t *parse_yaml(const char *text)
{
    json_t *value = NULL;
    struct arctic_error error;
    assert_ok(cli_yaml_parse(text, strlen(text), "file", &value, &error), error);
    return value;
}

static void assert_yaml(const char *text, const char *json)
{
    json_t *value = parse_yaml(text);
    char *dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_string_equal(dumped, json);
    free(dumped);
    json_decref(value);
}

static void assert_bad_yaml(const char *text, const char *message)
{
    json_t *value = NULL;
    struct arctic_error error;
    assert_int_equal(cli_yaml_parse(text, strlen(text), "file", &value, &error), ARCTIC_E_INVALID_REQUEST);
    assert_null(value);
    if (!strstr(error.message, message))
        fail_msg("'%s' is missing in '%s'", message, error.message);
}

static void test_yaml_values(void **state)
{
    (void)state;
    assert_yaml("", "null");
    assert_yaml("a: 1\nb: -2\nc: 'x'\nd: \"1\"\ne: true\nf: ~\ng:\n",
                "{\"a\":1,\"b\":-2,\"c\":\"x\",\"d\":\"1\",\"e\":true,"
                "\"f\":null,\"g\":null}");
    assert_yaml("- 10.0.0.0/8\n- 1.5\n- [a, {b: c}]\n", "[\"10.0.0.0/8\",\"1.5\",[\"a\",{\"b\":\"c\"}]]");
    assert_yaml("---\nplain # comment\n...\n", "\"plain\"");
}

static void test_yaml_errors(void **state)
{
    (void)state;
    assert_bad_yaml("a: 1\na: 2\n", "file:2:1: this key comes twice");
    assert_bad_yaml("a: &x 1\nb: *x\n", "file:1:4: anchors and tags");
    assert_bad_yaml("a: *x\n", "aliases");
    assert_bad_yaml("a: [1\n", "file:");
    assert_bad_yaml("a: 1\n---\nb: 2\n", "only one document");
    assert_bad_yaml("? [a]\n: b\n", "a key must be a text");
    char *deep = calloc(1, 200);
    memset(deep, '[', 100);
    memset(deep + 100, ']', 99);
    assert_bad_yaml(deep, "nested too deeply");
    free(deep);
}

static char *written(json_t *value)
{
    char *text = NULL;
    size_t size = 0;
    struct arctic_error error;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    assert_ok(cli_yaml_write(stream, value, &error), error);
    fclose(stream);
    return text;
}

static void test_yaml_round_trip(void **state)
{
    (void)state;
    static const char *const values[] = {"plain",
                                         "",
                                         "true",
                                         "NULL",
                                         "yes",
                                         "12",
                                         "-1",
                                         "1e3",
                                         "a: b",
                                         "a #b",
                                         "- a",
                                         "*a",
                                         "http://10.0.0.1:8080",
                                         "a\nb",
                                         "\"q\"",
                                         "~",
                                         " x ",
                                         "\xc3\xa4",
                                         "a:",
                                         "@x",
                                         "%y",
                                         "!z",
                                         "2026-01-02",
                                         "0x1",
                                         ".5",
                                         "{}"};
    json_t *object = json_object();
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        json_object_set_new(object, values[i], json_string(values[i]));
    json_object_set_new(object, "nested",
                        json_pack("{s:[i,b,n,{},[],[[i]]], s:f}", "list", 1, 0, 2, "half", 0.5));
    char *text = written(object);
    json_t *back = parse_yaml(text);
    /* A fraction is a text to this reader; nothing that is stored has one. */
    json_object_set_new(json_object_get(back, "nested"), "half", json_real(0.5));
    if (!json_equal(object, back))
        fail_msg("not the same again:\n%s", text);
    free(text);
    json_decref(back);
    json_decref(object);
}

static void test_table(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    struct arctic_error error;
    FILE *stream = open_memstream(&text, &size);
    struct cli_table table = {.table = NULL};
    cli_table_begin(&table, (const char *const[]){"ID", "NAME", NULL}, true);
    cli_table_row(&table, (const char *const[]){"svc_1", "a\033[2J\nb"});
    cli_table_row(&table, (const char *const[]){"svc_22", ""});
    assert_ok(cli_table_end(&table, stream, &error), error);
    fclose(stream);
    assert_non_null(strstr(text, "ID      NAME\n"));
    assert_non_null(strstr(text, "svc_1   a?[2J?b\n"));
    free(text);
}

static void test_members(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    struct arctic_error error;
    FILE *stream = open_memstream(&text, &size);
    json_t *object =
        json_pack("{s:s, s:{s:i}, s:n, s:b, s:[s,s], s:[{s:i}]}", "id", "x", "qos", "bandwidth_limit_mbps", 5,
                  "interface", "local", 1, "endpoints", "a", "b", "routes", "id", 1);
    assert_ok(cli_print_members(stream, object, &error), error);
    fclose(stream);
    json_decref(object);
    assert_non_null(strstr(text, "qos.bandwidth_limit_mbps  5\n"));
    assert_non_null(strstr(text, "interface                 -\n"));
    assert_non_null(strstr(text, "local                     yes\n"));
    assert_non_null(strstr(text, "endpoints                 a, b\n"));
    assert_null(strstr(text, "routes"));
    free(text);
}

static void assert_size(int64_t bytes, const char *expected)
{
    char *text = cli_size_text(bytes);
    assert_string_equal(text, expected);
    free(text);
}

static void test_sizes(void **state)
{
    (void)state;
    assert_size(0, "0 B");
    assert_size(1023, "1023 B");
    assert_size(1024, "1.0 KiB");
    assert_size(1536, "1.5 KiB");
    assert_size(1024 * 1024 - 1, "1.0 MiB");
    assert_size(1048576, "1.0 MiB");
    assert_size(5000000000, "4.7 GiB");
    assert_size((int64_t)1 << 53, "8.0 PiB");
    assert_size(INT64_MAX, "8.0 EiB");
}

static void test_counters(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    struct arctic_error error;
    FILE *stream = open_memstream(&text, &size);
    json_t *service =
        json_pack("{s:s, s:{s:s, s:i, s:i, s:i}, s:n}", "id", "x", "counters", "since", "2026", "flows_total",
                  7, "bytes_sent", 2048, "packets_received", 9, "counters_reason");
    json_t *route = json_pack("{s:i, s:s, s:n, s:i, s:n}", "id", 3, "source_cidr", "10.0.0.0/8", "dest_cidr",
                              "priority", 5, "counters");
    json_t *routes = json_pack("[o]", route);
    assert_ok(cli_print_service(stream, service, &error), error);
    assert_ok(cli_print_counters(stream, service, &error), error);
    assert_ok(cli_print_counted_routes(stream, routes, &error), error);
    json_object_set_new(service, "counters", json_null());
    assert_ok(cli_print_counters(stream, service, &error), error);
    fclose(stream);
    json_decref(service);
    json_decref(routes);
    assert_string_equal(text, "id    x\n"
                              "counters since 2026:\n"
                              "FLOWS  OPEN  REFUSED  RESET  BYTES_OUT  BYTES_IN  PACKETS_OUT  PACKETS_IN\n"
                              "7      -     -        -      2.0 KiB    -         -            9\n"
                              "ID  SOURCE      DEST  PRIORITY  FLOWS  BYTES_OUT  BYTES_IN\n"
                              "3   10.0.0.0/8  -     5         -      -          -\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml_values),     cmocka_unit_test(test_yaml_errors),
        cmocka_unit_test(test_yaml_round_trip), cmocka_unit_test(test_table),
        cmocka_unit_test(test_members),         cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_counters),
    };
    return cmocka_run_group_tests_name("cli output", tests, NULL, NULL);
}
