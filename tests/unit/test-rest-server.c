/* The REST server as a client on a raw socket sees it. */
#include "tests/unit/rest-fixture.h"

#include <errno.h>
#include <sys/time.h>
#include <time.h>

#define JSON "Content-Type: application/json\r\n"

/* A connected socket that gives up after 10 s, so that a hanging server fails the test instead of hanging it.
 */
static int fixture_connect(const struct fixture *fixture)
{
    struct sockaddr_storage address;
    socklen_t length = arci_endpoint_to_sockaddr(&fixture->endpoint, &address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 10}, sizeof(struct timeval));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
    return fd;
}

static void fixture_send(int fd, const char *text)
{
    size_t length = strlen(text);
    assert_int_equal(send(fd, text, length, MSG_NOSIGNAL), (ssize_t)length);
}

/* Reads to the end of the stream; the text is to be freed. */
static char *fixture_read_all(int fd)
{
    size_t used = 0, size = 4096;
    char *text = malloc(size);
    assert_non_null(text);
    for (;;) {
        ssize_t got = recv(fd, text + used, size - used - 1, 0);
        if (got <= 0)
            break;
        used += (size_t)got;
        if (used + 1 == size) {
            text = realloc(text, size *= 2);
            assert_non_null(text);
        }
    }
    text[used] = '\0';
    return text;
}

/* One request on a connection of its own, to which "Connection: close" is added; the answer is to be freed.
 */
