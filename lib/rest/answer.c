/* Error answers and token answers. They come from the network: nothing in them is taken on trust. */
#include "rest/answer.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

static int code_of_status(int32_t status)
{
    static const int32_t codes[] = {ARCTIC_E_UNAUTHORIZED,   ARCTIC_E_FORBIDDEN,
                                    ARCTIC_E_NOT_FOUND,      ARCTIC_E_METHOD_NOT_ALLOWED,
                                    ARCTIC_E_BODY_TOO_LARGE, ARCTIC_E_INVALID_REQUEST};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (arctic_code_http_status(codes[i]) == status)
            return codes[i];
    }
    return ARCTIC_E_INTERNAL;
}

/* A code that this library does not know (a newer agent) still has a status that tells the kind. */
static int code_of_name(const char *name, int32_t status)
{
    int32_t code = arctic_code_from_name(name);
    bool known = strcmp(arctic_code_name(code), name) == 0 && code < 0 && code >= ARCTIC_E_INTERNAL;
    return known ? code : code_of_status(status);
}

int arci_answer_error(int32_t status, const char *body, size_t length, struct arctic_error *error)
{
    ARCI_JSON *object = NULL;
    const char *text = NULL;
    const char *name = NULL;
    const char *field = NULL;
    if (arci_json_parse(body, length, &object, NULL) == ARCTIC_OK) {
        text = json_string_value(json_object_get(object, "error"));
        name = json_string_value(json_object_get(object, "code"));
        field = json_string_value(json_object_get(object, "field"));
    }
    if (!text || !name)
        return arci_fail(error, code_of_status(status), NULL,
                         "the agent answered with status %d and no error text", status);
    int code = arci_fail(error, code_of_name(name, status), field, "%s", text);
    if (error) {
        arci_utf8_repair(error->message);
        arci_utf8_repair(error->field);
    }
    return code;
}

/* A header line is made of it. */
static bool is_token(const char *text)
{
    for (const char *byte = text; *byte; byte++) {
        if (*byte <= ' ' || *byte >= 0x7f)
            return false;
    }
    return *text && strlen(text) < 16384;
}

int arci_answer_token(const char *body, size_t length, char **ret_token, int64_t *ret_lifetime,
                      struct arctic_error *error)
{
    ARCI_JSON *object = NULL;
    const char *token = NULL;
    int64_t lifetime = 0;
    if (arci_json_parse(body, length, &object, NULL) < 0 ||
        arci_json_text(object, "access_token", true, &token, NULL) < 0 ||
        arci_json_integer(object, "expires_in", true, 0, INT32_MAX, &lifetime, NULL) < 0 || !is_token(token))
        return arci_fail(error, ARCTIC_E_PROTOCOL, NULL,
                         "the answer to the token request makes no sense: is this an agent's API?");
    char *copy = strdup(token);
    if (!copy)
        return arci_fail_memory(error);
    *ret_token = copy;
    *ret_lifetime = lifetime;
    return ARCTIC_OK;
}
