/* Where this agent can be reached, as far as its own host knows: which of the addresses others get through to is theirs to find out. */
#ifndef ARCI_AGENT_OWN_ENDPOINTS_H
#define ARCI_AGENT_OWN_ENDPOINTS_H

#include "agent/agent-internal.h"

/* Fills address and endpoints of the local peer: IPv4 first, no loopback or link-local ones. */
void arci_own_endpoints(struct arctic_agent *agent, struct arci_peer_live *live);

#endif
