/* Starting the parts that need an identity. */
#ifndef ARCI_AGENT_START_H
#define ARCI_AGENT_START_H

#include "agent/agent-internal.h"

/* Starts tunnel, kernel state and control links of a bootstrapped agent. What fails stays off, and /readyz says so. `error` is not NULL. */
int arci_agent_start_data_plane(struct arctic_agent *agent, struct arctic_error *error);

#endif
