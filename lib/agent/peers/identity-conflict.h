/*
 * Two agents with one identity: a data directory, or a whole machine, that was copied and runs twice. Each signs records in the name of
 * both, and each takes the other's links. The runs of an agent tell themselves apart by a random `instance` in the peer record, so that
 * each of the two hears of the other by gossip, and reports it; which of them has to go is for people to say.
 */
#ifndef ARCI_AGENT_IDENTITY_CONFLICT_H
#define ARCI_AGENT_IDENTITY_CONFLICT_H

#include "agent/agent-internal.h"

/* A record of this agent's own has come from elsewhere, and holds now. */
void arci_identity_conflict_take(struct arctic_agent *agent, const struct arci_entry *entry);

/* To be called about once a second: the own record is signed again when it is time. */
void arci_identity_conflict_tick(struct arctic_agent *agent);

/* To be called where this agent gives up its identity: what was seen of others concerns no later one. */
void arci_identity_conflict_forget(struct arctic_agent *agent);

/* Whether another agent has been seen lately that runs with this identity; *ret_reason says so, good until the next call. */
bool arci_identity_conflict_is(const struct arctic_agent *agent, const char **ret_reason);

#endif
