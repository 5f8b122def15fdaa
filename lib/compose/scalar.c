/* When a text may stand without quotes, and how quotes are written. */
#include "compose/scalar.h"

#include <string.h>
#include <strings.h>

#include "base/utf8.h"

/*
 * Narrower than YAML allows: letters, digits and what names and addresses are made of. No text of digits alone, which would be a
 * number; none with a colon, which is a mapping to some readers and a number of base 60 to YAML 1.1.
 */
static bool is_plain(const char *text)
{
    static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"};
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcasecmp(text, words[i]) == 0)
            return false;
    }
    size_t safe = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./");
    if (!*text || text[safe])
        return false;
    bool word = strchr(letters, text[0]) != NULL;
    bool prefix = text[0] >= '0' && text[0] <= '9' && strchr(text, '/') && strchr(text, '.');
    return word || prefix;
}

void arci_scalar_append_quoted(struct arci_buffer *buffer, const char *text)
{
    arci_buffer_text(buffer, "\"");
    while (*text) {
        uint32_t codepoint = 0;
        size_t length = arci_utf8_decode(text, &codepoint);
        if (length == 0)
            arci_buffer_text(buffer, "?");
        else if (codepoint == '"' || codepoint == '\\')
            arci_buffer_format(buffer, "\\%c", (char)codepoint);
        else if (arci_utf8_printable(codepoint))
            arci_buffer_append(buffer, text, length);
        else
            arci_buffer_format(buffer, "\\U%08X", (unsigned)codepoint);
        text += length ? length : 1;
    }
    arci_buffer_text(buffer, "\"");
}

void arci_scalar_append(struct arci_buffer *buffer, const char *text)
{
    if (is_plain(text))
        arci_buffer_text(buffer, text);
    else
        arci_scalar_append_quoted(buffer, text);
}
