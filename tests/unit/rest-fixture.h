/* A REST server on a loop in a thread of its own, with endpoints that try each kind of request and answer. */
#ifndef ARCTIC_TESTS_REST_FIXTURE_H
#define ARCTIC_TESTS_REST_FIXTURE_H

#include "tests/unit/unit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/error.h"
#include "base/secret.h"
#include "rest/server.h"

#define FIXTURE_TOKEN_SIZE 24

struct fixture {
    uv_loop_t loop;
    uv_async_t wish; /* stop, or answer the held request */
    pthread_t thread;
    struct arci_http_server *server;
    struct arctic_endpoint endpoint;
    struct arci_request *held;
    bool held_had_headers; /* at the time of its answer */
    uv_sem_t holding;      /* posted when a request is held */
    bool stop;
    bool closed_first; /* the server was closed while a request was held */
    int token_number;  /* of the one token that is good */
    int tokens_issued;
    int things_changed;
};

static void handle_echo(void *context, struct arci_request *request)
{
    struct fixture *fixture = context;
    const char *query = arci_request_query(request, "q");
    json_t *body = json_pack("{s:s, s:s, s:b, s:i}", "id", arci_request_parameter(request, "id"), "query",
                             query ? query : "", "loopback", arci_request_is_loopback(request), "changed",
                             fixture->things_changed);
    arci_request_respond_json(request, 200, body);
}

static void handle_strict_query(void *context, struct arci_request *request)
{
    (void)context;
    struct arctic_error error = {0};
    bool flag = false;
    if (arci_request_query_boolean(request, "flag", &flag, &error) < 0) {
        arci_request_fail(request, &error);
        return;
    }
    arci_request_respond_json(request, 200, json_pack("{s:b}", "flag", flag));
}

static void handle_create(void *context, struct arci_request *request)
{
    struct fixture *fixture = context;
    fixture->things_changed++;
    arci_request_respond_json(request, 201, json_incref((json_t *)arci_request_json(request)));
}

static void handle_optional(void *context, struct arci_request *request)
{
    (void)context;
    bool has_body = arci_request_json(request) != NULL;
    arci_request_respond_json(request, 200, json_pack("{s:b}", "body", has_body));
}

static void handle_delete(void *context, struct arci_request *request)
{
    ((struct fixture *)context)->things_changed++;
    arci_request_respond_empty(request, 204);
}

static void handle_fail(void *context, struct arci_request *request)
{
    (void)context;
    struct arctic_error error;
    int32_t code = arctic_code_from_name(arci_request_parameter(request, "code"));
    arci_fail(&error, code, "thing", "secret detail %s", "\xc3");
    arci_request_fail(request, &error);
}

static void handle_hold(void *context, struct arci_request *request)
{
    struct fixture *fixture = context;
    fixture->held = request;
    uv_sem_post(&fixture->holding);
}

static void handle_large(void *context, struct arci_request *request)
{
    (void)context;
    size_t size = (size_t)atoi(arci_request_parameter(request, "size"));
    char *text = malloc(size + 1);
    if (text) {
        memset(text, 'x', size);
        text[size] = '\0';
    }
    arci_request_respond_text(request, 200, "text/plain", text);
}

static void handle_headers(void *context, struct arci_request *request)
{
    (void)context;
    arci_request_respond_json(
        request, 200,
        json_pack("{s:s*, s:s*, s:s*, s:b}", "authorization", arci_request_header(request, "Authorization"),
                  "peer", arci_request_header(request, "X-Arctic-Peer"), "recovery",
                  arci_request_header(request, "X-Arctic-Recovery"), "tls", arci_request_is_tls(request)));
}

static void handle_self(void *context, struct arci_request *request)
{
    (void)context;
    arci_request_respond_text(request, 200, "text/plain", strdup("me"));
}

static void handle_token(void *context, struct arci_request *request)
{
    struct fixture *fixture = context;
    const char *id = arci_request_form(request, "client_id");
    const char *secret = arci_request_form(request, "client_secret");
    char *basic_id = NULL;
    char *basic_secret = NULL;
    if (arci_request_basic(request, &basic_id, &basic_secret)) {
        id = basic_id;
        secret = basic_secret;
    }
    char token[FIXTURE_TOKEN_SIZE];
    snprintf(token, sizeof token, "token-%d", ++fixture->token_number);
    struct arctic_error error;
    if (id && secret && strcmp(id, "cli_x") == 0 && strcmp(secret, "sec_y&z") == 0) {
        fixture->tokens_issued++;
        arci_request_respond_json(request, 200,
                                  json_pack("{s:s, s:s, s:i, s:s}", "access_token", token, "token_type",
                                            "Bearer", "expires_in", 3600, "scope", "admin"));
    } else {
        arci_fail(&error, ARCTIC_E_UNAUTHORIZED, NULL, "unknown client or wrong secret");
        arci_request_fail(request, &error);
    }
    free(basic_id);
    arci_free_secret(basic_secret);
}

static int fixture_authorize(void *context, struct arci_request *request, const char *scope,
                             struct arctic_error *error)
{
    struct fixture *fixture = context;
    const char *token = arci_request_bearer(request);
    char good[FIXTURE_TOKEN_SIZE];
    snprintf(good, sizeof good, "token-%d", fixture->token_number);
    if (!token)
        return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL, "a bearer token is required");
    if (strcmp(token, good) != 0)
        return arci_fail(error, ARCTIC_E_TOKEN_EXPIRED, NULL, "the token has expired");
    if (strcmp(scope, "admin") == 0)
        return arci_fail(error, ARCTIC_E_FORBIDDEN, NULL, "this needs the scope admin");
    arci_request_set_principal(request, strdup(token), free);
    return ARCTIC_OK;
}

