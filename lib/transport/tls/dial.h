/*
 * Making one connection to a peer that may have several addresses (after RFC 8305): the endpoint that
 * answered last is tried first, the next one beside it when it has not connected after a while, and the first
 * whose handshake is done wins.
 */
#ifndef ARCI_TRANSPORT_TLS_DIAL_H
#define ARCI_TRANSPORT_TLS_DIAL_H

#include "transport/tls/internal.h"

/* Starts one; false when no descriptor or memory is to be had. It ends with arci_peer_connected() or
 * arci_peer_dial_failed(). */
bool arci_tls_dial_start(struct arci_tls_peer *peer);

/* An attempt's handshake is done; an attempt has failed. */
void arci_tls_dial_won(struct arci_tls_dial *dial, struct arci_tls_connection *connection);
void arci_tls_dial_lost(struct arci_tls_dial *dial, struct arci_tls_connection *connection);

/* Starts what is due, ends what is overdue. */
void arci_tls_dial_tick(struct arci_tls_peer *peer);

/* Ends all, without a word to the peer's pool. */
void arci_tls_dial_cancel_all(struct arci_tls_peer *peer);

#endif
