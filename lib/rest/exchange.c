/* One exchange over HTTP: request line, headers, body, handler, answer, each phase with its deadline and refusals. */
#include "rest/request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "rest/connection.h"

/* A refused body is read and dropped up to here, so that its sender gets to the answer; then it is cut off.
 */
#define SWALLOW_MAX (8 * ARCI_HTTP_BODY_MAX)

/* Bodies of requests that anybody can make share so much memory. Small ones, such as of token requests, always have room. */
#define STRANGERS_MAX ((size_t)64 * 1024 * 1024)
#define SMALL_BODY ((size_t)64 * 1024)

struct arci_exchange {
    struct arci_http_server *server;
    struct MHD_Connection *connection;
    struct arci_request *request;
    struct arci_exchange *next_waiting;
    struct arci_exchange **waiting_link; /* NULL while it does not wait */
    bool headers_seen;
    bool body_declared;
    bool handed_over; /* the handler has been called */
    size_t body_seen; /* bytes received, kept or not */
    size_t share;     /* of STRANGERS_MAX */
};

/* Gives the connection's phase so many milliseconds from now; 0: as long as it takes. */
static void set_deadline(struct MHD_Connection *handle, int64_t milliseconds)
{
    struct arci_http_connection *connection = arci_http_connection_of(handle);
    if (connection)
        connection->deadline = milliseconds ? arci_time_monotonic() + milliseconds : 0;
}

static void set_phase(struct MHD_Connection *handle, enum arci_http_phase phase, int64_t milliseconds)
{
    struct arci_http_connection *connection = arci_http_connection_of(handle);
    if (connection)
        connection->phase = phase;
    set_deadline(handle, milliseconds);
}

static const char *find_header(void *source, const char *name)
{
    const struct arci_exchange *exchange = source;
    return MHD_lookup_connection_value(exchange->connection, MHD_HEADER_KIND, name);
}

static bool find_basic(void *source, char **ret_name, char **ret_secret)
{
    const struct arci_exchange *exchange = source;
    char *secret = NULL;
    char *name = MHD_basic_auth_get_username_password(exchange->connection, &secret);
    bool complete = name && secret;
    if (complete) {
        *ret_name = strdup(name);
        *ret_secret = strdup(secret);
        if (!*ret_name || !*ret_secret) {
            free(*ret_name);
            arci_free_secret(*ret_secret);
            complete = false;
        }
    }
    if (secret)
        arci_wipe(secret, strlen(secret));
    MHD_free(secret);
    MHD_free(name);
    return complete;
}

static void stop_waiting(struct arci_exchange *exchange)
{
    if (!exchange->waiting_link)
        return;
    *exchange->waiting_link = exchange->next_waiting;
    if (exchange->next_waiting)
        exchange->next_waiting->waiting_link = exchange->waiting_link;
    exchange->waiting_link = NULL;
    exchange->next_waiting = NULL;
}

static void start_waiting(struct arci_exchange *exchange)
{
    struct arci_http_server *server = exchange->server;
    exchange->next_waiting = server->waiting;
    exchange->waiting_link = &server->waiting;
    if (server->waiting)
        server->waiting->waiting_link = &exchange->next_waiting;
    server->waiting = exchange;
    MHD_suspend_connection(exchange->connection);
}

static void go_on(void *source)
{
    struct arci_exchange *exchange = source;
    if (!exchange->waiting_link)
        return;
    stop_waiting(exchange);
    MHD_resume_connection(exchange->connection);
    arci_http_server_run_soon(exchange->server);
}

void arci_exchanges_resume_all(struct arci_http_server *server)
{
    while (server->waiting) {
        struct arci_exchange *exchange = server->waiting;
        stop_waiting(exchange);
        MHD_resume_connection(exchange->connection);
    }
}

static const struct arci_request_source source_calls = {find_header, find_basic, go_on};

static struct arctic_endpoint remote_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr)
        return (struct arctic_endpoint){.port = 0};
    return arci_endpoint_from_sockaddr(info->client_addr);
}

