/* The OpenAPI document, row by row. */
#include "agent/api/openapi.h"

#include <stdio.h>
#include <string.h>

#include <arctic/api.h>

#include "base/error.h"
#include "model/scope.h"

#define NAME_MAX_BYTES 64

/* The document as it grows, and what openapi.json has. */
struct maker {
    json_t *paths;
    const json_t *schemas;
    const json_t *parameters;
};

static int fail_row(const struct arci_http_endpoint *row, const char *what, const char *name,
                    struct arctic_error *error)
{
    return arci_fail(error, ARCTIC_E_INTERNAL, NULL, "openapi: %s %s: %s %s", row->method, row->path, what,
                     name);
}

static json_t *reference(const char *kind, const char *name)
{
    return json_pack("{s:o}", "$ref", json_sprintf("#/components/%s/%s", kind, name));
}

static json_t *content(const char *type, const char *schema)
{
    return json_pack("{s:{s:o}}", type, "schema", reference("schemas", schema));
}

static bool takes_body(const struct arci_http_endpoint *row)
{
    return row->flags & (ARCI_HTTP_JSON | ARCI_HTTP_JSON_OPTIONAL | ARCI_HTTP_FORM);
}

static int check_row(const struct maker *maker, const struct arci_http_endpoint *row,
                     struct arctic_error *error)
{
    bool answers = row->status != 204 && !(row->flags & ARCI_HTTP_TEXT);
    if (takes_body(row) != (row->request != NULL))
        return fail_row(row, "its body and its schema", "do not go together", error);
    if (answers != (row->response != NULL))
        return fail_row(row, "its answer and its schema", "do not go together", error);
    if (row->request && !json_object_get(maker->schemas, row->request))
        return fail_row(row, "no schema", row->request, error);
    if (row->response && !json_object_get(maker->schemas, row->response))
        return fail_row(row, "no schema", row->response, error);
    return ARCTIC_OK;
}

static int add_parameter(const struct maker *maker, const struct arci_http_endpoint *row, json_t *list,
                         const char *text, size_t length, struct arctic_error *error)
{
    char name[NAME_MAX_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)length, text);
    if (!json_object_get(maker->parameters, name))
        return fail_row(row, "no parameter", name, error);
    return json_array_append_new(list, reference("parameters", name)) < 0 ? arci_fail_memory(error)
                                                                          : ARCTIC_OK;
}

/* Those in the path, those of the query, and the header that addresses another peer. */
static int add_parameters(const struct maker *maker, const struct arci_http_endpoint *row, json_t *list,
                          struct arctic_error *error)
{
    int code = ARCTIC_OK;
    for (const char *at = strchr(row->path, '{'); code >= 0 && at; at = strchr(at + 1, '{'))
        code = add_parameter(maker, row, list, at + 1, strcspn(at + 1, "}"), error);
    for (const char *at = row->query; code >= 0 && at && *at;) {
        size_t length = strcspn(at, ",");
        code = add_parameter(maker, row, list, at, length, error);
        at += length + (at[length] == ',');
    }
    if (code >= 0 && !(row->flags & ARCI_HTTP_NEVER_CARRIED))
        code = add_parameter(maker, row, list, "peer", strlen("peer"), error);
    return code;
}

static json_t *responses(const struct arci_http_endpoint *row)
{
    char status[16];
    json_t *success = json_pack("{s:s}", "description", row->response ? row->response : "done");
    snprintf(status, sizeof status, "%d", row->status ? row->status : 200);
    if (row->response)
        json_object_set_new(success, "content", content("application/json", row->response));
    else if (row->flags & ARCI_HTTP_TEXT)
        json_object_set_new(success, "content",
                            json_pack("{s:{s:{s:s}}}", "text/plain", "schema", "type", "string"));
    return json_pack("{s:o, s:{s:s, s:o}}", status, success, "default", "description", "what went wrong",
                     "content", content("application/json", "Error"));
}

/* A scope is asked for by a token, or waived for the recovery token. */
static json_t *security(const struct arci_http_endpoint *row)
{
    if (!row->scope)
        return json_array();
    json_t *scope = json_sprintf("urn:tillered:arctic:%s", row->scope);
    json_t *list = json_pack("[{s:[o]}, {s:[]}]", "token", scope, "recovery");
    if (row->flags & ARCI_HTTP_PUBLIC_ON_LOOPBACK)
        json_array_append_new(list, json_object());
    return list;
}

