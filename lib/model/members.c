/* Shared readers and writers of JSON members. */
#include "model/members.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/time.h"

static bool put(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) == 0;
}

bool arci_put_text(json_t *object, const char *name, const char *text)
{
    return put(object, name, text[0] ? json_string(text) : json_null());
}

bool arci_put_integer(json_t *object, const char *name, int64_t number)
{
    return put(object, name, json_integer(number));
}

bool arci_put_boolean(json_t *object, const char *name, bool value)
{
    return put(object, name, json_boolean(value));
}

bool arci_put_cidr(json_t *object, const char *name, const struct arctic_cidr *cidr)
{
    char text[ARCTIC_CIDR_TEXT];
    return arci_put_text(object, name, arctic_cidr_format(cidr, text));
}

bool arci_put_milliseconds(json_t *object, const char *name, int64_t microseconds)
{
    json_t *value = microseconds >= 0 ? json_real((double)microseconds / 1000.0) : json_null();
    return json_object_set_new(object, name, value) == 0;
}

bool arci_put_time(json_t *object, const char *name, int64_t milliseconds)
{
    char text[ARCI_TIME_TEXT];
    return arci_put_text(object, name, milliseconds ? arci_time_format(milliseconds, text) : "");
}

int arci_read_id(const json_t *object, const char *name, bool required, int32_t kind,
                 struct arctic_id *ret_id, struct arctic_error *error)
{
    const char *text = NULL;
    int code = arci_json_text(object, name, required, &text, error);
    if (code < 0 || !text)
        return code;
    code = arctic_id_parse(kind, text, ret_id, error);
    return code < 0 ? arci_fail_at(error, code, name) : code;
}

int arci_read_name(const json_t *object, bool required, char ret_name[ARCI_NAME_SIZE],
                   struct arctic_error *error)
{
    const char *name = NULL;
    int code = arci_json_text(object, "name", required, &name, error);
    if (code < 0 || !name)
        return code;
    code = arci_name_validate(name, "name", error);
    if (code < 0)
        return code;
    snprintf(ret_name, ARCI_NAME_SIZE, "%s", name);
    return ARCTIC_OK;
}

int arci_read_time(const json_t *object, const char *name, bool required, int64_t *ret_milliseconds,
                   struct arctic_error *error)
{
    const char *text = NULL;
    int code = arci_json_text(object, name, required, &text, error);
    if (code < 0 || !text)
        return code;
    code = arci_time_parse(text, ret_milliseconds, error);
    return code < 0 ? arci_fail_at(error, code, name) : code;
}

int arci_read_cidr(const json_t *object, const char *name, arci_cidr_parser parse,
                   struct arctic_cidr *ret_cidr, struct arctic_error *error)
{
    const char *text = NULL;
    if (json_is_null(json_object_get(object, name))) {
        *ret_cidr = (struct arctic_cidr){0};
        return ARCTIC_OK;
    }
    int code = arci_json_text(object, name, false, &text, error);
    if (code < 0 || !text)
        return code;
    code = parse(text, ret_cidr, error);
    return code < 0 ? arci_fail_at(error, code, name) : code;
}

static bool listed(const char *name, const char *const *names)
{
    for (; *names; names++) {
        if (strcmp(name, *names) == 0)
            return true;
    }
    return false;
}

int arci_refuse_null(const json_t *object, const char *const *clearable, struct arctic_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        if (json_is_null(value) && !listed(name, clearable))
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name,
                             "'%s' cannot be null, leave it out to keep its value", name);
    }
    return ARCTIC_OK;
}
