/* Leaving a cluster. */
#include "agent/departure.h"

#include "agent/data-plane.h"
#include "agent/discovery.h"
#include "agent/incoming.h"
#include "agent/local-peer.h"
#include "agent/peer-addition.h"
#include "agent/gossiping.h"
#include "agent/peer-links.h"
#include "agent/reconcile.h"
#include "base/error.h"

/* Those who cannot be told now see an unreachable peer until an operator revokes it. */
static void say_goodbye(struct arctic_agent *agent)
{
    size_t told = 0;
    for (size_t i = 0; i < agent->peer_count; i++)
        told += agent->peers[i]->link != NULL;
    arci_log_warn(agent->log, "gossip", "leaving the cluster", ARCI_TEXT("peer_id", agent->local_id.text),
                  ARCI_INT("peers_told", told), ARCI_INT("peers_not_told", agent->peer_count - told));
    arci_gossiping_announce(agent, ARCI_RECORD_PEER, &agent->local_id);
    while (agent->peer_count > 0) {
        const struct arctic_id id = agent->peers[agent->peer_count - 1]->id;
        arci_peers_drop(agent, &id, true);
    }
    arci_incoming_finish(agent);
}

static void forget(struct arctic_agent *agent)
{
    struct arctic_error error;
    arci_data_plane_end(agent);
    arci_local_peer_forget(agent);
    agent->bootstrapped = false;
    agent->leaving = false;
    agent->wipe_failed = arci_local_peer_wipe(agent, &error) < 0;
    if (agent->wipe_failed)
        arci_log_error(agent->log, "store", "the former identity stays on disk until the next start",
                       ARCI_ERROR(&error));
}

/* The pass has ended, and with it capture. */
static void on_released(void *context)
{
    struct arctic_agent *agent = context;
    struct arci_request *request = agent->leaver;
    agent->leaver = NULL;
    if (!agent->stopping)
        forget(agent);
    if (request)
        arci_request_respond_empty(request, 204);
}

int arci_departure_start(struct arctic_agent *agent, struct arci_request *request, struct arctic_error *error)
{
    struct arctic_error ignored;
    int code = arci_registry_delete(agent->registry, ARCI_RECORD_PEER, &agent->local_id, error);
    if (code < 0)
        return code;
    agent->leaving = true;
    agent->leaver = request;
    if (arci_request_is_carried(request)) {
        /* The link for the answer goes now. */
        agent->leaver = NULL;
        arci_request_respond_empty(request, 204);
    }
    arci_peer_additions_stop(agent);
    /* A dial that is answered now would have no record of this peer to show. */
    arci_discovery_stop(agent);
    say_goodbye(agent);
    /* From memory alone if need be: the tombstone on disk decides at the next start. */
    (void)arci_registry_forget_owned(agent->registry, &agent->local_id, &ignored);
    arci_reconcile_then(agent, on_released, agent);
    return ARCTIC_OK;
}
