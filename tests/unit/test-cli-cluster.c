/* What an operator is told of a cluster: one sentence, and durations that are read at a glance. */
#include "tests/unit/unit.h"

#include <string.h>

#include "cli/ago.h"
#include "cli/cluster-status.h"

static void assert_duration(int64_t seconds, const char *expected)
{
    char *text = cli_ago_duration(seconds);
    assert_string_equal(text, expected);
    free(text);
}

static void test_durations(void **state)
{
    (void)state;
    assert_duration(-3, "0 s");
    assert_duration(119, "119 s");
    assert_duration(120, "2 min");
    assert_duration(7199, "119 min");
    assert_duration(7200, "2 h");
    assert_duration(2 * 86400 - 1, "47 h");
    assert_duration(2 * 86400, "2 d");
    assert_duration(12345 * (int64_t)86400, "12345 d");
}

static void test_times(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "yesterday", "2026-01-01", "2026-01-01T00:00:00"};
    int64_t seconds = 42;
    assert_true(cli_ago_read("2026-01-01T00:00:14.999Z", &seconds));
    assert_int_equal(seconds, 1767225614);
    assert_true(cli_ago_read("2026-01-01T00:00:00Z", &seconds));
    assert_int_equal(seconds, 1767225600);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(cli_ago_read(wrong[i], &seconds));
    char *never = cli_ago_text("", 0, " ago", "never");
    assert_string_equal(never, "never");
    free(never);
}

#define NOW                                                                                                  \
    "\"timestamp\":\"2026-01-01T12:00:00.000Z\",\"records\":{\"peer\":4,\"service\":42,\"credential\":7,"    \
    "\"revocation\":0}"
#define GOOD(name) "{\"name\":\"" name "\",\"reachable\":true,\"converged\":true}"
#define AWAY(name)                                                                                           \
    "{\"name\":\"" name                                                                                      \
    "\",\"reachable\":false,\"converged\":false,\"last_seen_at\":\"2026-01-01T09:00:00Z\"}"

static void assert_verdict(const char *rest, const char *expected)
{
    char json[4096];
    snprintf(json, sizeof json, "{" NOW ",%s}", rest);
    json_t *status = json_loads(json, 0, NULL);
    assert_non_null(status);
    char *verdict = cli_cluster_verdict(status);
    assert_string_equal(verdict, expected);
    free(verdict);
    json_decref(status);
}

static void test_verdicts(void **state)
{
    (void)state;
    assert_verdict("\"peers\":[]", "This agent has no peers");
    assert_verdict("\"peers\":[" GOOD("a1") "]",
                   "Converged: the one peer is reachable, and holds the same records");
    assert_verdict("\"peers\":[" GOOD("a1") "," GOOD("a2") "]",
                   "Converged: all peers are reachable, and hold the same records");
    assert_verdict(
        "\"peers\":[" GOOD(
            "a1") ",{\"name\":\"a7\",\"reachable\":true,\"converged\":false,"
                  "\"differs_since\":\"2026-01-01T11:59:46.000Z\",\"records\":{\"peer\":4,\"service\":41,"
                  "\"credential\":9,\"revocation\":0}}," AWAY("a9") "]",
        "Not converged: 2 of 3 peers reachable, 1 holds the same records; a7 differs for 14 s "
        "(services 41, here 42; credentials 9, here 7); a9 out of reach, last seen 3 h ago");
    assert_verdict("\"peers\":[{\"id\":\"peer_1\",\"name\":\"\",\"reachable\":true,\"converged\":false,"
                   "\"differs_since\":null,\"records\":null}]",
                   "Not converged: 1 of 1 peers reachable, 0 hold the same records; peer_1 has not said yet "
                   "what it holds");
    assert_verdict(
        "\"peers\":[{\"name\":\"a1\",\"reachable\":true,\"converged\":true,\"clock_ahead_ms\":3725400},"
        "{\"name\":\"a2\",\"reachable\":true,\"converged\":true,\"clock_ahead_ms\":-31000},"
        "{\"name\":\"a3\",\"reachable\":true,\"converged\":true,\"clock_ahead_ms\":-29000}]",
        "Converged: all peers are reachable, and hold the same records; the clock of a1 is 3725 s "
        "ahead of this agent's; the clock of a2 is 31 s behind this agent's");
    assert_verdict("\"peers\":[" GOOD("a1") "],\"discovered\":[{\"id\":\"peer_5\",\"name\":\"a5\"}]",
                   "Converged: the one peer is reachable, and holds the same records; a5 is known by hearsay "
                   "and could not be met");
}

/* A line that can be read, of however many peers. */
static void test_many_peers(void **state)
{
    (void)state;
    assert_verdict(
        "\"peers\":[" AWAY("a1") "," AWAY("a2") "," AWAY("a3") "," AWAY("a4") "," AWAY("a5") "," AWAY(
            "a6") "," AWAY("a7") "]",
        "Not converged: 0 of 7 peers reachable, 0 hold the same records; a1 out of reach, last seen "
        "3 h ago; a2 out of reach, last seen 3 h ago; a3 out of reach, last seen 3 h ago; a4 out of "
        "reach, last seen 3 h ago; a5 out of reach, last seen 3 h ago; 2 more, see below");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_many_peers),
    };
    return cmocka_run_group_tests_name("cli-cluster", tests, NULL, NULL);
}
