/* Scope names and sets. */
#include "model/scope.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"

#define PREFIX "urn:tillered:arctic:"

static const struct {
    const char *name;
    uint32_t scope;
} scope_names[] = {
    {"admin", ARCI_SCOPE_ADMIN},
    {"peers.read", ARCI_SCOPE_PEERS_READ},
    {"peers.write", ARCI_SCOPE_PEERS_WRITE},
    {"services.read", ARCI_SCOPE_SERVICES_READ},
    {"services.write", ARCI_SCOPE_SERVICES_WRITE},
    {"credentials.read", ARCI_SCOPE_CREDENTIALS_READ},
    {"credentials.write", ARCI_SCOPE_CREDENTIALS_WRITE},
};

#define SCOPE_COUNT (sizeof scope_names / sizeof scope_names[0])

static uint32_t find_scope(const char *text, size_t length)
{
    size_t prefix = strlen(PREFIX);
    if (length > prefix && strncmp(text, PREFIX, prefix) == 0) {
        text += prefix;
        length -= prefix;
    }
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (strlen(scope_names[i].name) == length && strncmp(scope_names[i].name, text, length) == 0)
            return scope_names[i].scope;
    }
    return 0;
}

int arci_scopes_parse(const char *text, uint32_t *ret_scopes, struct arctic_error *error)
{
    uint32_t scopes = 0;
    const char *cursor = text;
    for (;;) {
        size_t length = strcspn(cursor, " ");
        uint32_t scope = find_scope(cursor, length);
        if (!scope)
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "scope", "'%.*s' is no scope",
                             (int)(length < 80 ? length : 80), cursor);
        scopes |= scope;
        if (!cursor[length])
            break;
        cursor += length + 1;
    }
    *ret_scopes = scopes;
    return ARCTIC_OK;
}

int arci_scopes_from_json(const json_t *array, uint32_t *ret_scopes, struct arctic_error *error)
{
    uint32_t scopes = 0;
    size_t index;
    const json_t *item;
    if (json_array_size(array) == 0)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "scopes", "'scopes' must name at least one scope");
    json_array_foreach((json_t *)array, index, item)
    {
        const char *text = json_string_value(item);
        uint32_t scope = text ? find_scope(text, strlen(text)) : 0;
        if (!text)
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "scopes", "'scopes' must hold strings");
        if (!scope)
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "scopes", "'%.80s' is no scope", text);
        scopes |= scope;
    }
    *ret_scopes = scopes;
    return ARCTIC_OK;
}

json_t *arci_scopes_to_json(uint32_t scopes)
{
    ARCI_JSON *array = json_array();
    for (size_t i = 0; array && i < SCOPE_COUNT; i++) {
        if ((scopes & scope_names[i].scope) &&
            json_array_append_new(array, json_sprintf(PREFIX "%s", scope_names[i].name)) < 0)
            return NULL;
    }
    return arci_steal(array);
}

char *arci_scopes_format(uint32_t scopes, char *text)
{
    char *cursor = text;
    *cursor = '\0';
    for (size_t i = 0; i < SCOPE_COUNT; i++) {
        if (!(scopes & scope_names[i].scope))
            continue;
        if (cursor != text)
            *cursor++ = ' ';
        cursor = stpcpy(stpcpy(cursor, PREFIX), scope_names[i].name);
    }
    return text;
}

bool arci_scopes_cover(uint32_t held, uint32_t wanted)
{
    return (held & ARCI_SCOPE_ADMIN) != 0 || (wanted & ~held) == 0;
}

bool arci_scopes_allow(uint32_t held, uint32_t needed)
{
    return (held & (ARCI_SCOPE_ADMIN | needed)) != 0;
}