static char *fixture_exchange(const struct fixture *fixture, const char *method_and_target,
                              const char *headers, const char *body)
{
    int fd = fixture_connect(fixture);
    size_t size = strlen(method_and_target) + strlen(headers) + strlen(body) + 256;
    char *text = malloc(size);
    assert_non_null(text);
    char length[64] = "";
    if (*body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    snprintf(text, size, "%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s%s\r\n%s", method_and_target,
             headers, length, body);
    /* A server that refuses a large body may close before all of it was sent. */
    for (size_t sent = 0, all = strlen(text); sent < all;) {
        ssize_t count = send(fd, text + sent, all - sent, MSG_NOSIGNAL);
        if (count <= 0)
            break;
        sent += (size_t)count;
    }
    free(text);
    char *answer = fixture_read_all(fd);
    close(fd);
    return answer;
}

static void assert_lacks(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("'%s' must not be in:\n%s", part, text);
}

/* Status and, unless NULL, a part of the answer. */
static void assert_answer(const struct fixture *fixture, const char *method_and_target, const char *headers,
                          const char *body, int status, const char *part)
{
    char *answer = fixture_exchange(fixture, method_and_target, headers, body);
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    if (strncmp(answer, line, strlen(line)) != 0)
        fail_msg("%s: not status %d:\n%s", method_and_target, status, answer);
    if (part)
        assert_contains(answer, part);
    free(answer);
}

static struct fixture fixture;

static int start(void **state)
{
    (void)state;
    fixture_start(&fixture, (struct arci_http_options){.header_timeout = 0});
    return 0;
}

static int start_impatient(void **state)
{
    (void)state;
    fixture_start(&fixture, (struct arci_http_options){.header_timeout = 600,
                                                       .body_timeout = 600,
                                                       .idle_timeout = 600,
                                                       .send_timeout = 600,
                                                       .send_rate = 1U << 30,
                                                       .connection_limit = 8,
                                                       .per_address_limit = 4});
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
    assert_answer(&fixture, "GET /strict", "", "", 200, "\"flag\":false");
    assert_answer(&fixture, "GET /strict?flag=true", "", "", 200, "\"flag\":true");
    assert_answer(&fixture, "GET /strict?flag=1", "", "", 400, "\"field\":\"flag\"");
    assert_answer(&fixture, "GET /strict?flug=true", "", "", 400, "unknown query parameter 'flug'");
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
    /* The size alone is enough: the answer comes before any of the body. */
    assert_answer(&fixture, "POST /things", "Content-Length: 99999999999\r\n", "", 413, "BODY_TOO_LARGE");
    assert_answer(&fixture, "POST /things", "Content-Length: 2000000\r\nExpect: 100-continue\r\n", "", 413,
                  "BODY_TOO_LARGE");
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

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sends a byte every 50 ms until the server hangs up; returns after how many milliseconds. */
static int64_t drip(const char *beginning, const char *byte)
{
    int fd = fixture_connect(&fixture);
    int64_t started = now_ms();
    fixture_send(fd, beginning);
    char answer;
    while (recv(fd, &answer, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN && now_ms() - started < 5000) {
        send(fd, byte, 1, MSG_NOSIGNAL);
        assert_answer(&fixture, "GET /echo/others", "", "", 200, NULL);
        usleep(50000);
    }
    close(fd);
    return now_ms() - started;
}

static void test_dripping_clients_are_cut(void **state)
{
    (void)state;
    static const char *const beginnings[] = {
        "",
        "GET /echo/",
        "GET /echo/x HTTP/1.1\r\nHost: a\r\nX: ",
        "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        int64_t lasted = drip(beginnings[i], "a");
        assert_in_range(lasted, 500, 3000);
    }
}

static void test_idle_connection_is_closed(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /echo/x HTTP/1.1\r\nHost: a\r\n\r\n");
    int64_t started = now_ms();
    char *answer = fixture_read_all(fd);
    assert_contains(answer, "\"id\":\"x\"");
    assert_in_range(now_ms() - started, 400, 5000);
    free(answer);
    close(fd);
}

/* The answer takes as long as its handler does, whatever the time-outs for clients are. */
static void test_handler_may_take_longer_than_time_outs(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /hold HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    uv_sem_wait(&fixture.holding);
    usleep(1200000);
    uv_async_send(&fixture.wish);
    char *answer = fixture_read_all(fd);
    assert_contains(answer, "{\"late\":true}");
    free(answer);
    close(fd);
}

static void test_reader_that_stalls_is_cut(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /large/30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    usleep(1200000);
    char *answer = fixture_read_all(fd);
    assert_in_range(strlen(answer), 1, 29999999);
    free(answer);
    close(fd);
}

static void test_client_that_leaves_during_a_long_answer(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /large/30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    close(fd);
    assert_answer(&fixture, "GET /echo/others", "", "", 200, NULL);
}

static void test_one_address_has_few_connections(void **state)
{
    (void)state;
    int fds[4];
    for (size_t i = 0; i < 4; i++) {
        fds[i] = fixture_connect(&fixture);
        fixture_send(fds[i], "GET /echo/x HTTP/1.1\r\nHost: a\r\n\r\n");
        char byte;
        assert_int_equal(recv(fds[i], &byte, 1, MSG_PEEK), 1);
    }
    int fd = fixture_connect(&fixture);
    send(fd, "GET /echo/x HTTP/1.1\r\nHost: a\r\n\r\n", 34, MSG_NOSIGNAL);
    char byte;
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest patient[] = {
        cmocka_unit_test(test_routing),
        cmocka_unit_test(test_bad_targets),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_head_and_headers),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_body_limit),
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
    const struct CMUnitTest impatient[] = {
        cmocka_unit_test(test_dripping_clients_are_cut),
        cmocka_unit_test(test_idle_connection_is_closed),
        cmocka_unit_test(test_handler_may_take_longer_than_time_outs),
        cmocka_unit_test(test_reader_that_stalls_is_cut),
        cmocka_unit_test(test_client_that_leaves_during_a_long_answer),
        cmocka_unit_test(test_one_address_has_few_connections),
    };
    int failed = cmocka_run_group_tests_name("rest server", patient, start, stop);
    return failed +
           cmocka_run_group_tests_name("rest server, short time-outs", impatient, start_impatient, stop);
}
