/* Judging the local services: which can be carried now, and why the others cannot. */
#include "agent/services/service-plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/if.h>

#include "agent/api/api-listeners.h"
#include "agent/license/license-limits.h"
#include "agent/peers/membership.h"
#include "agent/peers/peers.h"
#include "agent/peers/target-watch.h"
#include "agent/interfaces/interfaces.h"
#include "base/error.h"

void arci_service_plan_free(struct arci_service_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->count; i++)
        arci_entry_unref(plan->items[i].entry);
    for (size_t i = 0; i < plan->exit_count; i++)
        arci_entry_unref(plan->exits[i]);
    free(plan->items);
    free(plan->kernel);
    free(plan->spared);
    free(plan->peers);
    free(plan->exits);
    free(plan->interfaces.wishes);
    free(plan->interfaces.states);
    free(plan);
}

ARCI_DEFINE_CLEANUP(struct arci_service_plan *, arci_service_plan_free, plan_cleanup)

static int compare_id(const void *key, const void *item)
{
    const struct arctic_id *id = key;
    const struct arci_planned_service *planned = item;
    return strcmp(id->text, planned->service->id.text);
}

const struct arci_planned_service *arci_service_plan_find(const struct arci_service_plan *plan,
                                                          const struct arctic_id *id)
{
    return plan ? bsearch(id, plan->items, plan->count, sizeof *plan->items, compare_id) : NULL;
}

/* What this build cannot carry yet; NULL for what it can. Such a service waits, and never runs as something else. */
static const char *missing_ability(const struct arci_service *service)
{
    if (service->transport == ARCI_TRANSPORT_KCP)
        return "transport kcp is not available in this version: the service captures nothing";
    if (service->transport == ARCI_TRANSPORT_AUTO)
        return "transport auto is not available in this version: the service captures nothing";
    if (service->qos.bandwidth_limit_mbps > 0)
        return "bandwidth limits are not available in this version: the service captures nothing";
    return NULL;
}

static void set_state(struct arci_planned_service *planned, enum arci_service_state state, const char *reason)
{
    planned->state = state;
    snprintf(planned->reason, sizeof planned->reason, "%s", reason);
}

static const char *unreachable_reason(const struct arci_service *service)
{
    return service->when_unreachable == ARCI_BLOCK
               ? "the target peer does not answer: new flows are refused"
               : "the target peer does not answer: new flows take the next best way";
}

/* Its record is there, so it is a member; this agent must have seen it prove its key before anything goes to it. */
static bool is_unmet(const struct arctic_agent *agent, const struct arctic_id *id)
{
    return arci_registry_find(agent->registry, ARCI_RECORD_PEER, id) &&
           !arci_registry_revocation_of_peer(agent->registry, id);
}

static void set_gone(const struct arctic_agent *agent, struct arci_planned_service *planned)
{
    char why[64];
    planned->state = ARCI_SERVICE_ERROR;
    snprintf(planned->reason, sizeof planned->reason, "the target peer %s: delete the service",
             arci_membership_why_gone(agent, &planned->service->target_peer_id, why, sizeof why));
}

static void judge(struct arctic_agent *agent, const struct arci_license_limits *limits,
                  struct arci_planned_service *planned)
{
    const struct arci_service *service = planned->service;
    struct arci_agent_peer *peer = arci_peers_find(agent, &service->target_peer_id);
    const char *missing = missing_ability(service);
    if (missing) {
        set_state(planned, ARCI_SERVICE_PENDING, missing);
        return;
    }
    if (!arci_license_limits_allow(limits, service, planned->reason, sizeof planned->reason)) {
        planned->state = ARCI_SERVICE_ERROR;
        return;
    }
    if (arci_membership_own_revocation(agent)) {
        set_state(planned, ARCI_SERVICE_ERROR, "this agent has been revoked: the service captures nothing");
        return;
    }
    if (!peer && is_unmet(agent, &service->target_peer_id)) {
        set_state(planned, ARCI_SERVICE_PENDING,
                  "the target peer has not completed a handshake with this agent yet: the service captures "
                  "nothing");
        return;
    }
    if (!peer) {
        set_gone(agent, planned);
        return;
    }
    planned->capture = true;
    planned->peer_connected = arci_target_watch_trusts(peer);
    if (!planned->peer_connected)
        set_state(planned, ARCI_SERVICE_DEGRADED, unreachable_reason(service));
    else if (service->routes.count == 0 && !service->requires_interface)
        set_state(planned, ARCI_SERVICE_ACTIVE, "no routes yet: the service takes no traffic");
    else
        set_state(planned, ARCI_SERVICE_ACTIVE, "");
}

