/*
 * The agent's side of gossip (cluster/gossip.h): which peers it may speak to, over which link, when, and what follows from a record that
 * comes. What comes over links of either direction is taken and answered there; what else goes out takes the link that this agent
 * holds, else the peer's.
 */
#ifndef ARCI_AGENT_GOSSIPING_H
#define ARCI_AGENT_GOSSIPING_H

#include "agent/agent-internal.h"
#include "cluster/gossip.h"
#include "cluster/link.h"

/* Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_SYSTEM. */
int arci_gossiping_create(struct arctic_agent *agent, struct arctic_error *error);

/* Ends the timers; the loop runs on until they are closed. */
void arci_gossiping_stop(struct arctic_agent *agent);
void arci_gossiping_free(struct arctic_agent *agent);

/* A link to a peer was made or has gone. What follows is done by the loop, not in this call. */
void arci_gossiping_links_changed(struct arctic_agent *agent);

/* A peer is none any more. */
void arci_gossiping_forget(struct arctic_agent *agent, const struct arctic_id *peer_id);

/* Compares with a peer that has a link. */
void arci_gossiping_compare(struct arctic_agent *agent, const struct arctic_id *peer_id);

/*
 * Takes a message of a peer, which is answered over the link that it came over; returns whether it was one of gossip's. What it brings
 * may end the link.
 */
bool arci_gossiping_take(struct arctic_agent *agent, struct arci_link *link, const struct arctic_id *peer_id,
                         const json_t *message);

/* The same for a record that was taken by itself, see arci_gossip_took(). Without a link (NULL) what there is to ask waits. */
void arci_gossiping_took(struct arctic_agent *agent, struct arci_link *link, const struct arctic_id *peer_id,
                         const struct arci_record *record, bool changed, int code,
                         const struct arctic_error *error);

/* What has been told and taken since the start. */
const struct arci_gossip_counts *arci_gossiping_counts(const struct arctic_agent *agent);

/* Tells the peers at once of a change of a local record. */
void arci_gossiping_announce(struct arctic_agent *agent, enum arci_record_kind kind,
                             const struct arctic_id *id);

#endif
