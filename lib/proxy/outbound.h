/* The exit's sockets towards destinations: from the exit's own address, or from the client's. */
#ifndef ARCI_PROXY_OUTBOUND_H
#define ARCI_PROXY_OUTBOUND_H

#include <stdint.h>

#include <arctic/address.h>

/*
 * A non-blocking socket that connects to `destination`; -1 with errno. `mark` is its SO_MARK, 0: none. With `client` (NULL: without)
 * it bears the client's address, and the client's port unless that is taken, or not allowed; then another one. It needs CAP_NET_ADMIN
 * for that, and whether the client's address may be borne is checked by the caller.
 */
int arci_outbound_connect(uint32_t mark, const struct arctic_endpoint *destination,
                          const struct arctic_endpoint *client);

#endif
