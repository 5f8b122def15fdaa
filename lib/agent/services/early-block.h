/*
 * Services that block refuse what their routes match before anything else of an agent is there that somebody could see: its API, its tunnel,
 * its links. The first pass of the reconciler, which comes after all of these, goes on from there.
 */
#ifndef ARCI_AGENT_EARLY_BLOCK_H
#define ARCI_AGENT_EARLY_BLOCK_H

#include "agent/agent-internal.h"

/*
 * At the start, with state and loop ready and agent->kernel NULL. Makes agent->kernel where a service blocks; without one, or where that
 * fails, it stays NULL for arci_data_plane_start(), which tells why. Blocks as long as the kernel takes for the routes of these services.
 */
void arci_early_block(struct arctic_agent *agent);

#endif
