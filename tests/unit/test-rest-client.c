/* The client against a real server, and against what is none. */
#include "tests/unit/rest-fixture.h"

#include <arctic/client.h>

#include "tests/unit/client-answer.h"

static struct fixture fixture;
static char url[64];

/* A port on which nothing listens: bound, but not listening, so that nobody else takes it. */
static char dead_url[64];
static int dead_fd;

static void make_url(char *text, size_t size, uint16_t port)
{
    snprintf(text, size, "http://127.0.0.1:%u", port);
}

static int bound_socket(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static int start(void **state)
{
    (void)state;
    uint16_t port;
    fixture_start(&fixture, (struct arci_http_options){.header_timeout = 0});
    make_url(url, sizeof url, fixture.endpoint.port);
    dead_fd = bound_socket(&port);
    make_url(dead_url, sizeof dead_url, port);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    close(dead_fd);
    fixture_stop(&fixture);
    return 0;
}

static struct arctic_client *make_client(struct arctic_client_options options)
{
    struct arctic_client *client = NULL;
    struct arctic_error error;
    const char *const endpoints[] = {url, NULL};
    options.size = sizeof options;
    if (!options.endpoints)
        options.endpoints = endpoints;
    assert_ok(arctic_client_create(&options, &client, &error), error);
    return client;
}

static struct arctic_client *make_client_with_secret(void)
{
    return make_client((struct arctic_client_options){.client_id = "cli_x", .client_secret = "sec_y&z"});
}

static void assert_fails(struct arctic_client *client, const char *method, const char *path, const char *body,
                         int code, const char *message, const char *field)
{
    struct arctic_error error = {0};
    char *answer = NULL;
    assert_string_equal(
        arctic_code_name(arctic_client_request(client, method, path, body, NULL, &answer, &error)),
        arctic_code_name(code));
    assert_null(answer);
    assert_int_equal(error.code, code);
    assert_contains(error.message, message);
    assert_string_equal(error.field, field);
}

static void test_requests(void **state)
{
    (void)state;
    struct arctic_client *client = make_client((struct arctic_client_options){.size = 0});
    assert_gets(client, "GET", "/echo/a?q=b", NULL, 200, "\"query\":\"b\"");
    assert_gets(client, "POST", "/things", "{\"x\":[]}", 201, "{\"x\":[]}");
    assert_gets(client, "PUT", "/things/1", "{\"y\":1}", 201, "{\"y\":1}");
    assert_gets(client, "POST", "/optional", NULL, 200, "\"body\":false");
    assert_gets(client, "DELETE", "/things/1", NULL, 204, "");
    assert_int_equal(arctic_client_request(client, "GET", "/echo/a", NULL, NULL, NULL, NULL), ARCTIC_OK);
    assert_string_equal(arctic_client_endpoint(client), url);
    arctic_client_free(client);
}

static void test_error_answers(void **state)
{
    (void)state;
    struct arctic_client *client = make_client((struct arctic_client_options){.size = 0});
    assert_fails(client, "GET", "/fail/ALREADY_EXISTS", NULL, ARCTIC_E_ALREADY_EXISTS, "secret detail",
                 "thing");
    assert_fails(client, "GET", "/fail/SYSTEM", NULL, ARCTIC_E_INTERNAL, "internal error", "");
    assert_fails(client, "GET", "/nowhere", NULL, ARCTIC_E_NOT_FOUND, "/nowhere", "");
    assert_fails(client, "POST", "/things", "{", ARCTIC_E_INVALID_REQUEST, "line 1", "");
    int32_t status = 0;
    char *body = NULL;
    assert_int_equal(arctic_client_send(client, "GET", "/fail/NOT_BOOTSTRAPPED", NULL, &status, &body, NULL),
                     0);
    assert_int_equal(status, 503);
    assert_contains(body, "NOT_BOOTSTRAPPED");
    arctic_client_free_text(body);
    arctic_client_free(client);
}

static void test_token_is_obtained_once_and_renewed(void **state)
{
    (void)state;
    struct arctic_client *client = make_client_with_secret();
    int issued = fixture.tokens_issued;
    assert_gets(client, "GET", "/echo/a", NULL, 200, "");
    assert_int_equal(fixture.tokens_issued, issued + 1);
    assert_gets(client, "GET", "/protected", NULL, 200, "token-");
    assert_gets(client, "GET", "/protected", NULL, 200, "token-");
    assert_int_equal(fixture.tokens_issued, issued + 1);
    fixture.token_number++;
    assert_gets(client, "POST", "/protected", "{\"z\":1}", 201, "{\"z\":1}");
    assert_int_equal(fixture.tokens_issued, issued + 2);
    assert_fails(client, "GET", "/admin", NULL, ARCTIC_E_FORBIDDEN, "scope admin", "");
    assert_int_equal(fixture.tokens_issued, issued + 2);
    arctic_client_free(client);
}

static void test_bad_credentials(void **state)
{
    (void)state;
    struct arctic_client *client =
        make_client((struct arctic_client_options){.client_id = "cli_x", .client_secret = "sec_wrong"});
    assert_fails(client, "GET", "/protected", NULL, ARCTIC_E_UNAUTHORIZED, "unknown client", "");
    arctic_client_free(client);
    client = make_client((struct arctic_client_options){.token = "token-old"});
    assert_fails(client, "GET", "/protected", NULL, ARCTIC_E_TOKEN_EXPIRED, "expired", "");
    arctic_client_free(client);
    client = make_client((struct arctic_client_options){.size = 0});
    assert_fails(client, "GET", "/protected", NULL, ARCTIC_E_UNAUTHORIZED, "required", "");
    arctic_client_free(client);
}

static void test_public_paths_need_no_token(void **state)
{
    (void)state;
    struct arctic_client *client = make_client_with_secret();
    int issued = fixture.tokens_issued;
    assert_fails(client, "GET", "/livez", NULL, ARCTIC_E_NOT_FOUND, "", "");
    assert_int_equal(fixture.tokens_issued, issued);
    arctic_client_free(client);
}

static void test_endpoints_in_turn(void **state)
{
    (void)state;
    const char *const endpoints[] = {dead_url, url, NULL};
    struct arctic_client *client = make_client((struct arctic_client_options){.endpoints = endpoints});
    assert_string_equal(arctic_client_endpoint(client), dead_url);
    assert_gets(client, "POST", "/things", "{}", 201, "{}");
    assert_string_equal(arctic_client_endpoint(client), url);
    arctic_client_free(client);

    const char *const dead[] = {dead_url, "http://127.0.0.1:1", NULL};
    client = make_client((struct arctic_client_options){.endpoints = dead});
    assert_fails(client, "GET", "/echo/a", NULL, ARCTIC_E_UNREACHABLE, dead_url, "");
    assert_fails(client, "GET", "/echo/a", NULL, ARCTIC_E_UNREACHABLE, "http://127.0.0.1:1: ", "");
    arctic_client_free(client);
}

/* Silent, since the queue of who listens there is full: the kernel drops what comes then. */
static void test_an_endpoint_that_is_silent_leaves_time_for_others(void **state)
{
    (void)state;
    char silent_url[64];
    uint16_t port;
    int listener = bound_socket(&port);
    int fillers[4];
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(listen(listener, 0), 0);
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fillers[i], (struct sockaddr *)&address, sizeof address);
    }
    make_url(silent_url, sizeof silent_url, port);
    const char *const endpoints[] = {silent_url, url, NULL};
    struct arctic_client *client =
        make_client((struct arctic_client_options){.endpoints = endpoints, .timeout_ms = 3000});
    assert_gets(client, "POST", "/things", "{}", 201, "{}");
    assert_string_equal(arctic_client_endpoint(client), url);
    arctic_client_free(client);
    for (size_t i = 0; i < sizeof fillers / sizeof fillers[0]; i++)
        close(fillers[i]);
    close(listener);
}

