/* A plan as JSON: the one form from which people's and programs' views are made. */
#include "compose/plan.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "model/members.h"

static bool put_route(json_t *array, const struct arci_route *route, uint64_t id, int32_t old_priority)
{
    ARCI_JSON *object = json_object();
    bool good = object && (id == 0 || arci_put_integer(object, "id", (int64_t)id)) &&
                arci_put_cidr(object, "source_cidr", &route->source) &&
                arci_put_cidr(object, "dest_cidr", &route->destination) &&
                arci_put_integer(object, "priority", route->priority) &&
                (old_priority == 0 || arci_put_integer(object, "old_priority", old_priority));
    return good && json_array_append_new(array, arci_steal(object)) == 0;
}

static json_t *routes_json(const struct arci_route_difference *routes)
{
    ARCI_JSON *object = json_pack("{s:[], s:[], s:[]}", "add", "update", "delete");
    if (!object)
        return NULL;
    for (size_t i = 0; i < routes->add.count; i++) {
        if (!put_route(json_object_get(object, "add"), &routes->add.items[i], 0, 0))
            return NULL;
    }
    for (size_t i = 0; i < routes->change_count; i++) {
        const struct arci_route_change *change = &routes->change[i];
        if (!put_route(json_object_get(object, "update"), &change->route, change->id, change->old_priority))
            return NULL;
    }
    for (size_t i = 0; i < routes->remove.count; i++) {
        const struct arci_route *route = &routes->remove.items[i];
        if (!put_route(json_object_get(object, "delete"), route, route->id, 0))
            return NULL;
    }
    return arci_steal(object);
}

static bool put_peer(json_t *object, const struct arctic_compose_plan *plan, const struct arci_step *step)
{
    return step->action > ARCI_ACTION_RENAME ||
           arci_put_text(object, "address", plan->spec->peers[step->peer].address);
}

static bool put_service(json_t *object, const struct arctic_compose_plan *plan, const struct arci_step *step)
{
    if (!step->wanted)
        return true;
    return arci_put_text(object, "source_peer", plan->spec->peers[step->wanted->source].name) &&
           arci_put_text(object, "target_peer", plan->spec->peers[step->wanted->target].name) &&
           arci_put_text(object, "transport_type", arci_transport_name(step->wanted->service.transport)) &&
           json_object_set_new(object, "routes", routes_json(&step->routes)) == 0;
}

static json_t *step_json(const struct arctic_compose_plan *plan, const struct arci_step *step)
{
    ARCI_JSON *object = json_object();
    if (!object || !arci_put_text(object, "action", arci_action_name(step->action)) ||
        !arci_put_text(object, "kind", arci_action_kind(step->action)) ||
        !arci_put_text(object, "name", step->name) || !arci_put_text(object, "id", step->id.text) ||
        !put_peer(object, plan, step) || !put_service(object, plan, step))
        return NULL;
    json_t *changes = step->changes ? json_incref(step->changes) : json_array();
    return json_object_set_new(object, "changes", changes) == 0 ? arci_steal(object) : NULL;
}

static bool count_step(json_t *summary, const struct arci_step *step)
{
    const char *name = arci_action_name(step->action);
    int64_t count = json_integer_value(json_object_get(summary, name));
    return arci_put_integer(summary, name, count + 1);
}

int arctic_compose_plan_json(const struct arctic_compose_plan *plan, char **ret_json,
                             struct arctic_error *error)
{
    if (!plan || !ret_json)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "plan and ret_json are required");
    ARCI_JSON *steps = json_array();
    ARCI_JSON *summary = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i}", "bootstrap", 0, "add", 0, "create", 0,
                                   "update", 0, "replace", 0, "delete", 0);
    bool good = steps && summary;
    for (size_t i = 0; good && i < plan->step_count; i++)
        good = json_array_append_new(steps, step_json(plan, &plan->steps[i])) == 0 &&
               count_step(summary, &plan->steps[i]);
    ARCI_JSON *object =
        good ? json_pack("{s:O, s:O, s:O}", "steps", steps, "kept", plan->kept, "summary", summary) : NULL;
    char *text = object ? arci_json_dump(object, JSON_COMPACT) : NULL;
    if (!text)
        return arci_fail_memory(error);
    *ret_json = text;
    return ARCTIC_OK;
}
