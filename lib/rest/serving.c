/* What happens to a request between its source and its handler: endpoint, authority, body. */
#include "rest/request.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "base/time.h"

static int authorize(struct arci_request *request)
{
    const struct arci_http_options *options = &request->server->options;
    const struct arci_http_endpoint *endpoint = request->endpoint;
    bool waived = (endpoint->flags & ARCI_HTTP_PUBLIC_ON_LOOPBACK) && arci_request_is_loopback(request);
    if (!endpoint->scope || waived)
        return ARCTIC_OK;
    return options->authorize(options->context, request, endpoint->scope, &request->rejection);
}

int arci_request_admit(struct arci_request *request, const char *method)
{
    snprintf(request->method, sizeof request->method, "%s", method);
    int code = request->rejection.code;
    if (code == ARCTIC_OK)
        code = arci_routing_find(request->server->options.endpoints, request->method, &request->target,
                                 &request->endpoint, request->allow, &request->rejection);
    return code == ARCTIC_OK ? authorize(request) : code;
}

int arci_request_readmit(struct arci_request *request)
{
    return request->rejection.code == ARCTIC_OK ? authorize(request) : request->rejection.code;
}

int arci_request_reject_size(struct arci_request *request)
{
    return arci_fail(&request->rejection, ARCTIC_E_BODY_TOO_LARGE, NULL, "the body is larger than %zu bytes",
                     ARCI_HTTP_BODY_MAX);
}

static bool is_media_type(const char *header, const char *type)
{
    size_t length = strcspn(header, "; \t");
    return strlen(type) == length && strncasecmp(header, type, length) == 0;
}

static int check_media_type(const struct arci_request *request, const char *wanted,
                            struct arctic_error *error)
{
    const char *type = arci_request_header(request, "Content-Type");
    if (!type || is_media_type(type, wanted))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "Content-Type", "the body must be %s, not '%.80s'",
                     wanted, type);
}

static int read_json(struct arci_request *request, struct arctic_error *error)
{
    bool required = request->endpoint->flags & ARCI_HTTP_JSON;
    if (request->body.length == 0 && required)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "a JSON object is required as the body");
    if (request->body.length == 0)
        return ARCTIC_OK;
    int code = check_media_type(request, "application/json", error);
    if (code < 0)
        return code;
    return arci_json_parse(request->body.data, request->body.length, &request->json, error);
}

static int read_form(struct arci_request *request, struct arctic_error *error)
{
    if (request->body.length == 0)
        return ARCTIC_OK;
    int code = check_media_type(request, "application/x-www-form-urlencoded", error);
    if (code < 0)
        return code;
    char *text = (char *)request->body.data;
    if (strlen(text) != request->body.length)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "the form holds a NUL character");
    return arci_pairs_parse(text, "form", &request->form, error);
}

static int read_body(struct arci_request *request, struct arctic_error *error)
{
    if (request->body.failed)
        return arci_fail_memory(error);
    if (request->endpoint->flags & (ARCI_HTTP_JSON | ARCI_HTTP_JSON_OPTIONAL))
        return read_json(request, error);
    if (request->endpoint->flags & ARCI_HTTP_FORM)
        return read_form(request, error);
    if (request->body.length > 0)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "%s %.200s takes no body", request->method,
                         request->target.path);
    return ARCTIC_OK;
}

/* Whether somebody else has answered the request or is going to. */
static bool divert(struct arci_request *request)
{
    const struct arci_http_options *options = &request->server->options;
    struct arctic_error error;
    bool diverted = false;
    if (!options->divert)
        return false;
    int code = options->divert(options->context, request, &diverted, &error);
    if (code < 0)
        arci_request_fail(request, &error);
    return diverted || code < 0;
}

static int check_query(struct arci_request *request, struct arctic_error *error)
{
    const struct arci_http_endpoint *endpoint = request->endpoint;
    if (!endpoint->scope && !endpoint->query)
        return ARCTIC_OK;
    return arci_pairs_check(&request->target.query, endpoint->query ? endpoint->query : "", "query", error);
}

bool arci_request_serve(struct arci_request *request)
{
    if (request->rejection.code == ARCTIC_OK)
        check_query(request, &request->rejection);
    if (request->rejection.code == ARCTIC_OK)
        read_body(request, &request->rejection);
    if (request->rejection.code != ARCTIC_OK) {
        arci_request_set_failure(request, &request->rejection);
        arci_request_drop_body(request);
        return true;
    }
    request->references++;
    if (!divert(request))
        request->endpoint->handler(request->server->options.context, request);
    return request->references == 1;
}

void arci_request_log(const struct arci_request *request)
{
    struct arctic_log *log = request->server->options.log;
    unsigned status_class = (unsigned)request->answer.status / 100;
    if (status_class < ARCI_HTTP_CLASSES)
        request->server->answered[status_class]++;
    if (!arci_log_enabled(log, ARCTIC_LOG_DEBUG))
        return;
    char path[ARCI_PATH_LOG_SIZE];
    char remote[ARCTIC_ENDPOINT_TEXT];
    arci_log_debug(log, "api", "request", ARCI_TEXT("method", request->method),
                   ARCI_TEXT("path", arci_request_path_for_log(request, path)),
                   ARCI_INT("status", request->answer.status),
                   ARCI_INT("ms", arci_time_monotonic() - request->started_at),
                   ARCI_TEXT("remote", arctic_endpoint_format(&request->remote, remote)));
}
