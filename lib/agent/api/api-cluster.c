/* The cluster: a new id, synchronisation, status. */
#include <string.h>

#include "agent/api/api.h"
#include "agent/peers/cluster-id.h"
#include "agent/peers/cluster-sync.h"
#include "agent/peers/discovery.h"
#include "agent/peers/peer-links.h"
#include "agent/peers/peer-word.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"
#include "model/members.h"

static int read_force(const json_t *object, bool *ret_force, struct arctic_error *error)
{
    static const char *const members[] = {"force", NULL};
    if (!object)
        return ARCTIC_OK;
    int code = arci_json_check_members(object, members, error);
    return code < 0 ? code : arci_json_boolean(object, "force", false, ret_force, error);
}

/* A bootstrap gives every agent a cluster id, so that only force can mean another one. */
static int check_force(const struct arctic_agent *agent, bool force, struct arctic_error *error)
{
    if (force || !agent->cluster_id.text[0])
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, "force",
                     "this agent is in cluster %s: only \"force\": true gives it another id",
                     agent->cluster_id.text);
}

static void tell_all(struct arctic_agent *agent)
{
    for (size_t i = 0; i < agent->peer_count; i++)
        (void)arci_peers_compare(agent->peers[i]);
}

void arci_api_cluster_init(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arctic_error error;
    bool force = false;
    int code = read_force(arci_request_json(request), &force, &error);
    if (code >= 0)
        code = check_force(agent, force, &error);
    if (code >= 0)
        code = arci_cluster_id_renew(agent, &error);
    if (code < 0) {
        arci_request_fail(request, &error);
        return;
    }
    tell_all(agent);
    arci_api_cluster_identity(agent, request);
}

void arci_api_cluster_sync(void *context, struct arci_request *request)
{
    static const char *const none[] = {NULL};
    struct arctic_error error;
    const json_t *body = arci_request_json(request);
    int code = body ? arci_json_check_members(body, none, &error) : ARCTIC_OK;
    if (code >= 0)
        code = arci_cluster_sync_start(context, request, &error);
    if (code < 0)
        arci_request_fail(request, &error);
}

/* --- Status. ---------------------------------------------------------------------------------------------------------------- */

/* What is counted over all services that this agent knows. */
struct totals {
    size_t services;
    size_t local_services;
    size_t by_state[4]; /* local ones, enum arci_service_state */
    size_t routes;      /* of local services */
    uint64_t flows;     /* open, in and out */
};

static void count_services(const struct arctic_agent *agent, struct totals *ret_totals)
{
    struct totals totals = {0};
    const struct arci_entry *entry;
    size_t cursor = 0;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_SERVICE, &cursor))) {
        const struct arci_service *service = &entry->content.service;
        struct arci_service_stats stats;
        totals.services++;
        if (agent->proxy && arci_proxy_service_stats(agent->proxy, &service->id, &stats))
            totals.flows += stats.flows_open;
        if (!arctic_id_equal(&service->source_peer_id, &agent->local_id))
            continue;
        struct arci_service_live live;
        arci_reconcile_live(agent, service, &live);
        totals.local_services++;
        totals.by_state[live.state]++;
        totals.routes += service->routes.count;
    }
    *ret_totals = totals;
}

static json_t *totals_json(const struct arctic_agent *agent)
{
    struct totals totals;
    count_services(agent, &totals);
    json_t *local = json_pack("{s:I}", "total", (json_int_t)totals.local_services);
    for (size_t i = 0; i < sizeof totals.by_state / sizeof totals.by_state[0]; i++)
        json_object_set_new(local, arci_service_state_name((enum arci_service_state)i),
                            json_integer((json_int_t)totals.by_state[i]));
    return json_pack("{s:I, s:I, s:o, s:I, s:I, s:I}", "peers", (json_int_t)agent->peer_count + 1, "services",
                     (json_int_t)totals.services, "local_services", local, "routes",
                     (json_int_t)totals.routes, "credentials",
                     (json_int_t)arci_registry_count(agent->registry, ARCI_RECORD_CREDENTIAL), "flows",
                     (json_int_t)totals.flows);
}

static json_t *peer_status(const struct arctic_agent *agent, const struct arci_agent_peer *peer)
{
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &peer->id);
    ARCI_JSON *object = json_object();
    int64_t ahead = 0;
    bool known = arci_clock_offset_ahead(&peer->clock, &ahead);
    if (!object || !arci_put_text(object, "id", peer->id.text) ||
        !arci_put_text(object, "name", entry ? entry->content.peer.name : "") ||
        !arci_put_text(object, "address", peer->live.address) ||
        !arci_put_text(object, "state", arci_peer_state_name(peer->live.state)) ||
        !arci_put_boolean(object, "reachable", arci_peers_reachable(peer)) ||
        !arci_put_time(object, "last_seen_at", peer->live.last_seen_at) ||
        !arci_put_milliseconds(object, "rtt_ms", peer->live.rtt_us) ||
        !arci_put_text(object, "registry_hash", peer->digest) ||
        !arci_put_boolean(object, "converged", arci_peer_word_agrees(peer)) ||
        !arci_put_time(object, "differs_since", arci_peer_word_differs_since(peer)) ||
        !arci_put_text(object, "version", entry ? entry->content.peer.version : "") ||
        json_object_set_new(object, "clock_ahead_ms", known ? json_integer(ahead) : json_null()) < 0 ||
        json_object_set_new(object, "records",
                            peer->counts_known ? arci_peer_word_records(peer) : json_null()) < 0)
        return NULL;
    return arci_steal(object);
}

/* Those that others have told of and that could not be met yet. */
static json_t *discovered_json(struct arctic_agent *agent)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    ARCI_JSON *list = json_array();
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_PEER, &cursor))) {
        if (!arci_discovery_is_hearsay(agent, entry))
            continue;
        json_t *row = json_pack("{s:s, s:s}", "id", entry->record.id.text, "name", entry->content.peer.name);
        if (json_array_append_new(list, row) < 0)
            return NULL;
    }
    return arci_steal(list);
}

void arci_api_cluster_status(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    json_t *peers = json_array();
    bool converged = true;
    for (size_t i = 0; i < agent->peer_count; i++) {
        json_array_append_new(peers, peer_status(agent, agent->peers[i]));
        converged = converged && arci_peer_word_agrees(agent->peers[i]);
    }
    char now[ARCI_TIME_TEXT];
    arci_request_respond_json(request, 200,
                              json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:o, s:o, s:o, s:o}", "timestamp",
                                        arci_time_format(arci_time_now(), now), "peer_id",
                                        agent->local_id.text, "cluster_id", agent->cluster_id.text, "version",
                                        arctic_version(), "registry_hash",
                                        arci_registry_digest(agent->registry), "converged", converged,
                                        "peers", peers, "discovered", discovered_json(agent), "records",
                                        arci_peer_word_own_records(agent), "totals", totals_json(agent)));
}
