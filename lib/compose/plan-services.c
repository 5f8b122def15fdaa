/* What has to happen to services: those of the document by their names, and with `prune` all others. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "compose/changes.h"
#include "compose/plan.h"

static const char *peer_name(const struct arctic_compose_plan *plan, const struct arctic_id *id)
{
    const struct arci_live_peer *peer = arci_live_find_peer(&plan->live, id);
    return peer && *peer->name ? peer->name : id->text;
}

static bool same_peers(const struct arctic_compose_plan *plan, const struct arci_service *live,
                       const struct arci_spec_service *wanted)
{
    return arctic_id_equal(&live->source_peer_id, &plan->peer_ids[wanted->source]) &&
           arctic_id_equal(&live->target_peer_id, &plan->peer_ids[wanted->target]);
}

static struct arci_step *add_step(struct arctic_compose_plan *plan, enum arci_action action,
                                  const struct arci_spec_service *wanted)
{
    struct arci_step *step = arci_plan_add(plan, action, wanted->service.name);
    if (step)
        step->wanted = wanted;
    return step;
}

static bool add_peer_change(const struct arctic_compose_plan *plan, json_t *changes, const char *field,
                            const struct arctic_id *live, size_t wanted)
{
    if (arctic_id_equal(live, &plan->peer_ids[wanted]))
        return true;
    return arci_changes_add(changes, field, json_string(peer_name(plan, live)),
                            json_string(plan->spec->peers[wanted].name));
}

/* The peers of a service are its identity: another pair means another service. */
static int plan_replacement(struct arctic_compose_plan *plan, const struct arci_service *live,
                            const struct arci_spec_service *wanted, struct arctic_error *error)
{
    const struct arci_routes none = {0};
    struct arci_step *step = add_step(plan, ARCI_ACTION_REPLACE, wanted);
    if (!step)
        return arci_fail_memory(error);
    step->id = live->id;
    int code = arci_changes_find(live, &wanted->service, &step->changes, &step->body, error);
    if (code == ARCTIC_OK &&
        (!add_peer_change(plan, step->changes, "source_peer", &live->source_peer_id, wanted->source) ||
         !add_peer_change(plan, step->changes, "target_peer", &live->target_peer_id, wanted->target)))
        code = arci_fail_memory(error);
    return code < 0 ? code : arci_routes_compare(&none, &wanted->service.routes, &step->routes, error);
}

static int plan_update(struct arctic_compose_plan *plan, struct arci_service *live,
                       const struct arci_spec_service *wanted, struct arctic_error *error)
{
    ARCI_JSON *changes = NULL;
    ARCI_JSON *body = NULL;
    ARCI_CLEANUP(arci_route_difference_release) struct arci_route_difference routes = {.change = NULL};
    int code = arci_changes_find(live, &wanted->service, &changes, &body, error);
    if (code == ARCTIC_OK)
        code = arci_live_read_routes(plan->client, live, error);
    if (code == ARCTIC_OK)
        code = arci_routes_compare(&live->routes, &wanted->service.routes, &routes, error);
    if (code < 0)
        return code;
    if (json_array_size(changes) == 0 && arci_route_difference_empty(&routes))
        return ARCTIC_OK;
    struct arci_step *step = add_step(plan, ARCI_ACTION_UPDATE, wanted);
    if (!step)
        return arci_fail_memory(error);
    step->id = live->id;
    step->changes = arci_steal(changes);
    step->body = arci_steal(body);
    step->routes = routes;
    routes = (struct arci_route_difference){.change = NULL};
    return ARCTIC_OK;
}

static int plan_creation(struct arctic_compose_plan *plan, const struct arci_spec_service *wanted,
                         struct arctic_error *error)
{
    const struct arci_service plain = {.next_route_id =
                                           1}; /* as a service is that only has what it must have */
    const struct arci_routes none = {0};
    struct arci_step *step = add_step(plan, ARCI_ACTION_CREATE, wanted);
    if (!step)
        return arci_fail_memory(error);
    int code = arci_changes_find(&plain, &wanted->service, &step->changes, &step->body, error);
    return code < 0 ? code : arci_routes_compare(&none, &wanted->service.routes, &step->routes, error);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Services that the document does not have: they are deleted, before all else so that there is room, or kept. */
static int plan_others(struct arctic_compose_plan *plan, bool prune, struct arctic_error *error)
{
    const struct arci_spec *spec = plan->spec;
    ARCI_FREE const char **names = calloc(spec->service_count + 1, sizeof *names);
    if (!names)
        return arci_fail_memory(error);
    for (size_t i = 0; i < spec->service_count; i++)
        names[i] = spec->services[i].service.name;
    qsort(names, spec->service_count, sizeof *names, compare_names);
    for (size_t i = 0; i < plan->live.service_count; i++) {
        const struct arci_service *live = &plan->live.services[i];
        const char *name = live->name;
        if (spec->service_count > 0 &&
            bsearch(&name, names, spec->service_count, sizeof *names, compare_names))
            continue;
        struct arci_step *step = prune ? arci_plan_add(plan, ARCI_ACTION_DELETE, name) : NULL;
        if (prune ? !step : json_array_append_new(plan->kept, json_string(name)) < 0)
            return arci_fail_memory(error);
        if (step)
            step->id = live->id;
    }
    return ARCTIC_OK;
}

static int plan_service(struct arctic_compose_plan *plan, const struct arci_spec_service *wanted,
                        bool replacements, struct arctic_error *error)
{
    struct arci_service *live = arci_live_find_service(&plan->live, wanted->service.name);
    bool replaced = live && !same_peers(plan, live, wanted);
    if (replaced != replacements)
        return ARCTIC_OK;
    if (replaced)
        return plan_replacement(plan, live, wanted, error);
    return live ? plan_update(plan, live, wanted, error) : plan_creation(plan, wanted, error);
}

int arci_plan_services(struct arctic_compose_plan *plan, bool prune, struct arctic_error *error)
{
    int code = plan_others(plan, prune, error);
    for (int replacements = 1; replacements >= 0; replacements--) {
        for (size_t i = 0; i < plan->spec->service_count && code == ARCTIC_OK; i++)
            code = plan_service(plan, &plan->spec->services[i], replacements == 1, error);
    }
    return code;
}
