/*
 * Priming: padding over an idle connection, so that a flow finds the congestion window and the bandwidth estimate that it would
 * have to build up itself. Each end looks after its own direction; the opener asks for the other.
 *
 * Bound: a fresh connection of the minimum gets `prime_bytes` in each direction, and gets them once more when small flows have
 * worn its estimate down; a path that does not take them in three seconds is full without them. All primings of a peer together draw
 * on a bucket that refills by one in ARCI_PRIME_REFILL_MS. A flow never waits for it: padding stops at the next record when a flow
 * takes the connection, and goes on after the flow.
 */
#ifndef ARCI_TRANSPORT_TLS_PRIMING_H
#define ARCI_TRANSPORT_TLS_PRIMING_H

#include "transport/tls/internal.h"

#define ARCI_PRIME_REFILL_MS 2000

/* A connection of ours is idle and of the minimum: primes it where that was not done and the bucket allows. */
void arci_priming_start(struct arci_tls_connection *connection);

/* The opener asks for padding; a piece of it came, or its end. */
void arci_priming_asked(struct arci_tls_connection *connection, uint64_t bytes);
void arci_priming_ended(struct arci_tls_connection *connection);

/*
 * Sends a little on an idle connection, with a PING or PONG, so that the kernel learns the round-trip time of the path: it takes none
 * from a lone small packet, whose acknowledgement may have been delayed (FLAG_ACK_MAYBE_DELAYED in net/ipv4/tcp_input.c).
 */
void arci_priming_measure(struct arci_tls_connection *connection);

/* Sends some, when the socket has room and no flow is under way. */
void arci_priming_send(struct arci_tls_connection *connection);

/* A flow has ended: its traces in the estimate are to be looked at soon. */
void arci_priming_flow_ended(struct arci_tls_connection *connection);

/* Looks at what is due. */
void arci_priming_tick(struct arci_tls_connection *connection);

/* How good a choice the connection is for a flow now: the higher the better. */
int arci_priming_rank(const struct arci_tls_connection *connection);

#endif
