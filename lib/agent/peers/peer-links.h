/*
 * The control links that this agent holds, one to each peer. Most of what this agent has to say to a peer goes over its own link; the
 * peer's own comes over the link that the peer holds to this agent (incoming.h).
 */
#ifndef ARCI_AGENT_PEER_LINKS_H
#define ARCI_AGENT_PEER_LINKS_H

#include "agent/peers/peers.h"

/* Starts to hold links; called once the agent has its identity. */
void arci_peers_start(struct arctic_agent *agent);

/* Holds no more links until it is started again. */
void arci_peers_pause(struct arctic_agent *agent);

/* Drops all links. */
void arci_peers_stop(struct arctic_agent *agent);

/* Drops the links of both directions to all peers, which are unreachable then; new ones may be made. */
void arci_peers_drop_links(struct arctic_agent *agent, const char *why);

/* Gives a peer the control link of a handshake that this agent began. */
void arci_peers_set_link(struct arci_agent_peer *peer, struct arci_link *link);

/*
 * Sends a message to a peer over the link that this agent holds, which is dropped where that fails, else over the peer's own. False
 * without either. NULL stands for a message that memory ran out over.
 */
bool arci_peers_tell(struct arci_agent_peer *peer, const json_t *message);

/* The same for a message that is text already. */
bool arci_peers_tell_text(struct arci_agent_peer *peer, const char *text, size_t length);

/* Whether a link of either direction to a peer is up: it can be spoken to, also where it cannot be dialled. */
bool arci_peers_reachable(const struct arci_agent_peer *peer);

/*
 * Meets a peer that has just come from `endpoint`: dials it at the next look, and gives up a dial that waits for an answer from
 * elsewhere.
 */
void arci_peers_meet(struct arci_agent_peer *peer, const struct arctic_endpoint *endpoint);

/*
 * Compares records with a peer now, and pings it: its answer, which arci_cluster_sync_answered() hears of, tells how far both are. Where
 * the peer alone can dial, its own next ping tells. False without a link of either direction.
 */
bool arci_peers_compare(struct arci_agent_peer *peer);

/* This host's part of a handshake. */
void arci_peers_self(struct arctic_agent *agent, struct arci_handshake_self *ret_self);

/* Options of a control link of this agent. */
void arci_peers_link_options(struct arctic_agent *agent, struct arci_link_options *ret_options);

#endif