static void handle_principal(void *context, struct arci_request *request)
{
    (void)context;
    arci_request_respond_json(request, 200, json_pack("{s:s}", "principal", arci_request_principal(request)));
}

static const struct arci_http_endpoint fixture_endpoints[] = {
    {.method = "GET", .path = "/echo/{id}", .handler = handle_echo, .summary = "echoes"},
    {.method = "GET", .path = "/headers", .handler = handle_headers, .summary = "tells the headers"},
    {.method = "GET", .path = "/echo/self", .handler = handle_self, .summary = "goes before a parameter"},
    {.method = "GET",
     .path = "/strict",
     .handler = handle_strict_query,
     .summary = "checks its query",
     .query = "flag"},
    {.method = "POST",
     .path = "/things",
     .handler = handle_create,
     .flags = ARCI_HTTP_JSON,
     .summary = "takes a body"},
    {.method = "POST",
     .path = "/v1/bootstrap",
     .handler = handle_create,
     .flags = ARCI_HTTP_JSON,
     .summary = "echoes"},
    {.method = "POST",
     .path = "/optional",
     .handler = handle_optional,
     .flags = ARCI_HTTP_JSON_OPTIONAL,
     .summary = "may take a body"},
    {.method = "DELETE", .path = "/things/{id}", .handler = handle_delete, .summary = "takes no body"},
    {.method = "PUT",
     .path = "/things/{id}",
     .handler = handle_create,
     .flags = ARCI_HTTP_JSON,
     .summary = "takes a body"},
    {.method = "GET", .path = "/fail/{code}", .handler = handle_fail, .summary = "fails"},
    {.method = "GET", .path = "/hold", .handler = handle_hold, .summary = "answers later"},
    {.method = "GET", .path = "/large/{size}", .handler = handle_large, .summary = "answers at length"},
    {.method = "POST",
     .path = "/v1/oauth/token",
     .handler = handle_token,
     .flags = ARCI_HTTP_FORM,
     .summary = "makes tokens"},
    {.method = "GET",
     .path = "/protected",
     .scope = "services.read",
     .handler = handle_principal,
     .summary = "needs a token"},
    {.method = "POST",
     .path = "/protected",
     .scope = "services.write",
     .handler = handle_create,
     .flags = ARCI_HTTP_JSON,
     .summary = "needs a token"},
    {.method = "GET",
     .path = "/admin",
     .scope = "admin",
     .handler = handle_principal,
     .summary = "is refused to all"},
    {.method = "GET",
     .path = "/local",
     .scope = "admin",
     .handler = handle_optional,
     .flags = ARCI_HTTP_PUBLIC_ON_LOOPBACK,
     .summary = "public on loopback"},
    {.method = NULL},
};

static void fixture_on_closed(void *context)
{
    uv_close((uv_handle_t *)&((struct fixture *)context)->wish, NULL);
}

static void fixture_answer_held(struct fixture *fixture)
{
    struct arci_request *held = fixture->held;
    fixture->held = NULL;
    if (!held)
        return;
    fixture->held_had_headers = arci_request_header(held, "Host") != NULL;
    arci_request_respond_json(held, 200, json_pack("{s:b}", "late", 1));
}

static void fixture_on_wish(uv_async_t *async)
{
    struct fixture *fixture = async->data;
    if (!fixture->stop) {
        fixture_answer_held(fixture);
        return;
    }
    fixture->closed_first = fixture->held != NULL;
    arci_http_server_close(fixture->server, fixture_on_closed, fixture);
    fixture_answer_held(fixture);
}

static void *fixture_run(void *context)
{
    uv_run(&((struct fixture *)context)->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* The server alone: the caller runs the loop. */
static void fixture_make(struct fixture *fixture, struct arci_http_options options)
{
    struct arctic_error error;
    memset(fixture, 0, sizeof *fixture);
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    assert_int_equal(uv_sem_init(&fixture->holding, 0), 0);
    assert_int_equal(uv_async_init(&fixture->loop, &fixture->wish, fixture_on_wish), 0);
    fixture->wish.data = fixture;
    options.loop = &fixture->loop;
    options.address = options.address ? options.address : "127.0.0.1";
    options.endpoints = fixture_endpoints;
    options.authorize = fixture_authorize;
    options.context = fixture;
    assert_ok(arci_http_server_create(&options, &fixture->server, &error), error);
    fixture->endpoint = arci_http_server_endpoint(fixture->server);
}

static __attribute__((unused)) void fixture_start(struct fixture *fixture, struct arci_http_options options)
{
    fixture_make(fixture, options);
    assert_int_equal(pthread_create(&fixture->thread, NULL, fixture_run, fixture), 0);
}

static __attribute__((unused)) void fixture_stop(struct fixture *fixture)
{
    fixture->stop = true;
    uv_async_send(&fixture->wish);
    pthread_join(fixture->thread, NULL);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    uv_sem_destroy(&fixture->holding);
}

static void assert_contains(const char *text, const char *part)
{
    if (!text || !strstr(text, part))
        fail_msg("'%s' is missing in:\n%s", part, text ? text : "(nothing)");
}

#endif
