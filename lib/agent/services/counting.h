/* What services and routes have counted lives as long as they do: for as long as there is a record of them. */
#ifndef ARCI_AGENT_COUNTING_H
#define ARCI_AGENT_COUNTING_H

#include "agent/agent-internal.h"

/* Begins to look for counters of routes that have been deleted, a part every second; the loop is there. Errors: ARCTIC_E_SYSTEM. */
int arci_counting_create(struct arctic_agent *agent, struct arctic_error *error);

/* Ends that; the timer closes while the loop runs on. Allowed where it was never begun. */
void arci_counting_stop(struct arctic_agent *agent);

/* The proxy's service_exists callback; its user is the agent. */
bool arci_counting_service_exists(void *user, const struct arctic_id *service_id);

#endif
