/* Judging the local services: which can be carried now, and why the others cannot. */
#include "agent/service-plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/peers.h"
#include "base/error.h"
#include "base/time.h"

void arci_service_plan_free(struct arci_service_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->count; i++)
        arci_service_release(&plan->items[i].service);
    free(plan->items);
    free(plan->kernel);
    free(plan);
}

ARCI_DEFINE_CLEANUP(struct arci_service_plan *, arci_service_plan_free, plan_cleanup)

static int compare_id(const void *key, const void *item)
{
    const struct arctic_id *id = key;
    const struct arci_planned_service *planned = item;
    return strcmp(id->text, planned->service.id.text);
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
    if (service->fully_transparent)
        return "transparent mode is not available in this version: the service captures nothing";
    if (service->requires_interface)
        return "MACVLAN interfaces are not available in this version: the service captures nothing";
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

static void judge(struct arctic_agent *agent, struct arci_planned_service *planned)
{
    const struct arci_service *service = &planned->service;
    const struct arci_agent_peer *peer = arci_peers_find(agent, &service->target_peer_id);
    const char *missing = missing_ability(service);
    if (missing) {
        set_state(planned, ARCI_SERVICE_PENDING, missing);
        return;
    }
    if (arci_license_state_at(agent->license, arci_time_now()) == ARCTIC_LICENSE_SUSPENDED) {
        set_state(planned, ARCI_SERVICE_ERROR, "the licence has run out: the service captures nothing");
        return;
    }
    if (!peer) {
        set_state(planned, ARCI_SERVICE_ERROR, "the target peer is not a member any more");
        return;
    }
    planned->capture = true;
    planned->peer_connected = peer->live.state == ARCI_PEER_CONNECTED;
    if (!planned->peer_connected)
        set_state(planned, ARCI_SERVICE_DEGRADED, unreachable_reason(service));
    else if (service->routes.count == 0)
        set_state(planned, ARCI_SERVICE_ACTIVE, "no routes yet: the service takes no traffic");
    else
        set_state(planned, ARCI_SERVICE_ACTIVE, "");
}

static int copy_services(struct arctic_agent *agent, struct arci_service_plan *plan,
                         struct arctic_error *error)
{
    size_t room = arci_registry_count(agent->registry, ARCI_RECORD_SERVICE);
    const struct arci_entry *entry;
    size_t cursor = 0;
    plan->items = calloc(room + 1, sizeof *plan->items);
    plan->kernel = calloc(room + 1, sizeof *plan->kernel);
    if (!plan->items || !plan->kernel)
        return arci_fail_memory(error);
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_SERVICE, &cursor))) {
        if (!arctic_id_equal(&entry->record.owner, &agent->local_id))
            continue;
        int code = arci_service_copy(&entry->content.service, &plan->items[plan->count].service, error);
        if (code < 0)
            return code;
        judge(agent, &plan->items[plan->count++]);
    }
    return ARCTIC_OK;
}

static void list_for_kernel(struct arci_service_plan *plan, uint16_t tproxy_port)
{
    for (size_t i = 0; i < plan->count; i++) {
        const struct arci_planned_service *planned = &plan->items[i];
        bool block = !planned->peer_connected && planned->service.when_unreachable == ARCI_BLOCK;
        if (!planned->capture)
            continue;
        plan->kernel[plan->kernel_count++] = (struct arci_kernel_service){
            .id = planned->service.id,
            .interface = "",
            .tproxy_port = tproxy_port,
            .withdrawn = !planned->peer_connected && !block,
            .block = block,
            .routes = planned->service.routes.items,
            .route_count = planned->service.routes.count,
        };
    }
}

int arci_service_plan_make(struct arctic_agent *agent, uint16_t tproxy_port,
                           struct arci_service_plan **ret_plan, struct arctic_error *error)
{
    ARCI_CLEANUP(plan_cleanup) struct arci_service_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return arci_fail_memory(error);
    int code = copy_services(agent, plan, error);
    if (code < 0)
        return code;
    list_for_kernel(plan, tproxy_port);
    *ret_plan = arci_steal(plan);
    return ARCTIC_OK;
}
