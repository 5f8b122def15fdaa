/* Whether a peer answers, how far away it is, and when to try it again. */
#ifndef ARCI_TRANSPORT_TLS_REACH_H
#define ARCI_TRANSPORT_TLS_REACH_H

#include "transport/tls/internal.h"

/* False while the peer is known not to answer. */
bool arci_reach_usable(const struct arci_tls_peer *peer);

/* What was found out about it is old, or news of it came: it deserves a try at once, and flows wait for the outcome. */
void arci_reach_reconsider(struct arci_tls_peer *peer);

/* A dial begins. */
void arci_reach_asked(struct arci_tls_peer *peer);

/* Bytes came over one of its connections; its PONG came. */
void arci_reach_heard(struct arci_tls_connection *connection);
void arci_reach_measured(struct arci_tls_connection *connection);

/*
 * Nothing came from the peer though it was asked over this connection, which a narrow path alone may cause: the other idle ones are
 * asked, and the peer counts as unreachable when those that were asked last have had their time.
 */
void arci_reach_silent(struct arci_tls_connection *connection);

/* Others have found out that it does not answer: flows that it has not confirmed yet fail, those that it has go on. */
void arci_reach_give_up(struct arci_tls_peer *peer);

/* Ends the flows towards a peer that has been silent for long. */
void arci_reach_tick(struct arci_tls_peer *peer);

/*
 * No endpoint of the peer has answered, or it would not have the connection, for the reason in peer->trouble. A peer that was
 * introduced or restarted a moment ago may not know this agent yet: it becomes unreachable, and what waits fails, only after
 * ARCI_REACH_PATIENCE_MS.
 */
void arci_reach_dial_failed(struct arci_tls_peer *peer);

/* Asks a connection for a sign of life. */
void arci_reach_ping(struct arci_tls_connection *connection);

#endif
