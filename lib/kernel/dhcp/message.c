/* Messages of a DHCP server, read from bytes that anybody on the link may have made. */
#include "kernel/dhcp/message.h"

#include <string.h>

#include "kernel/dhcp/ipv4.h"
#include "kernel/dhcp/names.h"
#include "kernel/dhcp/wire.h"

#define AREAS_MAX 3

struct area {
    const uint8_t *bytes;
    size_t length;
};

/* The places where options stand, in the order in which RFC 3396 section 5 joins them. */
struct options {
    struct area areas[AREAS_MAX];
    size_t count;
};

struct option {
    uint8_t code;
    const uint8_t *value;
    size_t length;
};

enum step { STEP_OPTION, STEP_END, STEP_BROKEN };

/* Takes the option at `*at` and moves on. An area may end without an end mark. */
static enum step next(const struct area *area, size_t *at, struct option *ret_option)
{
    while (*at < area->length && area->bytes[*at] == ARCI_DHCP_OPTION_PAD)
        ++*at;
    if (*at == area->length || area->bytes[*at] == ARCI_DHCP_OPTION_END)
        return STEP_END;
    if (area->length - *at < 2 || area->bytes[*at + 1] > area->length - *at - 2)
        return STEP_BROKEN;
    *ret_option = (struct option){
        .code = area->bytes[*at], .value = area->bytes + *at + 2, .length = area->bytes[*at + 1]};
    *at += 2 + ret_option->length;
    return STEP_OPTION;
}

/*
 * Joins all pieces of an option (RFC 3396) and copies what fits into `value`. Returns the whole length; 0: absent or empty, which is
 * the same to us.
 */
static size_t gather(const struct options *options, uint8_t code, uint8_t *value, size_t size)
{
    size_t whole = 0;
    for (size_t i = 0; i < options->count; i++) {
        struct option option;
        for (size_t at = 0; next(&options->areas[i], &at, &option) == STEP_OPTION;) {
            if (option.code != code)
                continue;
            size_t used = whole < size ? whole : size;
            memcpy(value + used, option.value, option.length < size - used ? option.length : size - used);
            whole += option.length;
        }
    }
    return whole;
}

static bool well_formed(const struct area *area)
{
    struct option option;
    size_t at = 0;
    enum step step;
    do
        step = next(area, &at, &option);
    while (step == STEP_OPTION);
    return step == STEP_END;
}

static bool add_area(struct options *options, const uint8_t *bytes, size_t length)
{
    struct area area = {.bytes = bytes, .length = length};
    options->areas[options->count++] = area;
    return well_formed(&area);
}

/* Finds the options' places: option 52 says whether the fields `file` and `sname` hold some too. */
static bool find_options(const uint8_t *bytes, size_t length, struct options *ret_options)
{
    struct options options = {.count = 0};
    uint8_t overload = 0;
    if (!add_area(&options, bytes + ARCI_DHCP_AT_OPTIONS, length - ARCI_DHCP_AT_OPTIONS))
        return false;
    size_t size = gather(&options, ARCI_DHCP_OPTION_OVERLOAD, &overload, 1);
    if (size > 1 || overload > 3 || (size == 1 && overload == 0))
        return false;
    if ((overload & 1) &&
        !add_area(&options, bytes + ARCI_DHCP_AT_FILE, ARCI_DHCP_AT_COOKIE - ARCI_DHCP_AT_FILE))
        return false;
    if ((overload & 2) &&
        !add_area(&options, bytes + ARCI_DHCP_AT_SERVER_NAME, ARCI_DHCP_AT_FILE - ARCI_DHCP_AT_SERVER_NAME))
        return false;
    *ret_options = options;
    return true;
}

/* A number of four bytes. False: it is there and has another length. */
static bool read_number(const struct options *options, uint8_t code, uint32_t *ret_number, bool *ret_present)
{
    uint8_t value[4];
    size_t length = gather(options, code, value, sizeof value);
    if (length != 0 && length != sizeof value)
        return false;
    *ret_present = length != 0;
    *ret_number = length != 0 ? arci_get_be32(value) : 0;
    return true;
}

/* The first addresses of a list, without those that no host can have. */
static size_t read_addresses(const struct options *options, uint8_t code,
                             uint32_t ret_addresses[ARCI_DHCP_ADDRESSES_MAX])
{
    uint8_t value[4 * ARCI_DHCP_ADDRESSES_MAX];
    size_t count = 0;
    size_t length = gather(options, code, value, sizeof value);
    if (length % 4 != 0)
        return 0;
    if (length > sizeof value)
        length = sizeof value;
    for (size_t at = 0; at < length; at += 4) {
        uint32_t address = arci_get_be32(value + at);
        if (arci_ipv4_is_host(address))
            ret_addresses[count++] = address;
    }
    return count;
}

