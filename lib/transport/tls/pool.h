/* The pool of connections to one peer, and the flows that wait for one. */
#ifndef ARCI_TRANSPORT_TLS_POOL_H
#define ARCI_TRANSPORT_TLS_POOL_H

#include "transport/tls/internal.h"

/* Gives a stream a warm connection, or has it wait for one that is being made. */
void arci_tls_pool_carry(struct arci_tls_peer *peer, struct arci_stream *stream);

/* A stream no longer waits. */
void arci_tls_pool_forget(struct arci_tls_peer *peer, struct arci_stream *stream);

/* Has all that wait fail, or those that have waited for too long. */
void arci_tls_pool_fail_waiting(struct arci_tls_peer *peer);
void arci_tls_pool_fail_overdue(struct arci_tls_peer *peer);

/* Dials as many connections as are missing, as far as the back-off allows. */
void arci_tls_pool_replenish(struct arci_tls_peer *peer);

/* Closes connections above the minimum that nobody has used for long. */
void arci_tls_pool_trim(struct arci_tls_peer *peer);

/* A connection of ours has shaken hands. */
void arci_tls_pool_connected(struct arci_tls_connection *connection);

/* The peer has said its first word on a connection of ours: it would have flows. */
void arci_tls_pool_confirmed(struct arci_tls_connection *connection);

/* A connection of ours is between flows. */
void arci_tls_pool_release(struct arci_tls_connection *connection);

/* The other end would have no more flows on a connection of ours. */
void arci_tls_pool_retire_connection(struct arci_tls_connection *connection);

/* The peer has made a connection and proved its key. */
void arci_tls_pool_accepted(struct arci_tls_peer *peer, struct arci_tls_connection *connection);

/* A connection has closed, in whatever phase. */
void arci_tls_pool_lost(struct arci_tls_connection *connection, bool was_ready);

#endif
