/* Prefixed ULIDs (https://github.com/ulid/spec): 48 bits of time and 80 random bits in Crockford base 32. */
#include <arctic/id.h>

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"

#define ULID_TEXT 26

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
static const char *const prefixes[] = {"peer_", "clu_", "svc_", "cli_", "lic_", "cust_", "rev_"};

static const char *prefix_of(int32_t kind)
{
    if (kind < ARCTIC_ID_PEER || kind > ARCTIC_ID_REVOCATION)
        return NULL;
    return prefixes[kind];
}

/* 128 bits as 26 digits of 5 bits, the two missing high bits zero. */
static void encode(const uint8_t bytes[16], char *text)
{
    unsigned __int128 value = 0;
    for (int i = 0; i < 16; i++)
        value = value << 8 | bytes[i];
    for (int i = ULID_TEXT - 1; i >= 0; i--) {
        text[i] = alphabet[(unsigned)(value & 31)];
        value >>= 5;
    }
}

int arctic_id_generate(int32_t kind, struct arctic_id *ret_id, struct arctic_error *error)
{
    const char *prefix = prefix_of(kind);
    if (!prefix)
        return arci_fail(error, ARCTIC_E_USAGE, "kind", "%d is no kind of id", kind);
    uint8_t bytes[16];
    int code = arci_random_bytes(bytes, sizeof bytes, error);
    if (code < 0)
        return code;
    uint64_t now = (uint64_t)arci_time_now();
    for (int i = 0; i < 6; i++)
        bytes[i] = (uint8_t)(now >> (40 - 8 * i));
    struct arctic_id id = {{0}};
    size_t length = strlen(prefix);
    memcpy(id.text, prefix, length);
    encode(bytes, id.text + length);
    *ret_id = id;
    return ARCTIC_OK;
}

static char upper(char byte)
{
    return byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte;
}

/* The first digit is at most '7': 26 digits hold 130 bits, a ULID 128. */
static bool read_ulid(const char *text, char *ret_text)
{
    if (strnlen(text, ULID_TEXT + 1) != ULID_TEXT || text[0] > '7')
        return false;
    for (int i = 0; i < ULID_TEXT; i++) {
        ret_text[i] = upper(text[i]);
        if (!strchr(alphabet, ret_text[i]))
            return false;
    }
    return true;
}

int arctic_id_parse(int32_t kind, const char *text, struct arctic_id *ret_id, struct arctic_error *error)
{
    const char *prefix = prefix_of(kind);
    if (!prefix)
        return arci_fail(error, ARCTIC_E_USAGE, "kind", "%d is no kind of id", kind);
    struct arctic_id id = {{0}};
    size_t length = strlen(prefix);
    memcpy(id.text, prefix, length);
    if (!text || strncmp(text, prefix, length) != 0 || !read_ulid(text + length, id.text + length))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL,
                         "'%.60s' is no id of this kind, expected %s and 26 letters and digits",
                         text ? text : "", prefix);
    *ret_id = id;
    return ARCTIC_OK;
}

bool arctic_id_equal(const struct arctic_id *a, const struct arctic_id *b)
{
    return strncmp(a->text, b->text, sizeof a->text) == 0;
}