/* The request line has come. */
void *arci_exchange_on_target(void *context, const char *target, struct MHD_Connection *handle)
{
    struct arci_http_server *server = context;
    const struct arctic_endpoint remote = remote_of(handle);
    struct arci_http_connection *connection = arci_http_connection_of(handle);
    server->calls++;
    if (connection)
        arci_http_connection_speaks(connection);
    set_deadline(handle, server->options.header_timeout);
    struct arci_exchange *exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    exchange->server = server;
    exchange->connection = handle;
    exchange->request = arci_request_create(server, target, &remote, &source_calls, exchange);
    if (!exchange->request) {
        free(exchange);
        return NULL;
    }
    exchange->request->is_tls = server->tls_key != NULL;
    return exchange;
}

/* The answer has been sent, or the connection has gone. */
void arci_exchange_on_completed(void *context, struct MHD_Connection *handle, void **exchange_context,
                                enum MHD_RequestTerminationCode how)
{
    (void)how;
    struct arci_http_server *server = context;
    struct arci_exchange *exchange = *exchange_context;
    server->calls++;
    set_phase(handle, ARCI_HTTP_IDLE, server->options.idle_timeout);
    if (!exchange)
        return;
    *exchange_context = NULL;
    arci_request_log(exchange->request);
    exchange->server->strangers -= exchange->share;
    stop_waiting(exchange);
    arci_request_detach(exchange->request);
    free(exchange);
}

static void add_headers(struct MHD_Response *response, const struct arci_request *request)
{
    const struct arci_http_answer *answer = &request->answer;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (answer->content_type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer->content_type);
    if (answer->status == MHD_HTTP_UNAUTHORIZED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, request->allow);
}

/* Queues the answer; without one (memory ran out) the connection is closed. */
static enum MHD_Result send_answer(struct arci_exchange *exchange)
{
    struct arci_http_answer *answer = &exchange->request->answer;
    struct MHD_Response *response = NULL;
    if (answer->status)
        response = MHD_create_response_from_buffer_with_free_callback(answer->length, answer->body, free);
    if (!response)
        return MHD_NO;
    answer->body = NULL;
    add_headers(response, exchange->request);
    const struct arci_http_options *options = &exchange->server->options;
    uint64_t transfer = (uint64_t)answer->length * 1000 / options->send_rate;
    set_phase(exchange->connection, ARCI_HTTP_IN_TRANSIT, options->send_timeout + (int64_t)transfer);
    enum MHD_Result result = MHD_queue_response(exchange->connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
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

/* Headers that decide who may do what, and where: none of them means anything twice. */
static const char *const single_headers[] = {MHD_HTTP_HEADER_AUTHORIZATION, "X-Arctic-Peer",
                                             "X-Arctic-Recovery"};
#define SINGLE_HEADERS (sizeof single_headers / sizeof single_headers[0])

struct head {
    struct framing framing;
    unsigned seen[SINGLE_HEADERS];
};

static enum MHD_Result note_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct head *head = context;
    (void)kind;
    for (size_t i = 0; i < SINGLE_HEADERS; i++)
        head->seen[i] += strcasecmp(name, single_headers[i]) == 0;
    head->framing.lengths += strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0;
    if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) != 0)
        return MHD_YES;
    head->framing.encodings++;
    if (!value || strcasecmp(value, "chunked") != 0)
        head->framing.unknown_encoding = true;
    return MHD_YES;
}

/* Of two, the agent and what stands in front of it may each go by another. */
static int check_single_headers(struct arci_exchange *exchange, const struct head *head)
{
    for (size_t i = 0; i < SINGLE_HEADERS; i++) {
        if (head->seen[i] > 1)
            return arci_fail(&exchange->request->rejection, ARCTIC_E_INVALID_REQUEST, single_headers[i],
                             "the request has %u headers %s: send one", head->seen[i], single_headers[i]);
    }
    return ARCTIC_OK;
}

/*
 * One way to say it, or none: a proxy in front that takes another of two sees other requests than this server does
 * (RFC 9112 sections 6.1, 6.3 and 11.2). libmicrohttpd takes the first length, and waits for the end of the connection
 * where it does not know the encoding.
 */
