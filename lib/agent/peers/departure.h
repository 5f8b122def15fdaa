/*
 * DELETE /v1/peers/self: this agent leaves its cluster. Its departure, the tombstone of its own peer record, goes to disk and to the
 * connected peers; capture is taken back; then identity, licence and all records are removed, and the agent is as before its
 * bootstrap. A crash in between is made up for at the next start: there the agent is a member once more until its peers can be told.
 */
#ifndef ARCI_AGENT_DEPARTURE_H
#define ARCI_AGENT_DEPARTURE_H

#include "agent/agent-internal.h"

/* Answers `request` when all is done. Errors, with the request not answered: ARCTIC_E_NOT_FOUND (it leaves already), those of the store. */
int arci_departure_start(struct arctic_agent *agent, struct arci_request *request,
                         struct arctic_error *error);

/*
 * At start, with the registry loaded: where a crash has cut a departure short, puts the own record back in memory, for the handshakes
 * that it takes to tell the peers. Errors: ARCTIC_E_CORRUPT, ARCTIC_E_NO_MEMORY, those of the store.
 */
int arci_departure_recall(struct arctic_agent *agent, struct arctic_error *error);

/* Leaves, where arci_departure_recall() has found a departure and the peers have had the time to be there. */
void arci_departure_take_up(struct arctic_agent *agent);

#endif
