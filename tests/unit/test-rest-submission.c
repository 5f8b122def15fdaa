/* Requests made in the process: the same checks and answers as over HTTP, and nobody who is called too often. */
#include "tests/unit/rest-fixture.h"

#include <stdlib.h>

struct outcome {
    unsigned calls;
    unsigned status;
    char content_type[64];
    char body[512];
};

static struct fixture fixture;
static struct outcome left_behind; /* of a request that waits when the server closes */

static int start(void **state)
{
    (void)state;
    fixture_make(&fixture, (struct arci_http_options){.header_timeout = 0});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    arci_http_server_close(fixture.server, fixture_on_closed, &fixture);
    fixture_answer_held(&fixture);
    uv_run(&fixture.loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture.loop), 0);
    uv_sem_destroy(&fixture.holding);
    assert_int_equal(left_behind.calls, 0);
    return 0;
}

static void note(void *context, const struct arci_http_answer *answer)
{
    struct outcome *outcome = context;
    outcome->calls++;
    outcome->status = answer->status;
    snprintf(outcome->content_type, sizeof outcome->content_type, "%s",
             answer->content_type ? answer->content_type : "");
    snprintf(outcome->body, sizeof outcome->body, "%.*s", (int)answer->length,
             answer->body ? answer->body : "");
}

static struct arci_http_submission *submit(const struct arci_http_submit_options *options,
                                           struct outcome *ret_outcome)
{
    struct arctic_error error;
    struct arci_http_submission *submission = NULL;
    memset(ret_outcome, 0, sizeof *ret_outcome);
    assert_ok(arci_http_server_submit(fixture.server, options, note, ret_outcome, &submission, &error),
              error);
    return submission;
}

/* Has a request answered that needs no time. */
static struct outcome ask(const char *method, const char *target, const char *body)
{
    struct outcome outcome;
    const struct arci_http_submit_options options = {
        .method = method, .target = target, .body = body, .body_length = strlen(body)};
    assert_null(submit(&options, &outcome));
    assert_int_equal(outcome.calls, 1);
    return outcome;
}

static void test_takes_the_usual_way(void **state)
{
    (void)state;
    struct outcome outcome = ask("GET", "/echo/abc?q=x%20y", "");
    assert_int_equal(outcome.status, 200);
    assert_string_equal(outcome.content_type, "application/json");
    assert_contains(outcome.body, "\"id\":\"abc\",\"query\":\"x y\"");
    outcome = ask("POST", "/things", "{\"a\":1}");
    assert_int_equal(outcome.status, 201);
    assert_string_equal(outcome.body, "{\"a\":1}\n");
    outcome = ask("DELETE", "/things/1", "");
    assert_int_equal(outcome.status, 204);
    assert_string_equal(outcome.body, "");
    assert_string_equal(outcome.content_type, "");
}

static void test_is_refused_the_usual_way(void **state)
{
    (void)state;
    assert_int_equal(ask("GET", "/nowhere", "").status, 404);
    assert_int_equal(ask("PATCH", "/things/1", "").status, 405);
    assert_int_equal(ask("GET", "/echo/%zz", "").status, 400);
    assert_int_equal(ask("GET", "no path", "").status, 400);
    assert_int_equal(ask("POST", "/things", "").status, 400);
    assert_int_equal(ask("POST", "/things", "{\"a\":1").status, 400);
    assert_int_equal(ask("DELETE", "/things/1", "{}").status, 400);
    assert_int_equal(ask("GET", "/fail/NOT_FOUND", "").status, 404);
    assert_int_equal(ask("GET", "/protected", "").status, 401);
    assert_contains(ask("GET", "/protected", "").body, "\"code\":\"UNAUTHORIZED\"");
}

static void test_body_limit(void **state)
{
    (void)state;
    char *body = malloc(ARCI_HTTP_BODY_MAX + 2);
    assert_non_null(body);
    memset(body, ' ', ARCI_HTTP_BODY_MAX + 1);
    body[ARCI_HTTP_BODY_MAX + 1] = '\0';
    memcpy(body, "{}", 2);
    assert_int_equal(ask("POST", "/things", body).status, 413);
    body[ARCI_HTTP_BODY_MAX] = '\0';
    assert_int_equal(ask("POST", "/things", body).status, 201);
    free(body);
}

static void test_headers(void **state)
{
    (void)state;
    struct outcome outcome;
    struct arci_http_header headers[ARCI_HTTP_SUBMIT_HEADERS + 1] = {{"authorization", "Bearer token-0"},
                                                                     {"Content-Type", "text/plain"}};
    struct arci_http_submit_options options = {
        .method = "GET", .target = "/protected", .headers = headers, .header_count = 2};
    submit(&options, &outcome);
    assert_int_equal(outcome.status, 200);
    assert_contains(outcome.body, "\"principal\":\"token-0\"");
    options.method = "POST";
    options.body = "{}";
    options.body_length = 2;
    submit(&options, &outcome);
    assert_int_equal(outcome.status, 400);
    assert_contains(outcome.body, "\"field\":\"Content-Type\"");
    options.header_count = ARCI_HTTP_SUBMIT_HEADERS + 1;
    assert_int_equal(arci_http_server_submit(fixture.server, &options, note, &outcome, NULL, NULL),
                     ARCTIC_E_USAGE);
    assert_int_equal(outcome.calls, 1);
}

/* What a host grants its own users it does not grant to whom another peer speaks for. */
static void test_carried_is_not_local(void **state)
{
    (void)state;
    struct outcome outcome;
    struct arci_http_submit_options options = {.method = "GET", .target = "/local"};
    assert_int_equal(arctic_address_parse("127.0.0.1", &options.remote.address, NULL), ARCTIC_OK);
    submit(&options, &outcome);
    assert_int_equal(outcome.status, 200);
    options.carried = true;
    submit(&options, &outcome);
    assert_int_equal(outcome.status, 401);
}

static void test_late_answer(void **state)
{
    (void)state;
    struct outcome outcome;
    const struct arci_http_submit_options options = {.method = "GET", .target = "/hold"};
    assert_non_null(submit(&options, &outcome));
    assert_int_equal(outcome.calls, 0);
    fixture_answer_held(&fixture);
    assert_int_equal(outcome.calls, 1);
    assert_contains(outcome.body, "\"late\":true");
}

static void test_cancelled(void **state)
{
    (void)state;
    struct outcome outcome;
    const struct arci_http_submit_options options = {.method = "GET", .target = "/hold"};
    arci_http_submission_cancel(submit(&options, &outcome));
    fixture_answer_held(&fixture);
    assert_int_equal(outcome.calls, 0);
    arci_http_submission_cancel(NULL);
}

/* Answered after the server has closed, in stop(). */
static void test_server_closes_first(void **state)
{
    (void)state;
    const struct arci_http_submit_options options = {.method = "GET", .target = "/hold"};
    assert_non_null(submit(&options, &left_behind));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_takes_the_usual_way, start, stop),
        cmocka_unit_test_setup_teardown(test_is_refused_the_usual_way, start, stop),
        cmocka_unit_test_setup_teardown(test_body_limit, start, stop),
        cmocka_unit_test_setup_teardown(test_headers, start, stop),
        cmocka_unit_test_setup_teardown(test_carried_is_not_local, start, stop),
        cmocka_unit_test_setup_teardown(test_late_answer, start, stop),
        cmocka_unit_test_setup_teardown(test_cancelled, start, stop),
        cmocka_unit_test_setup_teardown(test_server_closes_first, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
