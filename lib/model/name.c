/* Validation of names and descriptions. */
#include "model/name.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

static int check_text(const char *text, const char *field, bool lines_allowed, struct arctic_error *error)
{
    while (*text) {
        uint32_t codepoint;
        size_t length = arci_utf8_decode(text, &codepoint);
        if (length == 0)
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field, "'%s' is not valid UTF-8", field);
        bool layout = codepoint == '\n' || codepoint == '\t';
        if (!arci_utf8_printable(codepoint) && !(layout && lines_allowed))
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field,
                             "'%s' contains a control character (U+%04X)", field, codepoint);
        text += length;
    }
    return ARCTIC_OK;
}

/* A name that looks like an id would shadow it wherever either is taken. */
static const char *id_prefix(const char *name)
{
    static const char *const prefixes[] = {"svc_", "peer_", "clu_", "cli_", "lic_", "cust_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return prefixes[i];
    }
    return NULL;
}

int arci_name_validate(const char *name, const char *field, struct arctic_error *error)
{
    size_t length = strlen(name);
    if (length == 0)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field, "'%s' must not be empty", field);
    if (length >= ARCI_NAME_SIZE)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field, "'%s' is %zu bytes long, %d are allowed",
                         field, length, ARCI_NAME_SIZE - 1);
    if (name[0] == ' ' || name[length - 1] == ' ')
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field,
                         "'%s' must not begin or end with a space: '%s'", field, name);
    const char *prefix = id_prefix(name);
    if (prefix)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field,
                         "'%s' must not begin with %s, which is kept for ids: '%s'", field, prefix, name);
    return check_text(name, field, false, error);
}

void arci_name_append(char name[ARCI_NAME_SIZE], const char *suffix)
{
    size_t room = ARCI_NAME_SIZE - 1 - strlen(suffix);
    size_t length = strlen(name);
    if (length > room) {
        length = room;
        /* Not within a character of several bytes. */
        while (length > 1 && ((unsigned char)name[length] & 0xc0) == 0x80)
            length--;
    }
    snprintf(name + length, ARCI_NAME_SIZE - length, "%s", suffix);
}

int arci_description_validate(const char *text, const char *field, struct arctic_error *error)
{
    size_t length = strlen(text);
    if (length >= ARCI_DESCRIPTION_SIZE)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, field, "'%s' is %zu bytes long, %d are allowed",
                         field, length, ARCI_DESCRIPTION_SIZE - 1);
    return check_text(text, field, true, error);
}
