/* The REST server as a client on a raw socket sees it. */
#include "tests/unit/rest-raw.h"

#define JSON "Content-Type: application/json\r\n"

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture, (struct arci_http_options){.header_timeout = 0});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&fixture);
    return 0;
}

static void test_routing(void **state)
{
    (void)state;
    assert_answer(&fixture, "GET /echo/abc?q=x%20y+z", "", "", 200, "\"id\":\"abc\",\"query\":\"x y z\"");
    assert_answer(&fixture, "GET /echo/a%2Fb", "", "", 200, "\"id\":\"a/b\"");
    assert_answer(&fixture, "GET /echo/self", "", "", 200, "text/plain");
    assert_answer(&fixture, "GET http://other/echo/abc", "", "", 200, "\"id\":\"abc\"");
    assert_answer(&fixture, "GET /nowhere", "", "", 404, "\"code\":\"NOT_FOUND\"");
    assert_answer(&fixture, "GET /echo", "", "", 404, "NOT_FOUND");
    assert_answer(&fixture, "GET /echo/", "", "", 404, "NOT_FOUND");
    assert_answer(&fixture, "GET /echo/a/b", "", "", 404, "NOT_FOUND");
    assert_answer(&fixture, "GET /a/b/c/d/e/f/g/h/i/j/k/l/m/n", "", "", 404, "NOT_FOUND");
    assert_answer(&fixture, "PATCH /things/1", "", "", 405, "Allow: DELETE, PUT\r\n");
    assert_answer(&fixture, "POST /echo/x", "", "", 405, "\"code\":\"METHOD_NOT_ALLOWED\"");
    assert_answer(&fixture, "POST /echo/x", "", "", 405, "Allow: GET, HEAD\r\n");
}

static void test_bad_targets(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "GET /echo/%",   "GET /echo/%4",       "GET /echo/%zz",
        "GET /echo/%00", "GET /echo/%0a",      "GET /echo/%ff",
        "GET *",         "GET /strict?flag=%", "GET /strict?flag=true&flag=true"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        assert_answer(&fixture, targets[i], "", "", 400, "\"code\":\"INVALID_REQUEST\"");
    char *longest = calloc(1, 6000);
    memset(longest, 'a', 5999);
    memcpy(longest, "GET /", 5);
    assert_answer(&fixture, longest, "", "", 400, "longer than");
    free(longest);
}

static void test_query(void **state)
{
    (void)state;
    fixture.token_number = 7;
    assert_answer(&fixture, "GET /strict", "", "", 200, "\"flag\":false");
    assert_answer(&fixture, "GET /strict?flag=true", "", "", 200, "\"flag\":true");
    assert_answer(&fixture, "GET /strict?flag=1", "", "", 400, "\"field\":\"flag\"");
    assert_answer(&fixture, "GET /strict?flug=true", "", "", 400,
                  "unknown query parameter 'flug', known: flag");
    assert_answer(&fixture, "GET /strict?fla=true", "", "", 400, "\"field\":\"fla\"");
    assert_answer(&fixture, "GET /protected?flag=true", "Authorization: Bearer token-7\r\n", "", 400,
                  "unknown query parameter 'flag', known: none");
    assert_answer(&fixture, "GET /echo/self?nonce=1", "", "", 200, "");
}

static void test_head_and_headers(void **state)
{
    (void)state;
    char *answer = fixture_exchange(&fixture, "HEAD /echo/abc", "", "");
    assert_contains(answer, "HTTP/1.1 200 ");
    assert_contains(answer, "Content-Type: application/json\r\n");
    assert_contains(answer, "Cache-Control: no-store\r\n");
    assert_contains(answer, "X-Content-Type-Options: nosniff\r\n");
    assert_lacks(answer, "\"id\"");
    free(answer);
    answer = fixture_exchange(&fixture, "DELETE /things/1", "", "");
    assert_contains(answer, "HTTP/1.1 204 ");
    assert_lacks(answer, "Content-Type:");
    free(answer);
}

static void test_bodies(void **state)
{
    (void)state;
    assert_answer(&fixture, "POST /things", JSON, "{\"a\":1}", 201, "{\"a\":1}");
    assert_answer(&fixture, "POST /things", "", "{\"a\":1}", 201, NULL);
    assert_answer(&fixture, "POST /things", "Content-Type: Application/JSON; charset=utf-8\r\n", "{}", 201,
                  NULL);
    int changed = fixture.things_changed;
    assert_answer(&fixture, "POST /things", JSON, "", 400, "INVALID_REQUEST");
    assert_answer(&fixture, "POST /things", JSON, "{\"a\":1", 400, "line 1");
    assert_answer(&fixture, "POST /things", JSON, "{\"a\":1,\"a\":2}", 400, "INVALID_REQUEST");
    assert_answer(&fixture, "POST /things", JSON, "{} {}", 400, "INVALID_REQUEST");
    assert_answer(&fixture, "POST /things", JSON, "[]", 400, "INVALID_REQUEST");
    assert_answer(&fixture, "POST /things", "Content-Type: text/plain\r\n", "{}", 400,
                  "\"field\":\"Content-Type\"");
    assert_answer(&fixture, "DELETE /things/1", "", "{}", 400, "takes no body");
    assert_answer(&fixture, "POST /optional", "", "", 200, "\"body\":false");
    assert_answer(&fixture, "POST /optional", JSON, "{}", 200, "\"body\":true");
    assert_int_equal(fixture.things_changed, changed);
}

