/* The cluster's id: followed and renewed. */
#include "agent/peers/cluster-id.h"

#include "agent/local-peer.h"
#include "agent/peers/gossiping.h"
#include "base/error.h"
#include "cluster/cluster-identity.h"

static const struct arci_entry *own_entry(const struct arctic_agent *agent)
{
    return arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id);
}

static int take(struct arctic_agent *agent, const struct arci_cluster_identity *identity,
                struct arctic_error *error)
{
    int code = arci_local_peer_set_cluster(agent, identity, error);
    if (code < 0)
        return code;
    if (!arctic_id_equal(&agent->cluster_id, &identity->id))
        arci_log_info(agent->log, "gossip", "the cluster's id has changed",
                      ARCI_TEXT("cluster_id", identity->id.text),
                      ARCI_TEXT("former_cluster_id", agent->cluster_id.text));
    agent->cluster_id = identity->id;
    arci_gossiping_announce(agent, ARCI_RECORD_PEER, &agent->local_id);
    return ARCTIC_OK;
}

void arci_cluster_id_settle(struct arctic_agent *agent)
{
    struct arctic_error error;
    const struct arci_entry *own = own_entry(agent);
    const struct arci_cluster_identity found = arci_cluster_identity_find(agent->registry);
    if (!own || !found.id.text[0] || agent->catch_up)
        return;
    if (arci_cluster_identity_equal(&found, &own->content.peer.cluster))
        agent->cluster_id = found.id;
    else if (take(agent, &found, &error) < 0)
        arci_log_error(agent->log, "store", "cannot store the cluster's id, will try again",
                       ARCI_TEXT("cluster_id", found.id.text), ARCI_ERROR(&error));
}

/* The other records first: that they were signed once more does no harm where the id could not be stored after all. */
int arci_cluster_id_renew(struct arctic_agent *agent, struct arctic_error *error)
{
    struct arctic_id id;
    const struct arci_entry *own = own_entry(agent);
    if (!own)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "this peer leaves the cluster");
    int code = arctic_id_generate(ARCTIC_ID_CLUSTER, &id, error);
    if (code >= 0)
        code = arci_registry_renew(agent->registry, error);
    if (code < 0)
        return code;
    const struct arci_cluster_identity next =
        arci_cluster_identity_succeed(&own_entry(agent)->content.peer.cluster, &id);
    return take(agent, &next, error);
}