/* A listener in a thread that takes connections, reads, and answers each with the same text. */
struct rude_server {
    int fd;
    const char *answer;
    int connections;
    pthread_t thread;
    char url[64];
};

static void *serve_rudely(void *context)
{
    struct rude_server *server = context;
    char bytes[4096];
    int fd;
    while ((fd = accept(server->fd, NULL, NULL)) >= 0) {
        server->connections++;
        if (recv(fd, bytes, sizeof bytes, 0) > 0)
            send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL);
        close(fd);
    }
    return NULL;
}

static void rude_start(struct rude_server *server, const char *answer)
{
    uint16_t port;
    *server = (struct rude_server){.fd = bound_socket(&port), .answer = answer};
    make_url(server->url, sizeof server->url, port);
    assert_int_equal(listen(server->fd, 8), 0);
    assert_int_equal(pthread_create(&server->thread, NULL, serve_rudely, server), 0);
}

static void rude_stop(struct rude_server *server)
{
    shutdown(server->fd, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->fd);
}

static void test_broken_connection(void **state)
{
    (void)state;
    struct rude_server server;
    rude_start(&server, "");
    const char *const endpoints[] = {server.url, url, NULL};
    struct arctic_client *client = make_client((struct arctic_client_options){.endpoints = endpoints});
    int changed = fixture.things_changed;
    assert_fails(client, "POST", "/things", "{}", ARCTIC_E_UNREACHABLE, "may have been carried out", "");
    assert_int_equal(fixture.things_changed, changed);
    assert_gets(client, "GET", "/echo/a", NULL, 200, "\"id\":\"a\"");
    assert_int_equal(server.connections, 2);
    arctic_client_free(client);
    rude_stop(&server);
}

