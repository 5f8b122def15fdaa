/*
 * Drift: when something tells that others may have changed the agent's kernel state (kernel/monitor.h), the reconciler looks at it
 * within a tenth of a second, instead of at its next look in turn.
 */
#ifndef ARCI_AGENT_DRIFT_H
#define ARCI_AGENT_DRIFT_H

#include "agent/agent-internal.h"

/*
 * Begins to listen; agent->kernel is there. Where that fails the looks in turn go on alone. Does nothing where it listens already.
 */
void arci_drift_start(struct arctic_agent *agent);

/* Listens no more; its handles close while the loop runs on. Before agent->kernel goes. */
void arci_drift_stop(struct arctic_agent *agent);

#endif
