/* The listening socket of the REST server. */
#ifndef ARCI_REST_LISTENER_H
#define ARCI_REST_LISTENER_H

#include <arctic/address.h>
#include <arctic/error.h>

/*
 * Opens a listening TCP socket (close-on-exec, non-blocking). `address` may be NULL or "": all addresses of
 * both families, or of IPv4 alone on a host without IPv6. `port` 0 takes a free one, and errors call it
 * `port_setting`; `mark` is its SO_MARK unless 0. *ret_endpoint is what it is bound to. Errors: ARCTIC_E_USAGE (address), ARCTIC_E_SYSTEM.
 */
int arci_http_listen(const char *address, uint16_t port, const char *port_setting, uint32_t mark, int *ret_fd,
                     struct arctic_endpoint *ret_endpoint, struct arctic_error *error);

#endif