static void add_item(struct arctic_agent *agent, struct arci_service_plan *plan,
                     const struct arci_license_limits *limits, const struct arci_entry *entry)
{
    struct arci_planned_service *planned = &plan->items[plan->count++];
    planned->entry = arci_entry_ref(entry);
    planned->service = &entry->content.service;
    judge(agent, limits, planned);
}

static bool is_exit(struct arctic_agent *agent, const struct arci_license_limits *limits,
                    const struct arci_service *service)
{
    char unused[256];
    return arci_license_limits_allow(limits, service, unused, sizeof unused) &&
           arctic_id_equal(&service->target_peer_id, &agent->local_id) &&
           arci_peers_find(agent, &service->source_peer_id);
}

static int gather_services(struct arctic_agent *agent, struct arci_service_plan *plan,
                           struct arctic_error *error)
{
    size_t room = arci_registry_count(agent->registry, ARCI_RECORD_SERVICE) + 1;
    const struct arci_entry *entry;
    size_t cursor = 0;
    struct arci_license_limits limits;
    arci_license_limits_find(agent, &limits);
    plan->items = calloc(room, sizeof *plan->items);
    plan->kernel = calloc(room, sizeof *plan->kernel);
    plan->exits = calloc(room, sizeof *plan->exits);
    if (!plan->items || !plan->kernel || !plan->exits)
        return arci_fail_memory(error);
    arci_target_watch_begin_plan(agent);
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_SERVICE, &cursor))) {
        if (arctic_id_equal(&entry->record.owner, &agent->local_id))
            add_item(agent, plan, &limits, entry);
        else if (is_exit(agent, &limits, &entry->content.service))
            plan->exits[plan->exit_count++] = arci_entry_ref(entry);
    }
    arci_target_watch_end_plan(agent);
    return ARCTIC_OK;
}

/* Operators and their tools reach a peer's API as they did before a route for everything was added. */
static void spare(struct arci_service_plan *plan, const struct arci_snapshot_peer *peer,
                  const struct arci_peer *said)
{
    const uint16_t ports[] = {said->api_port, said->api_tls_port};
    for (size_t i = 0; i < peer->endpoint_count; i++) {
        plan->spared[plan->spared_count++] = peer->endpoints[i];
        for (size_t j = 0; j < 2; j++) {
            if (ports[j] != 0)
                plan->spared[plan->spared_count++] =
                    (struct arctic_endpoint){peer->endpoints[i].address, ports[j]};
        }
    }
}

/* Membership counts here, not whether a control link is up just now: flows live on through a pause of the control plane. */
static int gather_peers(struct arctic_agent *agent, struct arci_service_plan *plan,
                        struct arctic_error *error)
{
    plan->peers = calloc(agent->peer_count + 1, sizeof *plan->peers);
    plan->spared = calloc(agent->peer_count + 1, 3 * ARCI_PEER_ENDPOINTS_MAX * sizeof *plan->spared);
    if (!plan->peers || !plan->spared)
        return arci_fail_memory(error);
    for (size_t i = 0; i < agent->peer_count; i++) {
        const struct arci_agent_peer *known = agent->peers[i];
        const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &known->id);
        if (!entry)
            continue;
        struct arci_snapshot_peer *peer = &plan->peers[plan->peer_count++];
        peer->id = known->id;
        peer->endpoint_count = known->live.endpoint_count;
        peer->met_at = known->met_at;
        peer->connected = true;
        peer->silent = arci_target_watch_silent(known);
        memcpy(peer->key, entry->content.peer.public_key, sizeof peer->key);
        memcpy(peer->endpoints, known->live.endpoints, sizeof peer->endpoints);
        peer->address_count = entry->content.peer.address_count;
        memcpy(peer->addresses, entry->content.peer.addresses, sizeof peer->addresses);
        spare(plan, peer, &entry->content.peer);
    }
    return ARCTIC_OK;
}

