/* Messages that carry requests and answers between peers. */
#include "cluster/carried.h"

#include <string.h>

#include "base/error.h"

#define ID_MAX ((int64_t)1 << 53)

static int add_text(json_t *message, const char *name, json_t *text, struct arctic_error *error)
{
    if (!text)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "the %s is no UTF-8 text, or memory ran out",
                         name);
    return json_object_set_new(message, name, text) < 0 ? arci_fail_memory(error) : ARCTIC_OK;
}

int arci_carried_request_to_json(const struct arci_carried_request *request, json_t **ret_message,
                                 struct arctic_error *error)
{
    ARCI_JSON *message = json_pack("{s:s, s:I}", "type", "request", "id", (json_int_t)request->id);
    if (!message)
        return arci_fail_memory(error);
    int code = add_text(message, "method", json_string(request->method), error);
    if (code >= 0)
        code = add_text(message, "target", json_string(request->target), error);
    if (code >= 0 && request->authorization)
        code = add_text(message, "authorization", json_string(request->authorization), error);
    if (code >= 0 && request->body)
        code = add_text(message, "body", json_stringn(request->body, request->body_length), error);
    if (code >= 0)
        *ret_message = arci_steal(message);
    return code;
}

int arci_carried_response_to_json(const struct arci_carried_response *response, json_t **ret_message,
                                  struct arctic_error *error)
{
    ARCI_JSON *message = json_pack("{s:s, s:I, s:i}", "type", "response", "id", (json_int_t)response->id,
                                   "status", (int)response->status);
    if (!message)
        return arci_fail_memory(error);
    int code = ARCTIC_OK;
    if (response->content_type)
        code = add_text(message, "content_type", json_string(response->content_type), error);
    if (code >= 0 && response->body)
        code = add_text(message, "body", json_stringn(response->body, response->body_length), error);
    if (code >= 0)
        *ret_message = arci_steal(message);
    return code;
}

/* A text that becomes part of a line of HTTP, or takes the place of one. */
static int read_line(const json_t *message, const char *name, bool required, size_t limit, const char **ret,
                     struct arctic_error *error)
{
    int code = arci_json_text(message, name, required, ret, error);
    if (code < 0 || !*ret)
        return code;
    size_t length = strlen(*ret);
    if (length > limit)
        return arci_fail(error, ARCTIC_E_PROTOCOL, name, "the %s has %zu bytes, %zu are the limit", name,
                         length, limit);
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)(*ret)[i] < ' ' || (*ret)[i] == 0x7f)
            return arci_fail(error, ARCTIC_E_PROTOCOL, name, "the %s holds a control character", name);
    }
    return ARCTIC_OK;
}

static int read_body(const json_t *message, const char **ret_body, size_t *ret_length,
                     struct arctic_error *error)
{
    int code = arci_json_text(message, "body", false, ret_body, error);
    if (code >= 0 && *ret_body)
        *ret_length = json_string_length(json_object_get(message, "body"));
    return code;
}

static int as_protocol_error(int code, struct arctic_error *error)
{
    return code < 0 ? arci_fail_within(error, ARCTIC_E_PROTOCOL, "carried message") : ARCTIC_OK;
}

static int read_request(const json_t *message, struct arci_carried_request *request,
                        struct arctic_error *error)
{
    int code = arci_json_integer(message, "id", true, 1, ID_MAX, &request->id, error);
    if (code >= 0)
        code = read_line(message, "method", true, ARCI_CARRIED_METHOD_MAX, &request->method, error);
    if (code >= 0)
        code = read_line(message, "target", true, ARCI_CARRIED_TARGET_MAX, &request->target, error);
    if (code >= 0)
        code = read_line(message, "authorization", false, ARCI_CARRIED_AUTHORIZATION_MAX,
                         &request->authorization, error);
    return code < 0 ? code : read_body(message, &request->body, &request->body_length, error);
}

int arci_carried_request_from_json(const json_t *message, struct arci_carried_request *ret_request,
                                   struct arctic_error *error)
{
    *ret_request = (struct arci_carried_request){0};
    return as_protocol_error(read_request(message, ret_request, error), error);
}

static int read_response(const json_t *message, struct arci_carried_response *response,
                         struct arctic_error *error)
{
    int64_t status = 0;
    int code = arci_json_integer(message, "id", true, 1, ID_MAX, &response->id, error);
    if (code >= 0)
        code = arci_json_integer(message, "status", true, 200, 599, &status, error);
    if (code >= 0)
        code = read_line(message, "content_type", false, ARCI_CARRIED_CONTENT_TYPE_MAX,
                         &response->content_type, error);
    if (code < 0)
        return code;
    response->status = (unsigned)status;
    return read_body(message, &response->body, &response->body_length, error);
}

int arci_carried_response_from_json(const json_t *message, struct arci_carried_response *ret_response,
                                    struct arctic_error *error)
{
    *ret_response = (struct arci_carried_response){0};
    return as_protocol_error(read_response(message, ret_response, error), error);
}

size_t arci_carried_body_size(const char *body, size_t length)
{
    size_t size = length + 2;
    for (size_t i = 0; i < length; i++) {
        if (body[i] == '"' || body[i] == '\\')
            size += 1;
        else if ((unsigned char)body[i] < ' ')
            size += 5;
    }
    return size;
}
