/*
 * Accepted connections that have not proved a key yet. Anyone who reaches the port can make them, so their number is limited, and no
 * address can keep the others out: the oldest make room for what comes.
 */
#ifndef ARCI_TRANSPORT_TLS_DOORWAY_H
#define ARCI_TRANSPORT_TLS_DOORWAY_H

#include "transport/tls/internal.h"

#define ARCI_DOORWAY_MAX 512 /* the time for each is ARCI_HANDSHAKE_MS */

/*
 * Takes an accepted connection in. Where there is no room the oldest of all is closed, or, when more wait that came from the same IPv4
 * address or IPv6 /64 than from the address of that one, their oldest.
 */
void arci_doorway_enter(struct arci_tls_connection *connection);

/* It has proved its key or is closed. */
void arci_doorway_leave(struct arci_tls_connection *connection);

#endif
