/*
 * The control links that this agent holds, one to each peer. Over a link go this agent's own records, at once when it opens and again
 * with every change; the peer's own come over the link that the peer holds to this agent (incoming.h).
 */
#ifndef ARCI_AGENT_PEER_LINKS_H
#define ARCI_AGENT_PEER_LINKS_H

#include "agent/peers.h"

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

/* Sends a message to a peer that has a link, which is dropped where that fails. NULL stands for one that memory ran out over. */
void arci_peers_send(struct arci_agent_peer *peer, const json_t *message);

/* Sends all local records to a peer that has a link. */
void arci_peers_send_all(struct arci_agent_peer *peer);

/* Sends the newest version of a local record to all connected peers. */
void arci_peers_publish(struct arctic_agent *agent, enum arci_record_kind kind, const struct arctic_id *id);

/*
 * Sends all local records to a peer again, unless that was done just now, and a ping behind them: its answer, which
 * arci_cluster_sync_answered() hears of, means that the peer has them. False without a link to it.
 */
bool arci_peers_push(struct arci_agent_peer *peer, size_t *ret_count);

/* This host's part of a handshake. */
void arci_peers_self(struct arctic_agent *agent, struct arci_handshake_self *ret_self);

/* Options of a control link of this agent. */
void arci_peers_link_options(struct arctic_agent *agent, struct arci_link_options *ret_options);

#endif
