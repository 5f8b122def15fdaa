/* Log lines: always one line, always valid JSON, whatever a field says. */
#include "tests/unit/unit.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/time.h"

struct lines {
    int count;
    int32_t level;
    char last[8192];
};

static void take_line(void *user, int32_t level, const char *line, size_t length)
{
    struct lines *lines = user;
    assert_int_equal(strlen(line), length);
    lines->count++;
    lines->level = level;
    snprintf(lines->last, sizeof lines->last, "%s", line);
}

static struct arctic_log *make_log(int32_t level, int32_t format, struct lines *lines)
{
    struct arctic_log *log;
    struct arctic_error error;
    *lines = (struct lines){0};
    assert_ok(arctic_log_create(level, format, take_line, lines, &log, &error), error);
    return log;
}

static json_t *parse_line(const struct lines *lines)
{
    struct arctic_error error;
    json_t *object = NULL;
    assert_null(strchr(lines->last, '\n'));
    assert_ok(arci_json_parse(lines->last, strlen(lines->last), &object, &error), error);
    return object;
}

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void test_json_line(void **state)
{
    (void)state;
    struct lines lines;
    struct arctic_log *log = make_log(ARCTIC_LOG_DEBUG, ARCTIC_LOG_JSON, &lines);
    int64_t time;
    struct arctic_error error;
    arci_log_warn(log, "api", "cannot bind", ARCI_TEXT("address", "0.0.0.0"), ARCI_INT("port", -5));
    ARCI_JSON *object = parse_line(&lines);
    assert_int_equal(lines.count, 1);
    assert_int_equal(lines.level, ARCTIC_LOG_WARN);
    assert_int_equal(json_object_size(object), 6);
    assert_string_equal(member(object, "level"), "warn");
    assert_string_equal(member(object, "subsystem"), "api");
    assert_string_equal(member(object, "message"), "cannot bind");
    assert_string_equal(member(object, "address"), "0.0.0.0");
    assert_int_equal(json_integer_value(json_object_get(object, "port")), -5);
    assert_ok(arci_time_parse(member(object, "time"), &time, &error), error);
    assert_true(arci_time_now() - time < 60000);
    arctic_log_free(log);
}

static void test_hostile_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *read_back; /* NULL: the text itself */
    } cases[] = {
        {"\"}\n{\"level\":\"error\"", NULL},
        {"\x01\x02\x1b[2J\x7f\\\t", NULL},
        {"Z\xc3\xbcrich \xf0\x9f\x90\xa7", NULL},
        {"\xe2\x80\xae\xe2\x80\xa8\xc2\x9b", NULL},
        {"\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"}, /* overlong */
        {"\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"cut \xe2\x82", "cut \xef\xbf\xbd\xef\xbf\xbd"},
    };
    struct lines lines;
    struct arctic_log *log = make_log(ARCTIC_LOG_DEBUG, ARCTIC_LOG_JSON, &lines);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        arci_log_error(log, "gossip", "odd", ARCI_TEXT("text", cases[i].text));
        ARCI_JSON *object = parse_line(&lines);
        assert_int_equal(json_object_size(object), 5);
        assert_string_equal(member(object, "text"), cases[i].read_back ? cases[i].read_back : cases[i].text);
        /* Nothing in it moves a terminal's cursor or reorders what it shows. */
        assert_null(strpbrk(lines.last, "\x01\x02\x1b\x7f"));
        assert_null(strstr(lines.last, "\xc2\x9b"));
        assert_null(strstr(lines.last, "\xe2\x80\xae"));
    }
    arctic_log_free(log);
}

/* A field that does not fit is left out whole; what came before it stays. */
static void test_too_long_events(void **state)
{
    (void)state;
    static char text[5000];
    struct lines lines;
    struct arctic_log *log = make_log(ARCTIC_LOG_DEBUG, ARCTIC_LOG_JSON, &lines);
    for (size_t length = 3900; length < 4200; length++) {
        memset(text, length % 2 ? 'x' : '\n', sizeof text);
        text[length % 2 ? length : length / 2] = '\0';
        arci_log_info(log, "api", "long", ARCI_TEXT("before", "yes"), ARCI_TEXT("text", text),
                      ARCI_TEXT("after", "no"));
        ARCI_JSON *object = parse_line(&lines);
        assert_string_equal(member(object, "before"), "yes");
        assert_true(strlen(lines.last) < 4096);
        const char *got = member(object, "text");
        if (got)
            assert_string_equal(got, text);
        else
            assert_null(member(object, "after"));
    }
    arctic_log_free(log);
    log = make_log(ARCTIC_LOG_DEBUG, ARCTIC_LOG_TEXT, &lines);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    arci_log_info(log, "api", "long", ARCI_TEXT("before", "yes"), ARCI_TEXT("text", text));
    assert_non_null(strstr(lines.last, " before=\"yes\""));
    assert_null(strstr(lines.last, "text="));
    arctic_log_free(log);
}

static void test_text_line(void **state)
{
    (void)state;
    struct lines lines;
    struct arctic_log *log = make_log(ARCTIC_LOG_INFO, ARCTIC_LOG_TEXT, &lines);
    arci_log_info(log, "netmgr", "link is up", ARCI_TEXT("name", "a\nb\""), ARCI_INT("mtu", 1500));
    const char *after_time = strchr(lines.last, ' ');
    assert_non_null(after_time);
    assert_string_equal(after_time, " info netmgr: link is up name=\"a\\nb\\\"\" mtu=1500");
    arctic_log_free(log);
}

static void test_levels(void **state)
{
    (void)state;
    struct lines lines;
    struct arctic_log *log = make_log(ARCTIC_LOG_WARN, ARCTIC_LOG_JSON, &lines);
    arci_log_debug(log, "api", "no");
    arci_log_info(log, "api", "no");
    assert_int_equal(lines.count, 0);
    assert_false(arci_log_enabled(log, ARCTIC_LOG_INFO));
    arci_log_warn(log, "api", "yes");
    arci_log_error(log, "api", "yes");
    assert_int_equal(lines.count, 2);
    arctic_log_free(log);
    arci_log_error(NULL, "api", "nowhere");
    arctic_log_free(NULL);
}

static void test_names_of_levels_and_formats(void **state)
{
    (void)state;
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    int32_t value = -1;
    struct arctic_error error;
    for (int32_t i = 0; i < 4; i++) {
        assert_ok(arctic_log_level_parse(levels[i], &value, &error), error);
        assert_int_equal(value, i);
    }
    assert_int_equal(arctic_log_level_parse("WARN", &value, &error), ARCTIC_E_USAGE);
    assert_non_null(strstr(error.message, "debug, info, warn or error"));
    assert_int_equal(arctic_log_level_parse(NULL, &value, &error), ARCTIC_E_USAGE);
    assert_ok(arctic_log_format_parse("text", &value, &error), error);
    assert_int_equal(value, ARCTIC_LOG_TEXT);
    assert_int_equal(arctic_log_format_parse("xml", &value, &error), ARCTIC_E_USAGE);
    struct arctic_log *log;
    assert_int_equal(arctic_log_create(4, ARCTIC_LOG_JSON, NULL, NULL, &log, &error), ARCTIC_E_USAGE);
    assert_int_equal(arctic_log_create(0, 2, NULL, NULL, &log, &error), ARCTIC_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_line),       cmocka_unit_test(test_hostile_text),
        cmocka_unit_test(test_too_long_events), cmocka_unit_test(test_text_line),
        cmocka_unit_test(test_levels),          cmocka_unit_test(test_names_of_levels_and_formats),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