/* "GET", "/v1/services/{id}/routes" -> "get_services_id_routes" */
static void operation_id(const struct arci_http_endpoint *row, char *text, size_t size)
{
    const char *path = strncmp(row->path, "/v1", 3) == 0 ? row->path + 3 : row->path;
    size_t used = 0;
    for (const char *byte = row->method; *byte && used + 1 < size; byte++)
        text[used++] = (char)(*byte | 0x20);
    for (const char *byte = path; *byte && used + 1 < size; byte++) {
        bool letter = (*byte >= 'a' && *byte <= 'z') || *byte == '_';
        if (letter)
            text[used++] = *byte;
        else if (text[used - 1] != '_')
            text[used++] = '_';
    }
    while (used > 0 && text[used - 1] == '_')
        used--;
    text[used] = '\0';
}

static json_t *request_body(const struct arci_http_endpoint *row)
{
    bool form = row->flags & ARCI_HTTP_FORM;
    return json_pack("{s:b, s:o}", "required", !(row->flags & ARCI_HTTP_JSON_OPTIONAL), "content",
                     content(form ? "application/x-www-form-urlencoded" : "application/json", row->request));
}

static int add_row(const struct maker *maker, const struct arci_http_endpoint *row,
                   struct arctic_error *error)
{
    char method[16];
    char id[NAME_MAX_BYTES];
    ARCI_JSON *parameters = json_array();
    int code = check_row(maker, row, error);
    if (code >= 0)
        code = add_parameters(maker, row, parameters, error);
    if (code < 0)
        return code;
    operation_id(row, id, sizeof id);
    snprintf(method, sizeof method, "%s", row->method);
    for (char *byte = method; *byte; byte++)
        *byte |= 0x20;
    ARCI_JSON *operation =
        json_pack("{s:s, s:s, s:O, s:o, s:o}", "operationId", id, "summary", row->summary, "parameters",
                  parameters, "responses", responses(row), "security", security(row));
    if (row->request && operation)
        json_object_set_new(operation, "requestBody", request_body(row));
    json_t *path = json_object_get(maker->paths, row->path);
    if (!path && json_object_set_new(maker->paths, row->path, json_object()) == 0)
        path = json_object_get(maker->paths, row->path);
    return json_object_set(path, method, operation) < 0 ? arci_fail_memory(error) : ARCTIC_OK;
}

static json_t *scopes(void)
{
    ARCI_JSON *list = arci_scopes_to_json(ARCI_SCOPES_ALL);
    json_t *object = json_object();
    size_t index;
    json_t *scope;
    json_array_foreach(list, index, scope)
        json_object_set_new(object, json_string_value(scope), json_string(""));
    return object;
}

static json_t *security_schemes(void)
{
    return json_pack("{s:{s:s, s:{s:{s:s, s:o}}}, s:{s:s, s:s, s:s, s:s}}", "token", "type", "oauth2",
                     "flows", "clientCredentials", "tokenUrl", "/v1/oauth/token", "scopes", scopes(),
                     "recovery", "type", "apiKey", "in", "header", "name", "X-Arctic-Recovery", "description",
                     "the recovery token, from the host itself or over TLS");
}

int arci_openapi_make(const struct arci_http_endpoint *table, json_t **ret_document,
                      struct arctic_error *error)
{
    json_t *parsed = NULL;
    int code = arci_json_parse(arci_openapi_text, strlen(arci_openapi_text), &parsed, error);
    ARCI_JSON *components = parsed;
    ARCI_JSON *paths = json_object();
    struct maker maker = {paths, json_object_get(components, "schemas"),
                          json_object_get(components, "parameters")};
    for (const struct arci_http_endpoint *row = table; code >= 0 && row->method; row++)
        code = add_row(&maker, row, error);
    if (code < 0)
        return code;
    json_object_set_new(components, "securitySchemes", security_schemes());
    json_t *document =
        json_pack("{s:s, s:{s:s, s:s}, s:O, s:O}", "openapi", "3.1.0", "info", "title", "Arctic", "version",
                  arctic_version(), "paths", paths, "components", components);
    if (!document)
        return arci_fail_memory(error);
    *ret_document = document;
    return ARCTIC_OK;
}
