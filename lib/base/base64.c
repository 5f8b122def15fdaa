/* base64url (RFC 4648 section 5): OpenSSL's coder speaks the padded classic alphabet only and skips what it
 * does not know. */
#include "base/base64.h"

#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

char *arci_base64_encode(const void *bytes, size_t length, char *text)
{
    const uint8_t *input = bytes;
    char *output = text;
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < length; i++) {
        bits = bits << 8 | input[i];
        for (held += 8; held >= 6; held -= 6)
            *output++ = alphabet[bits >> (held - 6) & 63];
    }
    if (held > 0)
        *output++ = alphabet[bits << (6 - held) & 63];
    *output = '\0';
    return text;
}

static int digit_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z')
        return digit - 'A';
    if (digit >= 'a' && digit <= 'z')
        return digit - 'a' + 26;
    if (digit >= '0' && digit <= '9')
        return digit - '0' + 52;
    return digit == '-' ? 62 : digit == '_' ? 63 : -1;
}

bool arci_base64_decode(const char *text, size_t length, void *bytes, size_t size, size_t *ret_length)
{
    uint8_t *output = bytes;
    size_t used = 0;
    uint32_t bits = 0;
    unsigned held = 0;
    if (length % 4 == 1 || length / 4 * 3 + (length % 4 ? length % 4 - 1 : 0) > size)
        return false;
    for (size_t i = 0; i < length; i++) {
        int value = digit_value(text[i]);
        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            output[used++] = (uint8_t)(bits >> held);
        }
    }
    if (bits & ((1u << held) - 1))
        return false;
    *ret_length = used;
    return true;
}

bool arci_base64_decode_exact(const char *text, void *bytes, size_t size)
{
    size_t length;
    return arci_base64_decode(text, strlen(text), bytes, size, &length) && length == size;
}
