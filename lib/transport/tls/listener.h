/* The tunnel's listening sockets. */
#ifndef ARCI_TRANSPORT_TLS_LISTENER_H
#define ARCI_TRANSPORT_TLS_LISTENER_H

#include "transport/tls/internal.h"

/* Listens on a bound socket, which becomes the listener's on success. Errors: ARCTIC_E_SYSTEM. */
int arci_listener_start(struct arci_tls_listener *listener, struct arci_transport *transport, int fd,
                        struct arctic_error *error);

/* Stops and closes; allowed on one that was never started. */
void arci_listener_stop(struct arci_tls_listener *listener);

/* Listens again after descriptors ran out. */
void arci_listener_tick(struct arci_tls_listener *listener);

#endif