static int check_framing(struct arci_exchange *exchange, const struct framing *framing)
{
    exchange->body_declared = framing->lengths + framing->encodings > 0;
    if (framing->lengths + framing->encodings <= 1 && !framing->unknown_encoding)
        return ARCTIC_OK;
    return arci_fail(
        &exchange->request->rejection, ARCTIC_E_INVALID_REQUEST, NULL,
        "where the body ends is not clear: send one Content-Length, or Transfer-Encoding: chunked "
        "alone");
}

/* The headers have come: all that can be refused without the body is, before a byte of it is kept. */
static enum MHD_Result begin(struct arci_exchange *exchange, const char *method)
{
    struct arci_request *request = exchange->request;
    exchange->headers_seen = true;
    set_phase(exchange->connection, ARCI_HTTP_IN_TRANSIT, exchange->server->options.body_timeout);
    struct head head = {0};
    MHD_get_connection_values(exchange->connection, MHD_HEADER_KIND, note_header, &head);
    bool framed = check_framing(exchange, &head.framing) >= 0;
    if (framed)
        check_single_headers(exchange, &head);
    int code = arci_request_admit(request, method);
    if (code == ARCTIC_OK && declared_length(request) > ARCI_HTTP_BODY_MAX)
        code = arci_request_reject_size(request);
    if (code == ARCTIC_OK || (framed && !refuses_at_once(request)))
        return MHD_YES;
    arci_request_set_failure(request, &request->rejection);
    return send_answer(exchange);
}

static int take_share(struct arci_exchange *exchange, size_t length)
{
    struct arci_http_server *server = exchange->server;
    if (arci_request_principal(exchange->request) || exchange->body_seen <= SMALL_BODY)
        return ARCTIC_OK;
    if (server->strangers + length > STRANGERS_MAX)
        return arci_fail(&exchange->request->rejection, ARCTIC_E_BODY_TOO_LARGE, NULL,
                         "other large bodies without a token take all the memory that there is for such: try "
                         "again soon");
    exchange->share += length;
    server->strangers += length;
    return ARCTIC_OK;
}

static void return_share(struct arci_exchange *exchange)
{
    exchange->server->strangers -= exchange->share;
    exchange->share = 0;
}

static int check_size(struct arci_exchange *exchange, size_t length)
{
    if (exchange->body_seen > ARCI_HTTP_BODY_MAX)
        return arci_request_reject_size(exchange->request);
    return take_share(exchange, length);
}

static enum MHD_Result take_body(struct arci_exchange *exchange, const char *bytes, size_t length)
{
    struct arci_request *request = exchange->request;
    exchange->body_seen += length;
    if (request->rejection.code == ARCTIC_OK && check_size(exchange, length) < 0) {
        arci_buffer_release_secret(&request->body);
        return_share(exchange);
    }
    if (request->rejection.code == ARCTIC_OK)
        arci_buffer_append(&request->body, bytes, length);
    return exchange->body_seen > SWALLOW_MAX ? MHD_NO : MHD_YES;
}

/* The body has come whole. */
static enum MHD_Result hand_over(struct arci_exchange *exchange)
{
    set_phase(exchange->connection, ARCI_HTTP_SERVED, 0);
    exchange->handed_over = true;
    /* While it came, however slowly, the caller may have been revoked, or the agent have left its cluster. */
    if (exchange->body_declared)
        arci_request_readmit(exchange->request);
    if (arci_request_serve(exchange->request))
        return send_answer(exchange);
    start_waiting(exchange);
    return MHD_YES;
}

enum MHD_Result arci_exchange_on_request(void *context, struct MHD_Connection *handle, const char *url,
                                         const char *method, const char *version, const char *bytes,
                                         size_t *length, void **exchange_context)
{
    (void)handle;
    (void)url;
    (void)version;
    struct arci_exchange *exchange = *exchange_context;
    ((struct arci_http_server *)context)->calls++;
    if (!exchange)
        return MHD_NO;
    if (!exchange->headers_seen)
        return begin(exchange, method);
    if (*length > 0) {
        size_t taken = *length;
        *length = 0;
        return take_body(exchange, bytes, taken);
    }
    return exchange->handed_over ? send_answer(exchange) : hand_over(exchange);
}