static void fill_options(const struct arctic_agent *agent, struct arci_snapshot_options *ret_options)
{
    struct arci_snapshot_options options = {.local_id = agent->local_id};
    arci_transport_settings_defaults(&options.transport);
    options.transport.mark = arci_kernel_bypass_mark(agent->kernel);
    options.transport.prime_bytes = agent->settings.prime_kb * 1024;
    memcpy(options.transport.congestion, agent->settings.tunnel_congestion,
           sizeof options.transport.congestion);
    options.exit.own_ports[0] = arci_http_server_endpoint(agent->api).port;
    options.exit.own_ports[1] = agent->tunnel_port;
    options.exit.own_ports[2] = agent->tproxy_port;
    options.exit.own_ports[3] = agent->settings.iptunnel_port;
    options.exit.own_ports[4] = arci_api_tls_port(agent);
    options.exit.own_port_count = 5;
    *ret_options = options;
}

static bool blocks(const struct arci_planned_service *planned)
{
    return planned->capture && !planned->peer_connected && planned->service->when_unreachable == ARCI_BLOCK;
}

static void list_for_kernel(struct arci_service_plan *plan, uint16_t tproxy_port)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct arci_planned_service *planned = &plan->items[i];
        bool block = blocks(planned);
        if (!planned->capture)
            continue;
        struct arci_kernel_service *service = &plan->kernel[plan->kernel_count++];
        *service = (struct arci_kernel_service){
            .id = planned->service->id,
            .interface = planned->interface,
            .tproxy_port = tproxy_port,
            .withdrawn = !planned->peer_connected && !block,
            .block = block,
            .never_direct = planned->service->when_unreachable == ARCI_BLOCK,
            .routes = planned->service->routes.items,
            .route_count = planned->service->routes.count,
        };
        memcpy(service->revision, planned->entry->hash, sizeof service->revision);
    }
}

static int gather(struct arctic_agent *agent, struct arci_service_plan **ret_plan, struct arctic_error *error)
{
    ARCI_CLEANUP(plan_cleanup) struct arci_service_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return arci_fail_memory(error);
    int code = gather_services(agent, plan, error);
    if (code >= 0)
        code = gather_peers(agent, plan, error);
    if (code >= 0)
        *ret_plan = arci_steal(plan);
    return code;
}

int arci_service_plan_make(struct arctic_agent *agent, struct arci_service_plan **ret_plan,
                           struct arctic_error *error)
{
    ARCI_CLEANUP(plan_cleanup) struct arci_service_plan *plan = NULL;
    int code = gather(agent, &plan, error);
    if (code >= 0)
        code = arci_interfaces_plan(agent, plan, error);
    if (code < 0)
        return code;
    fill_options(agent, &plan->options);
    list_for_kernel(plan, agent->tproxy_port);
    *ret_plan = arci_steal(plan);
    return ARCTIC_OK;
}

/* An interface that an earlier agent has left; one that is not there yet brings nothing. */
static void name_interface(struct arci_planned_service *planned)
{
    char name[ARCI_INTERFACE_NAME_SIZE];
    arci_interface_name(&planned->service->id, 0, name);
    if (planned->service->requires_interface && if_nametoindex(name) != 0)
        memcpy(planned->interface, name, sizeof planned->interface);
}

int arci_service_plan_make_blocking(struct arctic_agent *agent, struct arci_service_plan **ret_plan,
                                    struct arctic_error *error)
{
    ARCI_CLEANUP(plan_cleanup) struct arci_service_plan *plan = NULL;
    int code = gather(agent, &plan, error);
    if (code < 0)
        return code;
    for (size_t i = 0; i < plan->count; i++) {
        plan->items[i].capture = blocks(&plan->items[i]);
        name_interface(&plan->items[i]);
    }
    list_for_kernel(plan, 0);
    *ret_plan = arci_steal(plan);
    return ARCTIC_OK;
}
