/* Prefixes: the one place where a CIDR is parsed, masked and compared. */
#include <arctic/address.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"

struct arctic_address arci_address_mask(const struct arctic_address *address, unsigned length)
{
    struct arctic_address masked = *address;
    size_t whole = length / 8;
    if (whole < sizeof masked.bytes) {
        masked.bytes[whole] = (uint8_t)(masked.bytes[whole] & (0xff00u >> (length % 8)));
        memset(masked.bytes + whole + 1, 0, sizeof masked.bytes - whole - 1);
    }
    return masked;
}

static int fail_cidr(struct arctic_error *error, const char *text, const char *why)
{
    return arci_fail(error, ARCTIC_E_INVALID_CIDR, NULL, "%.80s: %s", text, why);
}

static int fail_no_slash(struct arctic_error *error, const char *text)
{
    struct arctic_address address;
    if (!arci_address_read(text, &address))
        return fail_cidr(error, text,
                         "not a CIDR, expected address/length such as 10.0.0.0/8 or 2001:db8::/32");
    return arci_fail(error, ARCTIC_E_INVALID_CIDR, NULL,
                     "%.80s: no prefix length, use slash notation such as %.60s/%u for this one address",
                     text, text, (unsigned)arci_address_size(address.family) * 8);
}

/* Decimal, no sign, no leading zeros ("/08" is more likely a slip than a wish). */
static bool read_length(const char *text, unsigned highest, uint8_t *ret_length)
{
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 3 || text[digits] || (digits > 1 && text[0] == '0'))
        return false;
    unsigned long value = strtoul(text, NULL, 10);
    if (value > highest)
        return false;
    *ret_length = (uint8_t)value;
    return true;
}

/*
 * IPv4 inside IPv6 (RFC 4291 section 2.5.5.2) is never on the wire: such a prefix would match nothing, where the IPv4 one
 * that was meant would.
 */
static int check_mapped(const char *text, const struct arctic_cidr *cidr, struct arctic_error *error)
{
    static const struct arctic_cidr mapped = {
        .address = {.family = ARCTIC_FAMILY_IPV6, .bytes = {[10] = 0xff, [11] = 0xff}}, .length = 96};
    char right[ARCTIC_CIDR_TEXT];
    if (cidr->length < mapped.length || !arctic_cidr_contains(&mapped, &cidr->address))
        return ARCTIC_OK;
    struct arctic_cidr meant = {.address = {.family = ARCTIC_FAMILY_IPV4},
                                .length = (uint8_t)(cidr->length - mapped.length)};
    memcpy(meant.address.bytes, cidr->address.bytes + 12, 4);
    return arci_fail(error, ARCTIC_E_INVALID_CIDR, NULL, "%.80s: IPv4 inside IPv6, did you mean %s?", text,
                     arctic_cidr_format(&meant, right));
}

int arctic_cidr_parse_host(const char *text, struct arctic_cidr *ret_cidr, struct arctic_error *error)
{
    if (!text)
        return fail_cidr(error, "", "not a CIDR");
    const char *slash = strchr(text, '/');
    if (!slash)
        return fail_no_slash(error, text);
    char host[ARCTIC_ADDRESS_TEXT];
    size_t length = (size_t)(slash - text);
    struct arctic_cidr cidr = {0};
    if (length >= sizeof host)
        return fail_cidr(error, text, "the part before the slash is no IPv4 or IPv6 address");
    memcpy(host, text, length);
    host[length] = '\0';
    if (!arci_address_read(host, &cidr.address))
        return fail_cidr(error, text, "the part before the slash is no IPv4 or IPv6 address");
    unsigned highest = (unsigned)arci_address_size(cidr.address.family) * 8;
    if (!read_length(slash + 1, highest, &cidr.length))
        return arci_fail(error, ARCTIC_E_INVALID_CIDR, NULL,
                         "%.80s: the prefix length must be a number from 0 to %u", text, highest);
    int code = check_mapped(text, &cidr, error);
    if (code < 0)
        return code;
    *ret_cidr = cidr;
    return ARCTIC_OK;
}

int arctic_cidr_parse(const char *text, struct arctic_cidr *ret_cidr, struct arctic_error *error)
{
    struct arctic_cidr cidr;
    int code = arctic_cidr_parse_host(text, &cidr, error);
    if (code < 0)
        return code;
    struct arctic_cidr network = {arci_address_mask(&cidr.address, cidr.length), cidr.length};
    if (!arctic_cidr_equal(&cidr, &network)) {
        char right[ARCTIC_CIDR_TEXT];
        return arci_fail(error, ARCTIC_E_INVALID_CIDR, NULL, "%.80s: host bits set, did you mean %s?", text,
                         arctic_cidr_format(&network, right));
    }
    *ret_cidr = network;
    return ARCTIC_OK;
}

char *arctic_cidr_format(const struct arctic_cidr *cidr, char *text)
{
    arctic_address_format(&cidr->address, text);
    size_t used = strlen(text);
    if (used > 0)
        snprintf(text + used, ARCTIC_CIDR_TEXT - used, "/%u", cidr->length);
    return text;
}

bool arctic_cidr_contains(const struct arctic_cidr *cidr, const struct arctic_address *address)
{
    if (cidr->address.family == ARCTIC_FAMILY_NONE || cidr->address.family != address->family)
        return false;
    struct arctic_address masked = arci_address_mask(address, cidr->length);
    return memcmp(masked.bytes, cidr->address.bytes, sizeof masked.bytes) == 0;
}

bool arctic_cidr_equal(const struct arctic_cidr *a, const struct arctic_cidr *b)
{
    if (a->address.family == ARCTIC_FAMILY_NONE && b->address.family == ARCTIC_FAMILY_NONE)
        return true;
    return a->length == b->length && arctic_address_compare(&a->address, &b->address) == 0;
}