/* A token may be asked for twice: an answer to that which does not come leaves nobody in doubt. */
static void test_broken_connection_before_the_request(void **state)
{
    (void)state;
    struct rude_server server;
    rude_start(&server, "");
    const char *const endpoints[] = {server.url, NULL};
    struct arctic_client *client = make_client((struct arctic_client_options){
        .endpoints = endpoints, .client_id = "cli_x", .client_secret = "sec_y&z"});
    static const char *const methods[] = {"GET", "POST"};
    for (size_t i = 0; i < 2; i++) {
        struct arctic_error error;
        int code = arctic_client_request(client, methods[i], "/things", i ? "{}" : NULL, NULL, NULL, &error);
        assert_int_equal(code, ARCTIC_E_UNREACHABLE);
        assert_non_null(strstr(error.message, "no answer from the agent"));
        assert_null(strstr(error.message, "carried out"));
    }
    arctic_client_free(client);
    rude_stop(&server);
}

static void test_answers_that_make_no_sense(void **state)
{
    (void)state;
    static const struct {
        const char *answer;
        int code;
        const char *message;
    } cases[] = {
        {"SSH-2.0-OpenSSH_9.2\r\n", ARCTIC_E_PROTOCOL, "bad answer from the agent"},
        {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 6\r\n\r\n<html>", ARCTIC_E_INTERNAL, "status 502"},
        {"HTTP/1.1 404 Nope\r\nContent-Length: 0\r\n\r\n", ARCTIC_E_NOT_FOUND, "status 404"},
        {"HTTP/1.1 401 No\r\n\r\n{\"error\":1,\"code\":\"INT\"}", ARCTIC_E_UNAUTHORIZED, "status 401"},
        {"HTTP/1.1 422 No\r\n\r\n{\"error\":\"later\",\"code\":\"NEW_CODE\"} ", ARCTIC_E_INTERNAL, "later"},
        {"HTTP/1.1 400 No\r\n\r\n{\"error\":\"a\\nb\\u001b\",\"code\":\"USAGE\"}", ARCTIC_E_INVALID_REQUEST,
         "a?b?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rude_server server;
        rude_start(&server, cases[i].answer);
        const char *const endpoints[] = {server.url, NULL};
        struct arctic_client *client = make_client((struct arctic_client_options){.endpoints = endpoints});
        assert_fails(client, "GET", "/echo/a", NULL, cases[i].code, cases[i].message, "");
        arctic_client_free(client);
        rude_stop(&server);
    }
}

static void test_token_answer_that_makes_no_sense(void **state)
{
    (void)state;
    struct rude_server server;
    rude_start(&server, "HTTP/1.1 200 OK\r\n\r\n"
                        "{\"access_token\":\"a\\r\\nb\",\"expires_in\":10}");
    const char *const endpoints[] = {server.url, NULL};
    struct arctic_client *client = make_client((struct arctic_client_options){
        .endpoints = endpoints, .client_id = "cli_x", .client_secret = "sec_y&z"});
    assert_fails(client, "GET", "/protected", NULL, ARCTIC_E_PROTOCOL, server.url, "");
    arctic_client_free(client);
    rude_stop(&server);
}

static void test_time_out(void **state)
{
    (void)state;
    struct arctic_client *client = make_client((struct arctic_client_options){.timeout_ms = 300});
    assert_fails(client, "GET", "/hold", NULL, ARCTIC_E_TIMEOUT, url, "");
    uv_sem_wait(&fixture.holding);
    uv_async_send(&fixture.wish);
    arctic_client_free(client);
}

static void test_answer_that_is_too_large(void **state)
{
    (void)state;
    struct arctic_client *client = make_client((struct arctic_client_options){.size = 0});
    assert_fails(client, "GET", "/large/67108865", NULL, ARCTIC_E_LIMIT, "too large", "");
    assert_gets(client, "GET", "/large/67108864", NULL, 200, "xxx");
    arctic_client_free(client);
}

static void test_bootstrap(void **state)
{
    (void)state;
    struct arctic_client *client = make_client((struct arctic_client_options){.size = 0});
    struct arctic_error error;
    char *body = NULL;
    assert_ok(arctic_client_bootstrap(client, "{\"license_id\":\"lic_x\"}", "a", NULL, &body, &error), error);
    assert_contains(body, "{\"license\":{\"license_id\":\"lic_x\"},\"name\":\"a\"}");
    arctic_client_free_text(body);
    body = NULL;
    assert_int_equal(arctic_client_bootstrap(client, "no json", NULL, NULL, &body, &error),
                     ARCTIC_E_LICENSE_INVALID);
    assert_null(body);
    arctic_client_free(client);
}

static void assert_refused(struct arctic_client_options options, const char *field, const char *message)
{
    struct arctic_client *client = NULL;
    struct arctic_error error;
    options.size = sizeof options;
    assert_int_equal(arctic_client_create(&options, &client, &error), ARCTIC_E_USAGE);
    assert_string_equal(error.field, field);
    assert_contains(error.message, message);
    assert_null(client);
}

static void test_options(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint;
        const char *message;
    } wrong[] = {
        {"10.0.1.10:8080", "did you mean http://10.0.1.10:8080?"},
        {"ftp://a", "http://host:port"},
        {"http://u:p@a", "nothing more"},
        {"http://a/b", "nothing more"},
        {"http://a?b", "nothing more"},
        {"http://a:99999", "is no URL"},
        {"http://", "is no URL"},
        {"http:/10.0.1.10:8080", "is no URL: "},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *const endpoints[] = {wrong[i].endpoint, NULL};
        assert_refused((struct arctic_client_options){.endpoints = endpoints}, "endpoints", wrong[i].message);
    }
    const char *const none[] = {NULL};
    const char *const good[] = {"HTTP://[::1]:8080/", NULL};
    assert_refused((struct arctic_client_options){.endpoints = none}, "endpoints", "at least one");
    assert_refused((struct arctic_client_options){.endpoints = good, .client_id = "a"}, "client_secret",
                   "together");
    assert_refused((struct arctic_client_options){.endpoints = good, .timeout_ms = -1}, "timeout_ms",
                   "negative");
    struct arctic_client *client = make_client((struct arctic_client_options){.endpoints = good});
    assert_string_equal(arctic_client_endpoint(client), "http://[::1]:8080");
    assert_fails(client, "GET", "no/slash", NULL, ARCTIC_E_USAGE, "no/slash", "path");
    assert_fails(client, "GET", "/a b", NULL, ARCTIC_E_USAGE, "/a b", "path");
    assert_fails(client, "GET\r\nX:", "/a", NULL, ARCTIC_E_USAGE, "GET", "method");
    arctic_client_free(client);
    arctic_client_free(NULL);
}

/* Programs built against an older or a newer header. */
static void test_option_sizes(void **state)
{
    (void)state;
    struct {
        struct arctic_client_options options;
        char unknown[16];
    } larger = {.unknown = {0}};
    const char *const endpoints[] = {url, NULL};
    struct arctic_client *client = NULL;
    larger.options.endpoints = endpoints;
    larger.options.size = offsetof(struct arctic_client_options, client_id);
    larger.options.client_id = "not looked at";
    assert_int_equal(arctic_client_create(&larger.options, &client, NULL), ARCTIC_OK);
    arctic_client_free(client);
    larger.options.client_id = NULL;
    larger.options.size = sizeof larger;
    assert_int_equal(arctic_client_create(&larger.options, &client, NULL), ARCTIC_OK);
    arctic_client_free(client);
    larger.unknown[0] = 1;
    assert_int_equal(arctic_client_create(&larger.options, &client, NULL), ARCTIC_E_USAGE);
}

static void test_helpers(void **state)
{
    (void)state;
    static const char *const private_urls[] = {"https://10.0.0.1", "http://127.0.0.1:8080",
                                               "http://127.1.2.3", "http://[::1]:80",
                                               "http://localhost:8080"};
    static const char *const exposed_urls[] = {"http://10.0.0.1",
                                               "http://127.0.0.1.example.org",
                                               "http://[::2]",
                                               "localhost",
                                               "",
                                               "http://localhost.example.org"};
    for (size_t i = 0; i < sizeof private_urls / sizeof private_urls[0]; i++)
        assert_int_equal(arctic_client_is_private(private_urls[i]), 1);
    for (size_t i = 0; i < sizeof exposed_urls / sizeof exposed_urls[0]; i++)
        assert_int_equal(arctic_client_is_private(exposed_urls[i]), 0);
    char *text = arctic_client_escape("a-b_c.d~/ ?&=%\xc3\xa4");
    assert_string_equal(text, "a-b_c.d~%2F%20%3F%26%3D%25%C3%A4");
    arctic_client_free_text(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_error_answers),
        cmocka_unit_test(test_token_is_obtained_once_and_renewed),
        cmocka_unit_test(test_bad_credentials),
        cmocka_unit_test(test_public_paths_need_no_token),
        cmocka_unit_test(test_endpoints_in_turn),
        cmocka_unit_test(test_an_endpoint_that_is_silent_leaves_time_for_others),
        cmocka_unit_test(test_broken_connection),
        cmocka_unit_test(test_broken_connection_before_the_request),
        cmocka_unit_test(test_answers_that_make_no_sense),
        cmocka_unit_test(test_token_answer_that_makes_no_sense),
        cmocka_unit_test(test_time_out),
        cmocka_unit_test(test_answer_that_is_too_large),
        cmocka_unit_test(test_bootstrap),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_option_sizes),
        cmocka_unit_test(test_helpers),
    };
    return cmocka_run_group_tests_name("rest client", tests, start, stop);
}
