/*
 * Service names are unique in a cluster, and yet two agents may take one name at the same time, or on two sides of a partition. When
 * they meet, the service with the smallest id, which is the oldest, keeps the name; the owner of each other one gives it another.
 */
#ifndef ARCI_AGENT_SERVICE_NAMES_H
#define ARCI_AGENT_SERVICE_NAMES_H

#include "agent/agent-internal.h"

/*
 * Renames the services of this agent whose name an older service has: "-" and the end of its id is appended. The new versions are on disk
 * and told when this returns; where there is nothing to do, nothing changes. Takes n log(n) for n services in the cluster, whoever owns
 * them. Errors: ARCTIC_E_NO_MEMORY, those of the store; what could be renamed has been.
 */
int arci_service_names_settle(struct arctic_agent *agent, struct arctic_error *error);

#endif
