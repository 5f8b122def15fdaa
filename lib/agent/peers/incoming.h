/* Control links that other peers hold to this agent: their handshake, and then what they say. */
#ifndef ARCI_AGENT_INCOMING_H
#define ARCI_AGENT_INCOMING_H

#include "agent/agent-internal.h"

/* Takes over a connection that the tunnel listener accepted with the control protocol; `ssl` and `fd` are this call's, always. */
void arci_incoming_accept(struct arctic_agent *agent, SSL *ssl, int fd, const struct arctic_endpoint *remote);

/* The link that a peer holds to this agent; NULL where it holds none. */
struct arci_link *arci_incoming_find_link(const struct arctic_agent *agent, const struct arctic_id *peer_id);

/* Drops those of one peer. */
void arci_incoming_drop(struct arctic_agent *agent, const struct arctic_id *peer_id);

/* Drops all of them, after what is queued has left. */
void arci_incoming_finish(struct arctic_agent *agent);

/* Drops all of them. */
void arci_incoming_stop(struct arctic_agent *agent);

#endif
