/* Percent-decoding (RFC 3986 section 2.1) and name=value pairs. */
#include "rest/pairs.h"

#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

static int hex_digit(char character)
{
    if (character >= '0' && character <= '9')
        return character - '0';
    if (character >= 'a' && character <= 'f')
        return character - 'a' + 10;
    if (character >= 'A' && character <= 'F')
        return character - 'A' + 10;
    return -1;
}

/* Whether all of it may stand in a name, a log line and an answer. */
static bool is_printable(const char *text)
{
    while (*text) {
        uint32_t codepoint;
        size_t length = arci_utf8_decode(text, &codepoint);
        if (length == 0 || !arci_utf8_printable(codepoint))
            return false;
        text += length;
    }
    return true;
}

bool arci_percent_decode(char *text, bool plus_is_space)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        unsigned char byte = (unsigned char)*in;
        if (*in == '%') {
            int high = hex_digit(in[1]);
            int low = high < 0 ? -1 : hex_digit(in[2]);
            if (low < 0)
                return false;
            byte = (unsigned char)(high * 16 + low);
            in += 2;
        } else if (*in == '+' && plus_is_space) {
            byte = ' ';
        }
        if (byte == '\0')
            return false;
        *out++ = (char)byte;
    }
    *out = '\0';
    return is_printable(text);
}

const char *arci_pairs_get(const struct arci_pairs *pairs, const char *name)
{
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->items[i].name, name) == 0)
            return pairs->items[i].value;
    }
    return NULL;
}

static int add_pair(char *part, const char *what, struct arci_pairs *pairs, struct arctic_error *error)
{
    char *value = strchr(part, '=');
    if (value)
        *value++ = '\0';
    else
        value = part + strlen(part);
    if (!arci_percent_decode(part, true) || !arci_percent_decode(value, true))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL,
                         "the %s holds a broken percent-escape, a control character or invalid UTF-8", what);
    if (arci_pairs_get(pairs, part))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, part, "the %s has '%.60s' twice", what, part);
    if (pairs->count == ARCI_PAIRS_MAX)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "the %s has more than %d parameters", what,
                         ARCI_PAIRS_MAX);
    pairs->items[pairs->count].name = part;
    pairs->items[pairs->count].value = value;
    pairs->count++;
    return ARCTIC_OK;
}

int arci_pairs_parse(char *text, const char *what, struct arci_pairs *ret_pairs, struct arctic_error *error)
{
    struct arci_pairs pairs = {.count = 0};
    for (char *part = text, *next; part; part = next) {
        next = strchr(part, '&');
        if (next)
            *next++ = '\0';
        if (!*part)
            continue;
        int code = add_pair(part, what, &pairs, error);
        if (code < 0)
            return code;
    }
    *ret_pairs = pairs;
    return ARCTIC_OK;
}

static bool listed(const char *name, const char *names)
{
    size_t length = strlen(name);
    while (*names) {
        size_t next = strcspn(names, ",");
        if (next == length && memcmp(names, name, length) == 0)
            return true;
        names += next + (names[next] == ',');
    }
    return false;
}

int arci_pairs_check(const struct arci_pairs *pairs, const char *names, const char *what,
                     struct arctic_error *error)
{
    for (size_t i = 0; i < pairs->count; i++) {
        const char *name = pairs->items[i].name;
        if (!listed(name, names))
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name, "unknown %s parameter '%.60s', known: %s",
                             what, name, *names ? names : "none");
    }
    return ARCTIC_OK;
}