static char *json_of_size(size_t size)
{
    char *body = malloc(size + 1);
    assert_non_null(body);
    memset(body, ' ', size);
    memcpy(body, "{}", 2);
    body[size] = '\0';
    return body;
}

static void test_body_limit(void **state)
{
    (void)state;
    char *body = json_of_size(ARCI_HTTP_BODY_MAX);
    assert_answer(&fixture, "POST /things", JSON, body, 201, NULL);
    free(body);
    body = json_of_size(ARCI_HTTP_BODY_MAX + 1);
    assert_answer(&fixture, "POST /things", "X: y\r\n", body, 413, "\"code\":\"BODY_TOO_LARGE\"");
    free(body);
    /* The size alone is enough for a client that waits, or that would send too much to be read and dropped. */
    assert_answer(&fixture, "POST /things", "Content-Length: 99999999999\r\n", "", 413, "BODY_TOO_LARGE");
    assert_answer(&fixture, "POST /things", "Content-Length: 2000000\r\nExpect: 100-continue\r\n", "", 413,
                  "BODY_TOO_LARGE");
    assert_answer(&fixture, "POST /protected", "Content-Length: 200\r\nExpect: 100-continue\r\n", "", 401,
                  "UNAUTHORIZED");
}

/* A client that sends all before it listens still gets to its answer, and its connection lives on. */
static void test_refused_body_is_swallowed(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    char *body = json_of_size(2 * ARCI_HTTP_BODY_MAX);
    fixture_send(fd, "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 2097152\r\n\r\n");
    fixture_send(fd, body);
    fixture_send(fd, "GET /echo/next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char *answer = fixture_read_all(fd);
    assert_contains(answer, "HTTP/1.1 413 ");
    assert_contains(answer, "\"id\":\"next\"");
    free(answer);
    free(body);
    close(fd);
}

/* A body without a declared length is measured as it comes. */
static void test_chunked_body_limit(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(
        fd, "POST /things HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
    size_t chunk = 64 * 1024;
    char *body = json_of_size(chunk);
    for (size_t sent = 0; sent <= ARCI_HTTP_BODY_MAX; sent += chunk) {
        fixture_send(fd, "10000\r\n");
        fixture_send(fd, body);
        fixture_send(fd, "\r\n");
    }
    fixture_send(fd, "0\r\n\r\n");
    free(body);
    char *answer = fixture_read_all(fd);
    assert_contains(answer, "HTTP/1.1 413 ");
    free(answer);
    close(fd);
}

static void test_errors(void **state)
{
    (void)state;
    assert_answer(&fixture, "GET /fail/ALREADY_EXISTS", "", "", 409,
                  "{\"error\":\"secret detail ?\",\"code\":\"ALREADY_EXISTS\",\"field\":\"thing\"}");
    assert_answer(&fixture, "GET /fail/NODE_LIMIT_EXCEEDED", "", "", 422, NULL);
    assert_answer(&fixture, "GET /fail/NOT_BOOTSTRAPPED", "", "", 503, NULL);
    char *answer = fixture_exchange(&fixture, "GET /fail/SYSTEM", "", "");
    assert_contains(answer, "HTTP/1.1 500 ");
    assert_contains(answer, "\"code\":\"INTERNAL\"");
    assert_lacks(answer, "secret detail");
    free(answer);
}

static void test_scopes(void **state)
{
    (void)state;
    fixture.token_number = 7;
    assert_answer(&fixture, "GET /protected", "", "", 401, "WWW-Authenticate: Bearer\r\n");
    assert_answer(&fixture, "GET /protected", "Authorization: Bearer token-6\r\n", "", 401, "TOKEN_EXPIRED");
    assert_answer(&fixture, "GET /protected", "Authorization: Bearer token-7\r\n", "", 200,
                  "\"principal\":\"token-7\"");
    assert_answer(&fixture, "GET /admin", "Authorization: Bearer token-7\r\n", "", 403, "FORBIDDEN");
    assert_answer(&fixture, "GET /local", "", "", 200, NULL);
    int changed = fixture.things_changed;
    assert_answer(&fixture, "POST /protected", JSON, "{\"a\":1}", 401, "UNAUTHORIZED");
    assert_int_equal(fixture.things_changed, changed);
}

static void test_forms(void **state)
{
    (void)state;
    static const char form[] = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_answer(&fixture, "POST /v1/oauth/token", form, "client_id=cli_x&client_secret=sec_y%26z", 200,
                  "access_token");
    assert_answer(&fixture, "POST /v1/oauth/token", form, "client_id=cli_x&client_secret=sec_y", 401,
                  "UNAUTHORIZED");
    assert_answer(&fixture, "POST /v1/oauth/token", "Authorization: Basic Y2xpX3g6c2VjX3kmeg==\r\n", "", 200,
                  "access_token");
    assert_answer(&fixture, "POST /v1/oauth/token", form, "a=1&a=2", 400, "INVALID_REQUEST");
    assert_answer(&fixture, "POST /v1/oauth/token", JSON, "{}", 400, "INVALID_REQUEST");
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /echo/first HTTP/1.1\r\nHost: a\r\n\r\n"
                     "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n\r\n{\"b\":2}"
                     "GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n"
                     "GET /echo/last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    char *answer = fixture_read_all(fd);
    const char *first = strstr(answer, "\"id\":\"first\"");
    const char *second = first ? strstr(first, "{\"b\":2}") : NULL;
    const char *third = second ? strstr(second, "NOT_FOUND") : NULL;
    assert_non_null(third);
    assert_non_null(strstr(third, "\"id\":\"last\""));
    free(answer);
    close(fd);
}

static void test_late_answer(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /hold HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    uv_sem_wait(&fixture.holding);
    assert_answer(&fixture, "GET /echo/meanwhile", "", "", 200, "meanwhile");
    uv_async_send(&fixture.wish);
    char *answer = fixture_read_all(fd);
    assert_contains(answer, "{\"late\":true}");
    assert_true(fixture.held_had_headers);
    free(answer);
    close(fd);
}

static void test_client_gone_before_late_answer(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    uv_sem_wait(&fixture.holding);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){.l_onoff = 1}, sizeof(struct linger));
    close(fd);
    uv_async_send(&fixture.wish);
    assert_answer(&fixture, "GET /echo/after", "", "", 200, "after");
}

