/*
 * A peer as the transport sees it: the pool of warm connections to it, the flows that wait for one, and
 * whether it answers.
 */
#ifndef ARCI_TRANSPORT_TLS_PEER_H
#define ARCI_TRANSPORT_TLS_PEER_H

#include "transport/tls/internal.h"

struct arci_tls_peer *arci_peer_create(struct arci_transport *transport,
                                       const struct arci_transport_peer *settings);

/* Takes new settings of the same id and key. */
void arci_peer_reconfigure(struct arci_tls_peer *peer, const struct arci_transport_peer *settings);

/* Cuts all its connections, fails what waits for one, and frees it. It is not in transport->peers any more.
 */
void arci_peer_remove(struct arci_tls_peer *peer);

/* Opens nothing more; what waits fails. */
void arci_peer_retire(struct arci_tls_peer *peer);

/* NULL where there is none. */
struct arci_tls_peer *arci_peer_find(const struct arci_transport *transport, const struct arctic_id *id);
struct arci_tls_peer *arci_peer_find_key(const struct arci_transport *transport, const uint8_t *key);

/* False while the peer is known not to answer. */
bool arci_peer_usable(const struct arci_tls_peer *peer);

/* Gives a stream a warm connection, or has it wait for one that is being made. */
void arci_peer_carry(struct arci_tls_peer *peer, struct arci_stream *stream);

/* A stream no longer waits. */
void arci_peer_forget(struct arci_tls_peer *peer, struct arci_stream *stream);

/* A connection of ours is ready for its first flow. */
void arci_peer_connected(struct arci_tls_connection *connection);

/* No endpoint of the peer has answered. */
void arci_peer_dial_failed(struct arci_tls_peer *peer);

/* A connection of ours is between flows. */
void arci_peer_release(struct arci_tls_connection *connection);

/* The other end would have no more flows on a connection of ours. */
void arci_peer_retire_connection(struct arci_tls_connection *connection);

/* The peer has made a connection and proved its key. */
void arci_peer_accepted(struct arci_tls_peer *peer, struct arci_tls_connection *connection);

/* A connection has closed, in whatever phase. */
void arci_peer_lost(struct arci_tls_connection *connection, bool was_ready);

/* Bytes came over one of its connections; its PONG came. */
void arci_peer_heard(struct arci_tls_connection *connection);
void arci_peer_measured(struct arci_tls_connection *connection);

/* Nothing came though it was asked. */
void arci_peer_silent(struct arci_tls_peer *peer);

/* Asks an idle connection for a sign of life. */
void arci_peer_ping(struct arci_tls_connection *connection);

/* Does what is due: dials, ends of waits, old connections. */
void arci_peer_tick(struct arci_tls_peer *peer);

#endif
