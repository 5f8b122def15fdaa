/* Which cluster this agent is in (cluster/cluster-identity.h), as its own record says it. */
#ifndef ARCI_AGENT_CLUSTER_ID_H
#define ARCI_AGENT_CLUSTER_ID_H

#include "agent/agent-internal.h"

/* Follows what the records of all members say: to be called when some have come, and at start. */
void arci_cluster_id_settle(struct arctic_agent *agent);

/*
 * Gives the cluster a new id, which takes the place of the present one for all members, and signs the local records anew. Errors: those
 * of the store; some records may have been signed anew then.
 */
int arci_cluster_id_renew(struct arctic_agent *agent, struct arctic_error *error);

#endif
