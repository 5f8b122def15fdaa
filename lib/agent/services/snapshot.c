/* Building the data plane's snapshot. */
#include "agent/services/snapshot.h"

static int add_peers(struct arci_snapshot *snapshot, const struct arci_service_plan *plan,
                     struct arctic_error *error)
{
    int code = ARCTIC_OK;
    for (size_t i = 0; code >= 0 && i < plan->peer_count; i++)
        code = arci_snapshot_add_peer(snapshot, &plan->peers[i], error);
    return code;
}

/* A service whose routes step aside stays known without them: its open flows live on, new ones go by. */
static int add_entry(struct arci_snapshot *snapshot, const struct arci_planned_service *planned,
                     struct arctic_error *error)
{
    bool withdrawn = !planned->peer_connected && planned->service->when_unreachable == ARCI_STEP_ASIDE;
    const struct arci_snapshot_service service = {
        .id = planned->service->id,
        .peer_id = planned->service->target_peer_id,
        .routes = planned->service->routes.items,
        .route_count = withdrawn ? 0 : planned->service->routes.count,
    };
    return arci_snapshot_add_entry(snapshot, &service, error);
}

static int add_entries(struct arci_snapshot *snapshot, const struct arci_service_plan *plan,
                       const struct arci_service_plan *except, struct arctic_error *error)
{
    for (size_t i = 0; plan && i < plan->count; i++) {
        const struct arci_planned_service *planned = &plan->items[i];
        const struct arci_planned_service *newer = arci_service_plan_find(except, &planned->service->id);
        if (!planned->capture || (newer && newer->capture) ||
            !arci_snapshot_find_peer(snapshot, &planned->service->target_peer_id))
            continue;
        int code = add_entry(snapshot, planned, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

static int add_exits(struct arci_snapshot *snapshot, const struct arci_service_plan *plan,
                     struct arctic_error *error)
{
    for (size_t i = 0; i < plan->exit_count; i++) {
        const struct arci_service *service = &plan->exits[i]->content.service;
        if (!arci_snapshot_find_peer(snapshot, &service->source_peer_id))
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

int arci_snapshot_make(const struct arci_service_plan *plan, const struct arci_service_plan *former,
                       struct arci_snapshot **ret_snapshot, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_snapshot_cleanup) struct arci_snapshot *snapshot = NULL;
    int code = arci_snapshot_create(&plan->options, &snapshot, error);
    if (code >= 0)
        code = add_peers(snapshot, plan, error);
    if (code >= 0)
        code = add_entries(snapshot, plan, NULL, error);
    if (code >= 0)
        code = add_entries(snapshot, former, plan, error);
    if (code >= 0)
        code = add_exits(snapshot, plan, error);
    if (code >= 0)
        *ret_snapshot = arci_steal(snapshot);
    return code;
}
