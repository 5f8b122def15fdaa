/*
 * Peers that are known by hearsay: their records have come from others, and say where they may be reached. Such a peer is an address and
 * no more until a handshake has proved its key; then it is one of agent->peers.
 */
#ifndef ARCI_AGENT_DISCOVERY_H
#define ARCI_AGENT_DISCOVERY_H

#include "agent/peers/peers.h"

/* Whether a peer record is that of a member that has not been met. */
bool arci_discovery_is_hearsay(const struct arctic_agent *agent, const struct arci_entry *entry);

/* Dials those that are new, or whose time has come again. */
void arci_discovery_look(struct arctic_agent *agent);

/* Dials nobody any more, and forgets whom it has tried. */
void arci_discovery_stop(struct arctic_agent *agent);

/*
 * Where a peer may be reached, best first: where it was reached last (`live`, may be NULL), then what its record says. Returns how many
 * there are.
 */
size_t arci_discovery_endpoints(struct arctic_agent *agent, const struct arci_peer *peer,
                                const struct arci_peer_live *live,
                                struct arctic_endpoint ret_endpoints[ARCI_PEER_ENDPOINTS_MAX]);

#endif
