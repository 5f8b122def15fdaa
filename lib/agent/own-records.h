/*
 * An agent that was restored from a backup has forgotten what it did after it: what it has made, changed, and revoked. Its peers have not.
 * Behind its records it tells each of them a digest of all it owns; who holds something else sends that back, and the newer version of
 * each record counts, as everywhere.
 */
#ifndef ARCI_AGENT_OWN_RECORDS_H
#define ARCI_AGENT_OWN_RECORDS_H

#include "agent/peers.h"

/* Tells a peer that has a link, and has been sent all local records, what they are. */
void arci_own_records_tell(struct arci_agent_peer *peer);

/* Takes an "inventory" of a peer, which came over `link`, and sends back what is held of it where that differs. */
void arci_own_records_compare(struct arctic_agent *agent, struct arci_link *link,
                              const struct arctic_id *peer_id, const json_t *message);

/* Takes a record of this agent that a peer has sent back. */
void arci_own_records_take(struct arctic_agent *agent, const struct arctic_id *peer_id,
                           const json_t *message);

#endif
