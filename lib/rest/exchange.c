/* One exchange: request line, headers, body, handler, answer, each phase with its deadline and refusals. */
#include "rest/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/error.h"
#include "base/log.h"
#include "base/time.h"
#include "rest/connection.h"

/* A refused body is read and dropped up to here, so that its sender gets to the answer; then it is cut off.
 */
#define SWALLOW_MAX (8 * ARCI_HTTP_BODY_MAX)

/* Gives the connection's phase so many milliseconds from now; 0: as long as it takes. */
static void set_deadline(struct MHD_Connection *handle, int64_t milliseconds)
{
    struct arci_http_connection *connection = arci_http_connection_of(handle);
    if (connection)
        connection->deadline = milliseconds ? arci_time_monotonic() + milliseconds : 0;
}

/* The request line has come. */
void *arci_exchange_on_target(void *context, const char *target, struct MHD_Connection *handle)
{
    struct arci_http_server *server = context;
    set_deadline(handle, server->options.header_timeout);
    return arci_request_create(server, handle, target);
}

static void log_request(const struct arci_http_server *server, const struct arci_request *request)
{
    if (!arci_log_enabled(server->options.log, ARCTIC_LOG_DEBUG))
        return;
    char remote[ARCTIC_ENDPOINT_TEXT];
    arci_log_debug(server->options.log, "api", "request", ARCI_TEXT("method", request->method),
                   ARCI_TEXT("path", arci_request_path(request)), ARCI_INT("status", request->status),
                   ARCI_INT("ms", arci_time_monotonic() - request->started_at),
                   ARCI_TEXT("remote", arctic_endpoint_format(&request->remote, remote)));
}

void arci_exchange_stop_waiting(struct arci_request *request)
{
    if (!request->waiting_link)
        return;
    *request->waiting_link = request->next_waiting;
    if (request->next_waiting)
        request->next_waiting->waiting_link = request->waiting_link;
    request->waiting_link = NULL;
    request->next_waiting = NULL;
}

static void start_waiting(struct arci_http_server *server, struct arci_request *request)
{
    request->next_waiting = server->waiting;
    request->waiting_link = &server->waiting;
    if (server->waiting)
        server->waiting->waiting_link = &request->next_waiting;
    server->waiting = request;
    MHD_suspend_connection(request->connection);
}

/* The answer has been sent, or the connection has gone. */
void arci_exchange_on_completed(void *context, struct MHD_Connection *handle, void **request_context,
                                enum MHD_RequestTerminationCode how)
{
    (void)how;
    struct arci_http_server *server = context;
    struct arci_request *request = *request_context;
    set_deadline(handle, server->options.idle_timeout);
    if (!request)
        return;
    *request_context = NULL;
    log_request(server, request);
    arci_exchange_stop_waiting(request);
    request->server = NULL;
    request->connection = NULL;
    arci_request_unreference(request);
}

void arci_exchange_resume(struct arci_request *request)
{
    if (!request->server || !request->waiting_link)
        return;
    arci_exchange_stop_waiting(request);
    MHD_resume_connection(request->connection);
    arci_http_server_run_soon(request->server);
}

/* Queues the answer; without one (memory ran out) the connection is closed. */
static enum MHD_Result send_response(struct arci_http_server *server, struct arci_request *request)
{
    if (!request->response)
        return MHD_NO;
    uint64_t transfer = (uint64_t)request->response_length * 1000 / server->options.send_rate;
    set_deadline(request->connection, server->options.send_timeout + (int64_t)transfer);
    return MHD_queue_response(request->connection, request->status, request->response);
}

static unsigned long long declared_length(const struct arci_request *request)
{
    const char *length = arci_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length ? strtoull(length, NULL, 10) : 0;
}

/*
 * Whether a refusal goes out before the body: when the client waits for leave to send it, or when it is too large
 * to be swallowed. Any other client is sending already, and many never look at an answer before they have sent all.
 */
static bool refuses_at_once(const struct arci_request *request)
{
    return arci_request_header(request, MHD_HTTP_HEADER_EXPECT) || declared_length(request) > SWALLOW_MAX;
}

/* What the headers say about where the body ends. */
struct framing {
    unsigned lengths;
    unsigned encodings;
    bool unknown_encoding;
};

static enum MHD_Result note_framing(void *context, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct framing *framing = context;
    (void)kind;
    framing->lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) != 0)
        return MHD_YES;
    framing->encodings++;
    framing->unknown_encoding = framing->unknown_encoding || !value || strcasecmp(value, "chunked") != 0;
    return MHD_YES;
}

