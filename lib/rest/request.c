/* A request from its first line to its parsed body, and the accessors of handlers. */
#include "rest/request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"

static struct arctic_endpoint remote_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr)
        return (struct arctic_endpoint){.port = 0};
    return arci_endpoint_from_sockaddr(info->client_addr);
}

struct arci_request *arci_request_create(struct arci_http_server *server, struct MHD_Connection *connection,
                                         const char *raw_target)
{
    struct arci_request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    request->server = server;
    request->connection = connection;
    request->references = 1;
    request->remote = remote_of(connection);
    request->started_at = arci_time_monotonic();
    arci_target_parse(raw_target, &request->target, &request->rejection);
    return request;
}

void arci_request_unreference(struct arci_request *request)
{
    if (--request->references > 0)
        return;
    if (request->release_principal)
        request->release_principal(request->principal);
    if (request->response)
        MHD_destroy_response(request->response);
    json_decref(request->json);
    arci_buffer_release_secret(&request->body); /* token requests and licences */
    arci_target_release(&request->target);
    free(request);
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

int arci_request_read_body(struct arci_request *request, struct arctic_error *error)
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

const char *arci_request_method(const struct arci_request *request)
{
    return request->method;
}

const char *arci_request_path(const struct arci_request *request)
{
    return request->target.path ? request->target.path : "";
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

int arci_request_check_query(const struct arci_request *request, const char *const *names,
                             struct arctic_error *error)
{
    return arci_pairs_check(&request->target.query, names, "query", error);
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

/* A request outlives its connection only while it waits for its answer; headers are gone then. */
const char *arci_request_header(const struct arci_request *request, const char *name)
{
    return request->server ? MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name) : NULL;
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
    if (!request->server)
        return false;
    char *secret = NULL;
    char *name = MHD_basic_auth_get_username_password(request->connection, &secret);
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

const json_t *arci_request_json(const struct arci_request *request)
{
    return request->json;
}

const char *arci_request_form(const struct arci_request *request, const char *name)
{
    return arci_pairs_get(&request->form, name);
}

struct arctic_endpoint arci_request_remote(const struct arci_request *request)
{
    return request->remote;
}

bool arci_request_is_loopback(const struct arci_request *request)
{
    const struct arctic_address *address = &request->remote.address;
    static const uint8_t loopback6[16] = {[15] = 1};
    if (address->family == ARCTIC_FAMILY_IPV4)
        return address->bytes[0] == 127;
    return address->family == ARCTIC_FAMILY_IPV6 && memcmp(address->bytes, loopback6, sizeof loopback6) == 0;
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