static void test_server_gone_before_late_answer(void **state)
{
    (void)state;
    struct fixture other;
    fixture_start(&other, (struct arci_http_options){.port = 0});
    int fd = fixture_connect(&other);
    fixture_send(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    uv_sem_wait(&other.holding);
    fixture_stop(&other);
    assert_true(other.closed_first);
    assert_false(other.held_had_headers);
    char *answer = fixture_read_all(fd);
    assert_string_equal(answer, "");
    free(answer);
    close(fd);
}

static void test_ipv6_and_both_families(void **state)
{
    (void)state;
    struct fixture other;
    fixture_start(&other, (struct arci_http_options){.address = "::"});
    struct arctic_endpoint endpoint = other.endpoint;
    static const char *const texts[] = {"127.0.0.1", "::1"};
    for (size_t i = 0; i < 2; i++) {
        other.endpoint = (struct arctic_endpoint){.port = endpoint.port};
        assert_true(arci_address_read(texts[i], &other.endpoint.address));
        assert_answer(&other, "GET /echo/a", "", "", 200, "\"loopback\":true");
    }
    other.endpoint = endpoint;
    fixture_stop(&other);
}

static void test_port_in_use_is_named(void **state)
{
    (void)state;
    struct arci_http_server *server = NULL;
    struct arctic_error error;
    struct arci_http_options options = {.loop = &fixture.loop,
                                        .address = "127.0.0.1",
                                        .port = fixture.endpoint.port,
                                        .endpoints = fixture_endpoints,
                                        .authorize = fixture_authorize};
    assert_int_equal(arci_http_server_create(&options, &server, &error), ARCTIC_E_SYSTEM);
    assert_contains(error.message, "127.0.0.1:");
    assert_contains(error.message, "Address already in use");
    options.address = "localhost";
    assert_int_equal(arci_http_server_create(&options, &server, &error), ARCTIC_E_USAGE);
    options.authorize = NULL;
    assert_int_equal(arci_http_server_create(&options, &server, &error), ARCTIC_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routing),
        cmocka_unit_test(test_bad_targets),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_head_and_headers),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_body_limit),
        cmocka_unit_test(test_refused_body_is_swallowed),
        cmocka_unit_test(test_chunked_body_limit),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_pipelined_requests_are_answered_in_order),
        cmocka_unit_test(test_late_answer),
        cmocka_unit_test(test_client_gone_before_late_answer),
        cmocka_unit_test(test_server_gone_before_late_answer),
        cmocka_unit_test(test_ipv6_and_both_families),
        cmocka_unit_test(test_port_in_use_is_named),
    };
    return cmocka_run_group_tests_name("rest server", tests, start, stop);
}
