/* Where this agent can be reached, as far as its own host knows: which of the addresses others get through to is theirs to find out. */
#ifndef ARCI_AGENT_OWN_ENDPOINTS_H
#define ARCI_AGENT_OWN_ENDPOINTS_H

#include "agent/agent-internal.h"

/* Fills address and endpoints of the local peer: IPv4 first, no loopback or link-local ones. */
void arci_own_endpoints(struct arctic_agent *agent, struct arci_peer_live *live);

/* The same addresses for this peer's record. */
void arci_own_endpoints_describe(struct arctic_agent *agent, struct arci_peer *peer);

/* Whether an address that a peer names can be one of another host. */
bool arci_own_endpoints_is_of_use(const struct arctic_address *address);

#endif
