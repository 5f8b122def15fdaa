/* IP addresses and endpoints: parsing and canonical text. */
#include <arctic/address.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"

size_t arci_address_size(uint8_t family)
{
    return family == ARCTIC_FAMILY_IPV4 ? 4 : family == ARCTIC_FAMILY_IPV6 ? 16 : 0;
}

/* A failed parse says so without an error object: callers know better what the text was meant to be. */
bool arci_address_read(const char *text, struct arctic_address *ret_address)
{
    struct arctic_address address = {0};
    if (inet_pton(AF_INET, text, address.bytes) == 1)
        address.family = ARCTIC_FAMILY_IPV4;
    else if (inet_pton(AF_INET6, text, address.bytes) == 1)
        address.family = ARCTIC_FAMILY_IPV6;
    else
        return false;
    *ret_address = address;
    return true;
}

int arctic_address_parse(const char *text, struct arctic_address *ret_address, struct arctic_error *error)
{
    if (!text || !arci_address_read(text, ret_address))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "'%.60s' is no IPv4 or IPv6 address",
                         text ? text : "");
    return ARCTIC_OK;
}

char *arctic_address_format(const struct arctic_address *address, char *text)
{
    int family = address->family == ARCTIC_FAMILY_IPV4 ? AF_INET : AF_INET6;
    if (arci_address_size(address->family) == 0 ||
        !inet_ntop(family, address->bytes, text, ARCTIC_ADDRESS_TEXT))
        text[0] = '\0';
    return text;
}

int arctic_address_compare(const struct arctic_address *a, const struct arctic_address *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

bool arci_port_read(const char *text, uint16_t *ret_port)
{
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length > 5 || text[length])
        return false;
    long port = strtol(text, NULL, 10);
    if (port < 1 || port > 65535)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* Splits "host:port" or "[v6]:port"; an unbracketed host with a colon is ambiguous and refused. */
bool arci_host_port_split(const char *text, char *ret_host, size_t host_size, uint16_t *ret_port)
{
    const char *host = text;
    const char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    size_t length = (size_t)(colon - text);
    if (text[0] == '[') {
        if (length < 3 || text[length - 1] != ']')
            return false;
        host = text + 1;
        length -= 2;
    } else if (memchr(text, ':', length)) {
        return false;
    }
    uint16_t port;
    if (length == 0 || length >= host_size || !arci_port_read(colon + 1, &port))
        return false;
    memcpy(ret_host, host, length);
    ret_host[length] = '\0';
    *ret_port = port;
    return true;
}

int arctic_endpoint_parse(const char *text, struct arctic_endpoint *ret_endpoint, struct arctic_error *error)
{
    char host[ARCTIC_ADDRESS_TEXT];
    struct arctic_endpoint endpoint = {0};
    if (!text || !arci_host_port_split(text, host, sizeof host, &endpoint.port) ||
        !arci_address_read(host, &endpoint.address))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL,
                         "'%.80s' is no endpoint such as 192.0.2.1:443 or [2001:db8::1]:443",
                         text ? text : "");
    *ret_endpoint = endpoint;
    return ARCTIC_OK;
}

char *arctic_endpoint_format(const struct arctic_endpoint *endpoint, char *text)
{
    char address[ARCTIC_ADDRESS_TEXT];
    arctic_address_format(&endpoint->address, address);
    const char *form = endpoint->address.family == ARCTIC_FAMILY_IPV6 ? "[%s]:%u" : "%s:%u";
    snprintf(text, ARCTIC_ENDPOINT_TEXT, form, address, endpoint->port);
    return text;
}

bool arci_endpoint_equal(const struct arctic_endpoint *a, const struct arctic_endpoint *b)
{
    return a->port == b->port && arctic_address_compare(&a->address, &b->address) == 0;
}

struct arctic_endpoint arci_endpoint_from_sockaddr(const struct sockaddr *socket_address)
{
    struct arctic_endpoint endpoint = {0};
    if (socket_address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, socket_address, sizeof in);
        endpoint.address.family = ARCTIC_FAMILY_IPV4;
        memcpy(endpoint.address.bytes, &in.sin_addr, 4);
        endpoint.port = ntohs(in.sin_port);
    } else if (socket_address->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, socket_address, sizeof in6);
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr);
        endpoint.address.family = mapped ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_IPV6;
        memcpy(endpoint.address.bytes, in6.sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 16);
        endpoint.port = ntohs(in6.sin6_port);
    }
    return endpoint;
}

socklen_t arci_endpoint_to_sockaddr(const struct arctic_endpoint *endpoint,
                                    struct sockaddr_storage *ret_address)
{
    memset(ret_address, 0, sizeof *ret_address);
    if (endpoint->address.family == ARCTIC_FAMILY_IPV4) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(endpoint->port)};
        memcpy(&in.sin_addr, endpoint->address.bytes, 4);
        memcpy(ret_address, &in, sizeof in);
        return sizeof in;
    }
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(endpoint->port)};
    memcpy(&in6.sin6_addr, endpoint->address.bytes, 16);
    memcpy(ret_address, &in6, sizeof in6);
    return sizeof in6;
}

bool arci_address_is_loopback(const struct arctic_address *address)
{
    static const uint8_t loopback6[16] = {[15] = 1};
    if (address->family == ARCTIC_FAMILY_IPV4)
        return address->bytes[0] == 127;
    return address->family == ARCTIC_FAMILY_IPV6 && memcmp(address->bytes, loopback6, sizeof loopback6) == 0;
}
