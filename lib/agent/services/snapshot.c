/* Building the data plane's snapshot. */
#include "agent/services/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

static int add_peers(struct arci_snapshot *snapshot, const struct arci_service_plan *plan,
                     struct arctic_error *error)
{
    int code = ARCTIC_OK;
    for (size_t i = 0; code >= 0 && i < plan->peer_count; i++)
        code = arci_snapshot_add_peer(snapshot, &plan->peers[i], error);
    return code;
}

/* A service whose routes step aside stays known without them: its open flows live on, new ones go by. */
static struct arci_snapshot_service describe(const struct arci_planned_service *planned)
{
    bool withdrawn = !planned->peer_connected && planned->service->when_unreachable == ARCI_STEP_ASIDE;
    struct arci_snapshot_service service = {
        .id = planned->service->id,
        .peer_id = planned->service->target_peer_id,
        .fully_transparent = planned->service->fully_transparent,
        .interface = withdrawn ? NULL : planned->interface,
        .routes = planned->service->routes.items,
        .route_count = withdrawn ? 0 : planned->service->routes.count,
    };
    memcpy(service.revision, planned->entry->hash, sizeof service.revision);
    return service;
}

/* Appends the services of a plan, but for those that `except` has too. */
static void list_entries(const struct arci_snapshot *snapshot, const struct arci_service_plan *plan,
                         const struct arci_service_plan *except, struct arci_snapshot_service *services,
                         size_t *count)
{
    for (size_t i = 0; plan && i < plan->count; i++) {
        const struct arci_planned_service *planned = &plan->items[i];
        const struct arci_planned_service *newer = arci_service_plan_find(except, &planned->service->id);
        if (planned->capture && !(newer && newer->capture) &&
            arci_snapshot_find_peer(snapshot, &planned->service->target_peer_id))
            services[(*count)++] = describe(planned);
    }
}

static int compare_services(const void *left, const void *right)
{
    const struct arci_snapshot_service *a = left;
    const struct arci_snapshot_service *b = right;
    return strcmp(a->id.text, b->id.text);
}

static int add_entries(struct arci_snapshot *snapshot, const struct arci_service_plan *plan,
                       const struct arci_service_plan *former, const struct arci_snapshot *earlier,
                       struct arctic_error *error)
{
    size_t room = plan->count + (former ? former->count : 0);
    size_t count = 0;
    ARCI_FREE struct arci_snapshot_service *services = calloc(room ? room : 1, sizeof *services);
    if (!services)
        return arci_fail_memory(error);
    list_entries(snapshot, plan, NULL, services, &count);
    list_entries(snapshot, former, plan, services, &count);
    qsort(services, count, sizeof *services, compare_services);
    int code = earlier ? arci_snapshot_inherit(snapshot, earlier, services, count, error) : ARCTIC_OK;
    for (size_t i = 0; code >= 0 && i < count; i++)
        code = arci_snapshot_add_entry(snapshot, &services[i], error);
    return code;
}

static int add_exits(struct arci_snapshot *snapshot, const struct arci_service_plan *plan,
                     struct arctic_error *error)
{
    for (size_t i = 0; i < plan->exit_count; i++) {
        const struct arci_service *service = &plan->exits[i]->content.service;
        if (!arci_snapshot_find_peer(snapshot, &service->source_peer_id))
            continue;
        struct arci_snapshot_service exit = {
            .id = service->id,
            .peer_id = service->source_peer_id,
            .fully_transparent = service->fully_transparent,
            .interface = service->requires_interface ? "its own" : NULL,
            .routes = service->routes.items,
            .route_count = service->routes.count,
        };
        memcpy(exit.revision, plan->exits[i]->hash, sizeof exit.revision);
        int code = arci_snapshot_add_exit(snapshot, &exit, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

int arci_snapshot_make(const struct arci_service_plan *plan, const struct arci_service_plan *former,
                       const struct arci_snapshot *earlier, struct arci_snapshot **ret_snapshot,
                       struct arctic_error *error)
{
    ARCI_CLEANUP(arci_snapshot_cleanup) struct arci_snapshot *snapshot = NULL;
    int code = arci_snapshot_create(&plan->options, &snapshot, error);
    if (code >= 0)
        code = add_peers(snapshot, plan, error);
    if (code >= 0)
        code = add_entries(snapshot, plan, former, earlier, error);
    if (code >= 0)
        code = add_exits(snapshot, plan, error);
    if (code >= 0)
        *ret_snapshot = arci_steal(snapshot);
    return code;
}
