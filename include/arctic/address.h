/*
 * IP addresses, prefixes (CIDR) and endpoints. Plain values of fixed layout, compared and copied freely; every function here
 * may be called from any thread.
 */
#ifndef ARCTIC_ADDRESS_H
#define ARCTIC_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/api.h>
#include <arctic/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum arctic_family {
    ARCTIC_FAMILY_NONE = 0, /* no address: an absent CIDR or an unset endpoint */
    ARCTIC_FAMILY_IPV4 = 4,
    ARCTIC_FAMILY_IPV6 = 6,
};

/* Sizes of text buffers, the terminating NUL included. */
#define ARCTIC_ADDRESS_TEXT 46  /* "ffff:...:255.255.255.255" */
#define ARCTIC_CIDR_TEXT 50     /* address, '/', three digits */
#define ARCTIC_ENDPOINT_TEXT 56 /* "[address]:65535" */

struct arctic_address {
    uint8_t family;    /* an enum arctic_family */
    uint8_t bytes[16]; /* network order; IPv4 uses the first four, the rest are zero */
};

/* A prefix. Host bits are zero in a prefix that arctic_cidr_parse() gave. Family NONE means "absent". */
struct arctic_cidr {
    struct arctic_address address;
    uint8_t length; /* 0..32 or 0..128 */
};

struct arctic_endpoint {
    struct arctic_address address;
    uint16_t port; /* host order */
};

/*
 * Parses "192.0.2.1" or "2001:db8::1". No scope ids, no IPv4 in other than dotted-quad form.
 * Errors: ARCTIC_E_INVALID_REQUEST.
 */
ARCTIC_API int arctic_address_parse(const char *text, struct arctic_address *ret_address,
                                    struct arctic_error *error);

/* Writes the canonical text (RFC 5952 for IPv6), "" for family NONE. `text` has ARCTIC_ADDRESS_TEXT bytes. Returns `text`. */
ARCTIC_API char *arctic_address_format(const struct arctic_address *address, char *text);

/* Orders by family, then bytes: negative, 0 or positive. */
ARCTIC_API int arctic_address_compare(const struct arctic_address *a, const struct arctic_address *b);

/*
 * Parses a network such as "10.0.0.0/8" or "2001:db8::/32". A missing slash and host bits that are set are errors whose
 * message names the notation that would be right. So is IPv4 inside IPv6 ("::ffff:10.0.0.0/104"), which no packet carries.
 * Errors: ARCTIC_E_INVALID_CIDR.
 */
ARCTIC_API int arctic_cidr_parse(const char *text, struct arctic_cidr *ret_cidr, struct arctic_error *error);

/*
 * Parses an interface address such as "192.168.100.10/24": as arctic_cidr_parse(), but host bits are kept.
 * Errors: ARCTIC_E_INVALID_CIDR.
 */
ARCTIC_API int arctic_cidr_parse_host(const char *text, struct arctic_cidr *ret_cidr,
                                      struct arctic_error *error);

/* Writes "10.0.0.0/8", "" for family NONE. `text` has ARCTIC_CIDR_TEXT bytes. Returns `text`. */
ARCTIC_API char *arctic_cidr_format(const struct arctic_cidr *cidr, char *text);

/* Whether the prefix covers the address; false when the families differ or either is NONE. */
ARCTIC_API bool arctic_cidr_contains(const struct arctic_cidr *cidr, const struct arctic_address *address);

/* Whether both are the same prefix (two absent ones are). */
ARCTIC_API bool arctic_cidr_equal(const struct arctic_cidr *a, const struct arctic_cidr *b);

/*
 * Parses "192.0.2.1:443" or "[2001:db8::1]:443"; the port is 1..65535. Host names are not resolved here.
 * Errors: ARCTIC_E_INVALID_REQUEST.
 */
ARCTIC_API int arctic_endpoint_parse(const char *text, struct arctic_endpoint *ret_endpoint,
                                     struct arctic_error *error);

/* Writes "192.0.2.1:443" or "[2001:db8::1]:443". `text` has ARCTIC_ENDPOINT_TEXT bytes. Returns `text`. */
ARCTIC_API char *arctic_endpoint_format(const struct arctic_endpoint *endpoint, char *text);

#ifdef __cplusplus
}
#endif

#endif
