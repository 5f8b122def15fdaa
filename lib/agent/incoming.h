/* Control links that other peers hold to this agent: their handshake, and then their records. */
#ifndef ARCI_AGENT_INCOMING_H
#define ARCI_AGENT_INCOMING_H

#include "agent/agent-internal.h"

/* Takes over a connection that the tunnel listener accepted with the control protocol; `ssl` and `fd` are this call's, always. */
void arci_incoming_accept(struct arctic_agent *agent, SSL *ssl, int fd, const struct arctic_endpoint *remote);

/* Drops all of them. */
void arci_incoming_stop(struct arctic_agent *agent);

#endif