/* A text, without the NULs that some servers end it with. Empty where it does not fit. */
static void read_text(const struct options *options, uint8_t code, char *ret_text, size_t size)
{
    size_t length = gather(options, code, (uint8_t *)ret_text, size - 1);
    ret_text[length < size ? length : 0] = '\0';
}

static void read_domain(const struct options *options, char ret_domain[ARCI_DHCP_DOMAIN_SIZE])
{
    read_text(options, ARCI_DHCP_OPTION_DOMAIN, ret_domain, ARCI_DHCP_DOMAIN_SIZE);
    if (!arci_dhcp_is_domain(ret_domain))
        ret_domain[0] = '\0';
}

static void read_comment(const struct options *options, char ret_comment[ARCI_DHCP_TEXT_SIZE])
{
    read_text(options, ARCI_DHCP_OPTION_COMMENT, ret_comment, ARCI_DHCP_TEXT_SIZE);
    for (char *byte = ret_comment; *byte; byte++) {
        if (*byte < ' ' || *byte > '~')
            *byte = '?';
    }
}

static void read_identifier(const struct options *options, struct arci_dhcp_reply *reply)
{
    size_t length = gather(options, ARCI_DHCP_OPTION_IDENTIFIER, reply->identifier, sizeof reply->identifier);
    reply->has_identifier = length != 0;
    if (length != sizeof reply->identifier)
        memset(reply->identifier, 0, sizeof reply->identifier);
}

static bool read_options(const struct options *options, struct arci_dhcp_reply *reply)
{
    bool has_server;
    if (gather(options, ARCI_DHCP_OPTION_TYPE, &reply->type, 1) != 1 ||
        !read_number(options, ARCI_DHCP_OPTION_SERVER, &reply->server, &has_server) ||
        !read_number(options, ARCI_DHCP_OPTION_MASK, &reply->mask, &reply->has_mask) ||
        !read_number(options, ARCI_DHCP_OPTION_LEASE_TIME, &reply->lease_time, &reply->has_lease_time) ||
        !read_number(options, ARCI_DHCP_OPTION_RENEWAL_TIME, &reply->renewal_time,
                     &reply->has_renewal_time) ||
        !read_number(options, ARCI_DHCP_OPTION_REBINDING_TIME, &reply->rebinding_time,
                     &reply->has_rebinding_time))
        return false;
    /* RFC 2131 table 3: a server says who it is in each of these, and only these are for a client. */
    if (reply->type != ARCI_DHCP_OFFER && reply->type != ARCI_DHCP_ACK && reply->type != ARCI_DHCP_NAK)
        return false;
    reply->router_count = read_addresses(options, ARCI_DHCP_OPTION_ROUTERS, reply->routers);
    reply->dns_count = read_addresses(options, ARCI_DHCP_OPTION_DNS, reply->dns);
    read_domain(options, reply->domain);
    read_comment(options, reply->comment);
    read_identifier(options, reply);
    return arci_ipv4_is_host(reply->server);
}

bool arci_dhcp_reply_parse(const uint8_t *bytes, size_t length, struct arci_dhcp_reply *ret_reply)
{
    struct options options;
    struct arci_dhcp_reply reply = {0};
    if (length < ARCI_DHCP_AT_OPTIONS || length > ARCI_DHCP_REPLY_MAX)
        return false;
    if (bytes[ARCI_DHCP_AT_OPERATION] != ARCI_DHCP_BOOT_REPLY ||
        bytes[ARCI_DHCP_AT_HARDWARE] != ARCI_DHCP_ETHERNET ||
        bytes[ARCI_DHCP_AT_HARDWARE_LENGTH] != sizeof reply.mac ||
        arci_get_be32(bytes + ARCI_DHCP_AT_COOKIE) != ARCI_DHCP_COOKIE)
        return false;
    reply.transaction = arci_get_be32(bytes + ARCI_DHCP_AT_TRANSACTION);
    reply.address = arci_get_be32(bytes + ARCI_DHCP_AT_YOUR_ADDRESS);
    memcpy(reply.mac, bytes + ARCI_DHCP_AT_MAC, sizeof reply.mac);
    if (!find_options(bytes, length, &options) || !read_options(&options, &reply))
        return false;
    *ret_reply = reply;
    return true;
}
