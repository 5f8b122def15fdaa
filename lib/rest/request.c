/* A request from its first line to its parsed body, and the accessors of handlers. */
#include "rest/request.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/error.h"
#include "base/time.h"
#include "crypto/client-secret.h"

struct arci_request *arci_request_create(struct arci_http_server *server, const char *raw_target,
                                         const struct arctic_endpoint *remote,
                                         const struct arci_request_source *source_calls, void *source)
{
    struct arci_request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    request->server = server;
    request->source_calls = source_calls;
    request->source = source;
    request->references = 1;
    request->remote = *remote;
    request->started_at = arci_time_monotonic();
    arci_target_parse(raw_target, &request->target, &request->rejection);
    return request;
}

void arci_request_drop_body(struct arci_request *request)
{
    json_decref(request->json);
    request->json = NULL;
    request->form = (struct arci_pairs){.count = 0};
    arci_buffer_release_secret(&request->body); /* token requests and licences */
}

void arci_request_unreference(struct arci_request *request)
{
    if (--request->references > 0)
        return;
    if (request->release_principal)
        request->release_principal(request->principal);
    free(request->answer.body);
    arci_request_drop_body(request);
    arci_target_release(&request->target);
    free(request);
}

void arci_request_detach(struct arci_request *request)
{
    request->server = NULL;
    request->source = NULL;
    arci_request_unreference(request);
}

const char *arci_request_method(const struct arci_request *request)
{
    return request->method;
}

const char *arci_request_path(const struct arci_request *request)
{
    return request->target.path ? request->target.path : "";
}

bool arci_request_reads(const struct arci_request *request)
{
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0 ||
           (request->endpoint->flags & ARCI_HTTP_READS);
}

const char *arci_request_raw_query(const struct arci_request *request)
{
    return request->target.raw_query;
}

/* Whether `text` begins with `prefix`, any character of which may be percent-encoded. */
static bool begins_encoded(const char *text, const char *prefix)
{
    for (; *prefix; prefix++) {
        char code[4];
        snprintf(code, sizeof code, "%%%02x", (unsigned char)*prefix);
        if (*text == *prefix)
            text++;
        else if (strncasecmp(text, code, 3) == 0)
            text += 3;
        else
            return false;
    }
    return true;
}

static const char *find_secret(const char *path)
{
    while (*path && !begins_encoded(path, ARCI_CLIENT_SECRET_PREFIX))
        path++;
    return *path ? path : NULL;
}

const char *arci_request_path_for_log(const struct arci_request *request, char text[ARCI_PATH_LOG_SIZE])
{
    const char *path = arci_request_path(request);
    const char *secret = find_secret(path);
    if (secret)
        snprintf(text, ARCI_PATH_LOG_SIZE, "%.*s(a secret)", (int)(secret - path), path);
    else
        snprintf(text, ARCI_PATH_LOG_SIZE, "%s", path);
    return text;
}

const struct arci_http_endpoint *arci_request_endpoint(const struct arci_request *request)
{
    return request->endpoint;
}

const char *arci_request_parameter(const struct arci_request *request, const char *name)
{
    const char *value = arci_routing_parameter(request->endpoint, &request->target, name);
    assert(value);
    return value;
}

const char *arci_request_query(const struct arci_request *request, const char *name)
{
    return arci_pairs_get(&request->target.query, name);
}

int arci_request_query_boolean(const struct arci_request *request, const char *name, bool *ret_value,
                               struct arctic_error *error)
{
    const char *text = arci_request_query(request, name);
    if (!text)
        return ARCTIC_OK;
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name, "'%s' must be true or false, not '%.60s'",
                         name, text);
    *ret_value = strcmp(text, "true") == 0;
    return ARCTIC_OK;
}

int arci_request_query_number(const struct arci_request *request, const char *name, int64_t lowest,
                              int64_t highest, int64_t *ret_value, struct arctic_error *error)
{
    const char *text = arci_request_query(request, name);
    if (!text)
        return ARCTIC_OK;
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool number = text[0] >= '0' && text[0] <= '9' && !*end && !errno;
    if (!number || value < lowest || value > highest)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name,
                         "'%s' must be a number from %lld to %lld, not '%.60s'", name, (long long)lowest,
                         (long long)highest, text);
    *ret_value = value;
    return ARCTIC_OK;
}

/* A request outlives its source only while it waits for its answer; headers are gone then. */
const char *arci_request_header(const struct arci_request *request, const char *name)
{
    return request->source ? request->source_calls->header(request->source, name) : NULL;
}

const char *arci_request_bearer(const struct arci_request *request)
{
    const char *header = arci_request_header(request, "Authorization");
    if (!header || strncasecmp(header, "Bearer ", 7) != 0)
        return NULL;
    header += 7;
    return header + strspn(header, " ");
}

bool arci_request_basic(const struct arci_request *request, char **ret_name, char **ret_secret)
{
    return request->source && request->source_calls->basic(request->source, ret_name, ret_secret);
}

const json_t *arci_request_json(const struct arci_request *request)
{
    return request->json;
}

const char *arci_request_form(const struct arci_request *request, const char *name)
{
    return arci_pairs_get(&request->form, name);
}

const void *arci_request_body(const struct arci_request *request, size_t *ret_length)
{
    *ret_length = request->body.length;
    return request->body.data;
}

struct arctic_endpoint arci_request_remote(const struct arci_request *request)
{
    return request->remote;
}

bool arci_request_is_carried(const struct arci_request *request)
{
    return request->carried;
}

/* The peer that carried a request may run on this host, its client need not. */
bool arci_request_is_loopback(const struct arci_request *request)
{
    return !request->carried && arci_address_is_loopback(&request->remote.address);
}

bool arci_request_is_tls(const struct arci_request *request)
{
    return request->is_tls;
}

void arci_request_set_principal(struct arci_request *request, void *principal,
                                void (*release)(void *principal))
{
    if (request->release_principal)
        request->release_principal(request->principal);
    request->principal = principal;
    request->release_principal = release;
}

void *arci_request_principal(const struct arci_request *request)
{
    return request->principal;
}
