/* Decoding and repair of UTF-8. */
#include "base/utf8.h"

#include <string.h>

size_t arci_utf8_decode(const char *text, uint32_t *ret_codepoint)
{
    const unsigned char *bytes = (const unsigned char *)text;
    uint32_t lead = bytes[0];
    if (lead < 0x80) {
        *ret_codepoint = lead;
        return 1;
    }
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    uint32_t codepoint = lead & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        codepoint = codepoint << 6 | (bytes[i] & 0x3fu);
    }
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    bool surrogate = codepoint >= 0xd800 && codepoint <= 0xdfff;
    if (codepoint < lowest[length] || surrogate || codepoint > 0x10ffff)
        return 0;
    *ret_codepoint = codepoint;
    return length;
}

bool arci_utf8_printable(uint32_t codepoint)
{
    bool control = codepoint < 0x20 || (codepoint >= 0x7f && codepoint <= 0x9f);
    bool layout = (codepoint >= 0x2028 && codepoint <= 0x202e) ||
                  (codepoint >= 0x2066 && codepoint <= 0x2069) || codepoint == 0xfeff;
    return !control && !layout;
}

void arci_utf8_repair(char *text)
{
    while (*text) {
        uint32_t codepoint;
        size_t length = arci_utf8_decode(text, &codepoint);
        if (length == 0 || !arci_utf8_printable(codepoint)) {
            length = length ? length : 1;
            memset(text, '?', length);
        }
        text += length;
    }
}
