/* Strict JSON on top of jansson. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int arci_json_parse(const void *text, size_t length, json_t **ret_object, struct arctic_error *error)
{
    json_error_t where;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES, &where);
    /* Where an allocation fails jansson often says nothing at all: no text, and a code that was never set. */
    if (!value && (where.text[0] == '\0' || json_error_code(&where) == json_error_out_of_memory))
        return arci_fail_memory(error);
    if (!value)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "not valid JSON at line %d, column %d: %s",
                         where.line, where.column, where.text);
    if (!json_is_object(value)) {
        json_decref(value);
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "the JSON text must be one object");
    }
    *ret_object = value;
    return ARCTIC_OK;
}

/* A text of at most `size` bytes: into a buffer of that size jansson writes without memory for the text. */
static char *dump(const json_t *value, size_t size, size_t flags)
{
    ARCI_FREE char *text = size > 0 ? malloc(size + 1) : NULL;
    size_t length = text ? json_dumpb(value, text, size, flags) : 0;
    if (length == 0 || length > size)
        return NULL;
    text[length] = '\0';
    return arci_steal(text);
}

char *arci_json_dump(const json_t *value, size_t flags)
{
    return dump(value, json_dumpb(value, NULL, 0, flags), flags);
}

char *arci_json_canonical(const json_t *value)
{
    return dump(value, arci_json_size(value), JSON_SORT_KEYS | JSON_COMPACT | JSON_ENCODE_ANY);
}

static size_t text_size(const char *text, size_t length)
{
    size_t size = length + 2;
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)text[i];
        if (byte == '"' || byte == '\\' || (byte >= '\b' && byte <= '\r' && byte != '\v'))
            size++;
        else if (byte < ' ')
            size += sizeof "\\u0000" - 2;
    }
    return size;
}

static size_t integer_size(json_int_t value)
{
    size_t size = value < 0 ? 2 : 1;
    while (value /= 10)
        size++;
    return size;
}

static size_t object_size(const json_t *object)
{
    size_t size = json_object_size(object) + (json_object_size(object) ? 1 : 2);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        size += text_size(name, strlen(name)) + 1 + arci_json_size(value);
    }
    return size;
}

static size_t array_size(const json_t *array)
{
    size_t size = json_array_size(array) + (json_array_size(array) ? 1 : 2);
    for (size_t i = 0; i < json_array_size(array); i++)
        size += arci_json_size(json_array_get(array, i));
    return size;
}

size_t arci_json_size(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return object_size(value);
    case JSON_ARRAY:
        return array_size(value);
    case JSON_STRING:
        return text_size(json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return integer_size(json_integer_value(value));
    case JSON_REAL:
        return sizeof "-1.7976931348623157e+308";
    case JSON_FALSE:
        return sizeof "false" - 1;
    case JSON_TRUE:
    case JSON_NULL:
        break;
    }
    return sizeof "true" - 1;
}

static bool listed(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

json_t *arci_json_copy(const json_t *value)
{
    ARCI_JSON *copy = json_deep_copy(value);
    return copy && json_equal(copy, value) ? arci_steal(copy) : NULL;
}

int arci_json_check_members(const json_t *object, const char *const *names, struct arctic_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (!listed(name, names))
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name, "unknown member '%.60s'", name);
    }
    return ARCTIC_OK;
}

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

/* Finds a member; *ret_value is NULL where an optional one is absent. */
static int find_member(const json_t *object, const char *name, bool required, const json_t **ret_value,
                       struct arctic_error *error)
{
    const json_t *value = json_object_get(object, name);
    if (!value && required)
        return arci_fail(error, ARCTIC_E_MISSING_FIELD, name, "'%s' is required", name);
    if (value && json_is_null(value) && !required)
        value = NULL;
    *ret_value = value;
    return ARCTIC_OK;
}

static int fail_type(struct arctic_error *error, const char *name, const char *wanted, const json_t *value)
{
    return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name, "'%s' must be %s, not %s", name, wanted,
                     type_name(value));
}

int arci_json_text(const json_t *object, const char *name, bool required, const char **ret,
                   struct arctic_error *error)
{
    const json_t *value = NULL;
    int code = find_member(object, name, required, &value, error);
    if (code < 0 || !value)
        return code;
    if (!json_is_string(value))
        return fail_type(error, name, "a string", value);
    *ret = json_string_value(value);
    return ARCTIC_OK;
}

int arci_json_copy_text(const json_t *object, const char *name, bool required, char *ret, size_t size,
                        struct arctic_error *error)
{
    const char *text = NULL;
    int code = arci_json_text(object, name, required, &text, error);
    if (code < 0 || !text)
        return code;
    size_t length = strlen(text);
    if (length >= size)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name, "'%s' is longer than %zu bytes", name,
                         size - 1);
    memcpy(ret, text, length + 1);
    return ARCTIC_OK;
}

int arci_json_integer(const json_t *object, const char *name, bool required, int64_t lowest, int64_t highest,
                      int64_t *ret, struct arctic_error *error)
{
    const json_t *value = NULL;
    int code = find_member(object, name, required, &value, error);
    if (code < 0 || !value)
        return code;
    if (!json_is_integer(value))
        return fail_type(error, name, "an integer", value);
    int64_t number = json_integer_value(value);
    if (number < lowest || number > highest)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name,
                         "'%s' must be between %lld and %lld, not %lld", name, (long long)lowest,
                         (long long)highest, (long long)number);
    *ret = number;
    return ARCTIC_OK;
}

int arci_json_boolean(const json_t *object, const char *name, bool required, bool *ret,
                      struct arctic_error *error)
{
    const json_t *value = NULL;
    int code = find_member(object, name, required, &value, error);
    if (code < 0 || !value)
        return code;
    if (!json_is_boolean(value))
        return fail_type(error, name, "true or false", value);
    *ret = json_is_true(value);
    return ARCTIC_OK;
}

int arci_json_object(const json_t *object, const char *name, bool required, const json_t **ret,
                     struct arctic_error *error)
{
    const json_t *value = NULL;
    int code = find_member(object, name, required, &value, error);
    if (code < 0 || !value)
        return code;
    if (!json_is_object(value))
        return fail_type(error, name, "an object", value);
    *ret = value;
    return ARCTIC_OK;
}

int arci_json_array(const json_t *object, const char *name, bool required, const json_t **ret,
                    struct arctic_error *error)
{
    const json_t *value = NULL;
    int code = find_member(object, name, required, &value, error);
    if (code < 0 || !value)
        return code;
    if (!json_is_array(value))
        return fail_type(error, name, "an array", value);
    *ret = value;
    return ARCTIC_OK;
}
