/* Routes as the canonical text of their durable form (arci_routes_to_json()), written without the tree of values in between. */
#include <string.h>

#include "base/buffer.h"
#include "model/service-read.h"

/* Texts of two prefixes, two numbers and the names of the members. */
#define ROUTE_TEXT_MAX (2 * ARCTIC_CIDR_TEXT + 128)

static char *put_text(char *at, const char *text)
{
    size_t length = strlen(text);
    memcpy(at, text, length);
    return at + length;
}

static char *put_number(char *at, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count > 0)
        *at++ = digits[--count];
    return at;
}

/* The same as inet_ntop(), which takes longer than all the rest of a route. */
static char *put_ipv4(char *at, const uint8_t bytes[4])
{
    for (size_t i = 0; i < 4; i++) {
        if (i > 0)
            *at++ = '.';
        at = put_number(at, bytes[i]);
    }
    return at;
}

static char *put_cidr(char *at, const struct arctic_cidr *cidr)
{
    if (cidr->address.family == ARCTIC_FAMILY_NONE)
        return put_text(at, "null");
    *at++ = '"';
    if (cidr->address.family == ARCTIC_FAMILY_IPV4)
        at = put_ipv4(at, cidr->address.bytes);
    else
        at += strlen(arctic_address_format(&cidr->address, at));
    *at++ = '/';
    at = put_number(at, cidr->length);
    *at++ = '"';
    return at;
}

/* Members in the order of their names. */
static char *put_route(char *at, const struct arci_route *route)
{
    at = put_text(at, "{\"dest_cidr\":");
    at = put_cidr(at, &route->destination);
    at = put_text(at, ",\"id\":");
    at = put_number(at, route->id);
    at = put_text(at, ",\"priority\":");
    at = put_number(at, (uint64_t)route->priority);
    at = put_text(at, ",\"source_cidr\":");
    at = put_cidr(at, &route->source);
    *at++ = '}';
    return at;
}

void arci_routes_text_append(const struct arci_routes *routes, struct arci_buffer *text)
{
    arci_buffer_text(text, "[");
    for (size_t i = 0; i < routes->count; i++) {
        char written[ROUTE_TEXT_MAX];
        char *end = written;
        if (i > 0)
            *end++ = ',';
        end = put_route(end, &routes->items[i]);
        arci_buffer_append(text, written, (size_t)(end - written));
    }
    arci_buffer_text(text, "]");
}
