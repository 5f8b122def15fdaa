/* Internal helpers beside <arctic/address.h>. */
#ifndef ARCI_BASE_ADDRESS_H
#define ARCI_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include <arctic/address.h>

/* Bytes of an address: 4, 16, or 0 for family NONE. */
size_t arci_address_size(uint8_t family);

/* Parses an address or a decimal port (1..65535); false where the text is none. */
bool arci_address_read(const char *text, struct arctic_address *ret_address);
bool arci_port_read(const char *text, uint16_t *ret_port);

/* Splits "host:port" or "[v6]:port" without resolving; false where it is neither or the host does not fit. */
bool arci_host_port_split(const char *text, char *ret_host, size_t host_size, uint16_t *ret_port);

bool arci_endpoint_equal(const struct arctic_endpoint *a, const struct arctic_endpoint *b);

/* From a socket address; IPv4-mapped IPv6 becomes IPv4; family NONE for any other socket family. */
struct arctic_endpoint arci_endpoint_from_sockaddr(const struct sockaddr *socket_address);

/* To a socket address of the endpoint's family (IPv4 or IPv6); returns its length. */
socklen_t arci_endpoint_to_sockaddr(const struct arctic_endpoint *endpoint,
                                    struct sockaddr_storage *ret_address);

/* Clears the bits after `length`. */
struct arctic_address arci_address_mask(const struct arctic_address *address, unsigned length);

/* 127.0.0.0/8 and ::1. */
bool arci_address_is_loopback(const struct arctic_address *address);

#endif
