/* The tunnel's listening sockets. */
#ifndef ARCI_PROXY_PORTS_H
#define ARCI_PROXY_PORTS_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/error.h>

/*
 * Binds a TCP socket, not yet listening, non-blocking. `address` is numeric; NULL or "" is all addresses of both families, or of
 * IPv4 where the host has no IPv6. `*port` 0 becomes a free one. With `shared` several sockets of the same user may bind the same
 * port, and the kernel spreads connections over them. Errors: ARCTIC_E_INVALID_REQUEST (address), ARCTIC_E_SYSTEM.
 */
int arci_tunnel_port_bind(const char *address, uint16_t *port, bool shared, uint32_t mark, int *ret_fd,
                          struct arctic_error *error);

#endif
