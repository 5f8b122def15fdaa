/* A peer as the transport sees it. What carries flows to it is in pool.h, whether it answers in reach.h. */
#ifndef ARCI_TRANSPORT_TLS_PEER_H
#define ARCI_TRANSPORT_TLS_PEER_H

#include "transport/tls/internal.h"

struct arci_tls_peer *arci_peer_create(struct arci_transport *transport,
                                       const struct arci_transport_peer *settings);

/* Takes new settings of the same id and key. */
void arci_peer_reconfigure(struct arci_tls_peer *peer, const struct arci_transport_peer *settings);

/* Cuts all its connections, fails what waits for one, and frees it. It is not in transport->peers any more. */
void arci_peer_remove(struct arci_tls_peer *peer);

/* Opens nothing more; what waits fails. */
void arci_peer_retire(struct arci_tls_peer *peer);

/* NULL where there is none. */
struct arci_tls_peer *arci_peer_find(const struct arci_transport *transport, const struct arctic_id *id);
struct arci_tls_peer *arci_peer_find_key(const struct arci_transport *transport, const uint8_t *key);

/* Does what is due: dials, ends of waits, old connections. */
void arci_peer_tick(struct arci_tls_peer *peer);

/* Shows the numbers of its connections to the control loop. */
void arci_peer_count(const struct arci_tls_peer *peer);

#endif
