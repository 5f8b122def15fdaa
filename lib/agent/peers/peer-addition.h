/* Adding a peer: look its address up, ask the other agent who it is, shake hands with it. */
#ifndef ARCI_AGENT_PEER_ADDITION_H
#define ARCI_AGENT_PEER_ADDITION_H

#include "agent/agent-internal.h"

/* Begins one for a request, which is answered when it has ended. Errors: ARCTIC_E_NO_MEMORY, and the request is still the caller's. */
int arci_peer_addition_start(struct arctic_agent *agent, struct arci_request *request,
                             const struct arci_peer_request *body, struct arctic_error *error);

/* Ends all that are under way at once; their requests fail. */
void arci_peer_additions_stop(struct arctic_agent *agent);

/* The form of a peer in answers (api-peers.c). NULL when memory runs out. */
json_t *arci_api_peer_json(struct arctic_agent *agent, const struct arci_entry *entry);

#endif
