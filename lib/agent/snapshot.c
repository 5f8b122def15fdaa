/* Building the data plane's snapshot. */
#include "agent/snapshot.h"

#include <string.h>

#include "agent/peers.h"
#include "base/error.h"

static void fill_options(const struct arctic_agent *agent, struct arci_snapshot_options *ret_options)
{
    struct arci_snapshot_options options = {.local_id = agent->local_id};
    uint16_t tunnel_port;
    uint16_t tproxy_port;
    arci_proxy_ports(agent->proxy, &tunnel_port, &tproxy_port);
    arci_transport_settings_defaults(&options.transport);
    options.transport.mark = arci_kernel_bypass_mark(agent->kernel);
    options.transport.prime_bytes = agent->settings.prime_kb * 1024;
    memcpy(options.transport.congestion, agent->settings.tunnel_congestion,
           sizeof options.transport.congestion);
    options.exit.own_ports[0] = arci_http_server_endpoint(agent->api).port;
    options.exit.own_ports[1] = tunnel_port;
    options.exit.own_ports[2] = tproxy_port;
    options.exit.own_ports[3] = agent->settings.iptunnel_port;
    options.exit.own_port_count = 4;
    *ret_options = options;
}

/* Membership counts here, not whether a control link is up just now: flows live on through a pause of the control plane. */
static int add_peers(struct arctic_agent *agent, struct arci_snapshot *snapshot, struct arctic_error *error)
{
    for (size_t i = 0; i < agent->peer_count; i++) {
        const struct arci_agent_peer *known = agent->peers[i];
        const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &known->id);
        if (!entry)
            continue;
        struct arci_snapshot_peer peer = {
            .id = known->id, .endpoint_count = known->live.endpoint_count, .connected = true};
        memcpy(peer.key, entry->content.peer.public_key, sizeof peer.key);
        memcpy(peer.endpoints, known->live.endpoints, sizeof peer.endpoints);
        int code = arci_snapshot_add_peer(snapshot, &peer, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

/* A service whose routes step aside stays known without them: its open flows live on, new ones go by. */
static int add_entry(struct arci_snapshot *snapshot, const struct arci_planned_service *planned,
                     struct arctic_error *error)
{
    bool withdrawn = !planned->peer_connected && planned->service.when_unreachable == ARCI_STEP_ASIDE;
    const struct arci_snapshot_service service = {
        .id = planned->service.id,
        .peer_id = planned->service.target_peer_id,
        .routes = planned->service.routes.items,
        .route_count = withdrawn ? 0 : planned->service.routes.count,
    };
    return arci_snapshot_add_entry(snapshot, &service, error);
}

static int add_entries(struct arctic_agent *agent, struct arci_snapshot *snapshot,
                       const struct arci_service_plan *plan, const struct arci_service_plan *except,
                       struct arctic_error *error)
{
    for (size_t i = 0; plan && i < plan->count; i++) {
        const struct arci_planned_service *planned = &plan->items[i];
        const struct arci_planned_service *newer = arci_service_plan_find(except, &planned->service.id);
        if (!planned->capture || (newer && newer->capture) ||
            !arci_peers_find(agent, &planned->service.target_peer_id))
            continue;
        int code = add_entry(snapshot, planned, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

static int add_exits(struct arctic_agent *agent, struct arci_snapshot *snapshot, struct arctic_error *error)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_SERVICE, &cursor))) {
        const struct arci_service *service = &entry->content.service;
        if (!arctic_id_equal(&service->target_peer_id, &agent->local_id) ||
            !arci_peers_find(agent, &service->source_peer_id))
            continue;
        const struct arci_snapshot_service exit = {
            .id = service->id,
            .peer_id = service->source_peer_id,
            .routes = service->routes.items,
            .route_count = service->routes.count,
        };
        int code = arci_snapshot_add_exit(snapshot, &exit, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

static int build(struct arctic_agent *agent, const struct arci_service_plan *plan,
                 const struct arci_service_plan *former, struct arci_snapshot **ret_snapshot,
                 struct arctic_error *error)
{
    struct arci_snapshot_options options;
    fill_options(agent, &options);
    ARCI_CLEANUP(arci_snapshot_cleanup) struct arci_snapshot *snapshot = NULL;
    int code = arci_snapshot_create(&options, &snapshot, error);
    if (code >= 0)
        code = add_peers(agent, snapshot, error);
    if (code >= 0)
        code = add_entries(agent, snapshot, plan, NULL, error);
    if (code >= 0)
        code = add_entries(agent, snapshot, former, plan, error);
    if (code >= 0)
        code = add_exits(agent, snapshot, error);
    if (code >= 0)
        *ret_snapshot = arci_steal(snapshot);
    return code;
}

int arci_snapshot_publish(struct arctic_agent *agent, const struct arci_service_plan *plan,
                          const struct arci_service_plan *former)
{
    ARCI_CLEANUP(arci_snapshot_cleanup) struct arci_snapshot *snapshot = NULL;
    struct arctic_error error;
    int code = build(agent, plan, former, &snapshot, &error);
    if (code >= 0)
        code = arci_proxy_set_snapshot(agent->proxy, snapshot, &error);
    if (code < 0)
        arci_log_error(agent->log, "tproxymgr", "cannot hand over the configuration", ARCI_ERROR(&error));
    return code;
}
