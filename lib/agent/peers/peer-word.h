/*
 * What a peer says in its pings and pongs: the hash of all records that it holds, how many of each kind, and the time by its clock. It
 * comes over the links of both directions, so that it is known of a peer that can reach this agent and cannot be reached by it.
 */
#ifndef ARCI_AGENT_PEER_WORD_H
#define ARCI_AGENT_PEER_WORD_H

#include "agent/peers/peers.h"

/* A "ping" or "pong" with what this agent says of itself; NULL when memory runs out. */
json_t *arci_peer_word_make(struct arctic_agent *agent, const char *type, json_int_t id);

/* Takes over what a peer's ping or pong says. `round_trip_us`: for how long the ping was out that a pong answers; -1 for a ping. */
void arci_peer_word_take(struct arci_agent_peer *peer, const json_t *message, int64_t round_trip_us);

/* A link to or from the peer has ended: where it was the last one, what it has said holds no more. */
void arci_peer_word_link_ended(struct arctic_agent *agent, const struct arctic_id *peer_id);

/* Whether the peer can be reached and holds the same records as this agent, as far as it has said. */
bool arci_peer_word_agrees(const struct arci_agent_peer *peer);

/* Since when that has not been so, of a peer in reach: milliseconds since 1970. 0 where it agrees, or nothing is known. */
int64_t arci_peer_word_differs_since(const struct arci_agent_peer *peer);

/* How many records a peer holds, or this agent: an object of kinds. NULL where the peer has not said so, or memory runs out. */
json_t *arci_peer_word_records(const struct arci_agent_peer *peer);
json_t *arci_peer_word_own_records(struct arctic_agent *agent);

#endif