/*
 * One way to say it, or none: a proxy in front that takes another of two sees other requests than this server does
 * (RFC 9112 sections 6.1, 6.3 and 11.2). libmicrohttpd takes the first length, and waits for the end of the connection
 * where it does not know the encoding.
 */
static int check_framing(struct arci_request *request)
{
    struct framing framing = {0};
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, note_framing, &framing);
    if (framing.lengths + framing.encodings <= 1 && !framing.unknown_encoding)
        return ARCTIC_OK;
    return arci_fail(
        &request->rejection, ARCTIC_E_INVALID_REQUEST, NULL,
        "where the body ends is not clear: send one Content-Length, or Transfer-Encoding: chunked "
        "alone");
}

static int reject_size(struct arci_request *request)
{
    return arci_fail(&request->rejection, ARCTIC_E_BODY_TOO_LARGE, NULL, "the body is larger than %zu bytes",
                     ARCI_HTTP_BODY_MAX);
}

static int authorize(struct arci_http_server *server, struct arci_request *request)
{
    const struct arci_http_endpoint *endpoint = request->endpoint;
    bool waived = (endpoint->flags & ARCI_HTTP_PUBLIC_ON_LOOPBACK) && arci_request_is_loopback(request);
    if (!endpoint->scope || waived)
        return ARCTIC_OK;
    return server->options.authorize(server->options.context, request, endpoint->scope, &request->rejection);
}

/* The headers have come: all that can be refused without the body is, before a byte of it is kept. */
static enum MHD_Result begin(struct arci_http_server *server, struct arci_request *request,
                             const char *method)
{
    snprintf(request->method, sizeof request->method, "%s", method);
    request->headers_seen = true;
    set_deadline(request->connection, server->options.body_timeout);
    int code = request->rejection.code;
    bool framed = check_framing(request) >= 0;
    if (!framed)
        code = request->rejection.code;
    if (code == ARCTIC_OK)
        code = arci_routing_find(server->options.endpoints, request->method, &request->target,
                                 &request->endpoint, request->allow, &request->rejection);
    if (code == ARCTIC_OK)
        code = authorize(server, request);
    if (code == ARCTIC_OK && declared_length(request) > ARCI_HTTP_BODY_MAX)
        code = reject_size(request);
    if (code == ARCTIC_OK || (framed && !refuses_at_once(request)))
        return MHD_YES;
    arci_request_set_failure(request, &request->rejection);
    return send_response(server, request);
}

static enum MHD_Result take_body(struct arci_request *request, const char *bytes, size_t length)
{
    request->body_seen += length;
    if (request->rejection.code == ARCTIC_OK && request->body_seen > ARCI_HTTP_BODY_MAX) {
        reject_size(request);
        arci_buffer_release_secret(&request->body);
    }
    if (request->rejection.code == ARCTIC_OK)
        arci_buffer_append(&request->body, bytes, length);
    return request->body_seen > SWALLOW_MAX ? MHD_NO : MHD_YES;
}

/* The body has come whole. */
static enum MHD_Result hand_over(struct arci_http_server *server, struct arci_request *request)
{
    if (request->rejection.code == ARCTIC_OK)
        arci_request_read_body(request, &request->rejection);
    if (request->rejection.code != ARCTIC_OK) {
        arci_request_set_failure(request, &request->rejection);
        return send_response(server, request);
    }
    set_deadline(request->connection, 0);
    request->handed_over = true;
    request->references++;
    request->endpoint->handler(server->options.context, request);
    if (request->references > 1) {
        start_waiting(server, request);
        return MHD_YES;
    }
    return send_response(server, request);
}

enum MHD_Result arci_exchange_on_request(void *context, struct MHD_Connection *handle, const char *url,
                                         const char *method, const char *version, const char *bytes,
                                         size_t *length, void **request_context)
{
    (void)handle;
    (void)url;
    (void)version;
    struct arci_http_server *server = context;
    struct arci_request *request = *request_context;
    if (!request)
        return MHD_NO;
    if (!request->headers_seen)
        return begin(server, request, method);
    if (*length > 0) {
        size_t taken = *length;
        *length = 0;
        return take_body(request, bytes, taken);
    }
    return request->handed_over ? send_response(server, request) : hand_over(server, request);
}
