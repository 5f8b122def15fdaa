/*
 * POST /v1/cluster/sync: records are compared with every connected peer now, and a full pass of the reconciler compares all
 * that the kernel holds and brings kernel and data plane in line. One runs at a time; requests that come meanwhile get its answer.
 */
#ifndef ARCI_AGENT_CLUSTER_SYNC_H
#define ARCI_AGENT_CLUSTER_SYNC_H

#include "agent/agent-internal.h"

/* Answers `request` when all peers hold the same, or after five seconds. Errors: ARCTIC_E_NO_MEMORY, with the request not answered. */
int arci_cluster_sync_start(struct arctic_agent *agent, struct arci_request *request,
                            struct arctic_error *error);

/* A peer has said what it holds: see arci_agent_peer.digest. */
void arci_cluster_sync_answered(struct arctic_agent *agent, struct arci_agent_peer *peer);

/* The link to a peer is gone. */
void arci_cluster_sync_lost(struct arctic_agent *agent, const struct arctic_id *peer_id);

/* Waits for no peer any more. */
void arci_cluster_sync_stop(struct arctic_agent *agent);

#endif
