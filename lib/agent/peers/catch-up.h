/*
 * The first moments after a start. What this agent has on disk may be the copy of an earlier day, and its peers may remember newer
 * versions of its own records: until it has heard of those it signs nothing, and changes that are asked for wait, but no longer than a few
 * seconds where no peer answers.
 */
#ifndef ARCI_AGENT_CATCH_UP_H
#define ARCI_AGENT_CATCH_UP_H

#include "agent/peers/peers.h"

/* Begins, where there are peers; the loop is there. */
void arci_catch_up_start(struct arctic_agent *agent);

/* A peer has told the hash of its registry. */
void arci_catch_up_hear(struct arctic_agent *agent, struct arci_agent_peer *peer);

/* Takes a request that has to wait, and serves it later. False: it need not wait. */
bool arci_catch_up_hold(struct arctic_agent *agent, struct arci_request *request);

/* What waits is answered: the agent stops. */
void arci_catch_up_stop(struct arctic_agent *agent);

#endif
