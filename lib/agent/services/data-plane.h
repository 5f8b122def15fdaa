/*
 * Starting the parts that need an identity, and trying again where that failed: a host may get later what it lacks now, such as
 * /dev/net/tun or a port that is still taken.
 */
#ifndef ARCI_AGENT_DATA_PLANE_H
#define ARCI_AGENT_DATA_PLANE_H

#include "agent/agent-internal.h"

/* Makes the timer of the tries; the loop is there. Errors: ARCTIC_E_SYSTEM. */
int arci_data_plane_create(struct arctic_agent *agent, struct arctic_error *error);

/* Makes agent->kernel, which is NULL yet. Errors: those of arci_kernel_create(). */
int arci_data_plane_start_kernel(struct arctic_agent *agent, struct arctic_error *error);

/*
 * Starts tunnel, kernel state and control links of a bootstrapped agent. What fails is in agent->data_plane_problem, /readyz says
 * so, and it is tried again with growing waits until it works or the agent stops. `error` is not NULL.
 */
int arci_data_plane_start(struct arctic_agent *agent, struct arctic_error *error);

/*
 * Whether the start of the agent may go on after arci_data_plane_start() gave `code`: where the host does not allow, or does not
 * have, what capture needs, its API is still there to say so. What another program holds ends the start, for an operator to see at
 * once.
 */
bool arci_data_plane_may_wait(const struct arctic_agent *agent, int code);

/* Ends all of it for an agent that loses its identity; no pass of the reconciler is under way. It may be started again. */
void arci_data_plane_end(struct arctic_agent *agent);

/* Tries no more; the timer closes while the loop runs on. */
void arci_data_plane_stop(struct arctic_agent *agent);

#endif
