/* Plans as a whole: their making, their end, their steps. */
#include "compose/plan.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/options.h"
#include "compose/document.h"

ARCI_DEFINE_CLEANUP(struct arctic_compose_plan *, arctic_compose_plan_free, plan_cleanup)

const char *arci_action_name(enum arci_action action)
{
    static const char *const names[ARCI_ACTION_COUNT] = {"bootstrap", "add",    "update", "delete",
                                                         "replace",   "create", "update"};
    return names[action];
}

const char *arci_action_kind(enum arci_action action)
{
    return action <= ARCI_ACTION_RENAME ? "peer" : "service";
}

struct arci_step *arci_plan_add(struct arctic_compose_plan *plan, enum arci_action action, const char *name)
{
    if (plan->step_count == plan->capacity) {
        size_t capacity = plan->capacity ? plan->capacity * 2 : 16;
        struct arci_step *steps = realloc(plan->steps, capacity * sizeof *steps);
        if (!steps)
            return NULL;
        plan->steps = steps;
        plan->capacity = capacity;
    }
    struct arci_step *step = &plan->steps[plan->step_count++];
    *step = (struct arci_step){.action = action, .name = name};
    return step;
}

static int fill(struct arctic_compose_plan *plan, bool prune, struct arctic_error *error)
{
    int code = plan->client ? arci_live_read(plan->client, &plan->live, error) : ARCTIC_OK;
    if (code == ARCTIC_E_NOT_BOOTSTRAPPED) {
        plan->client = NULL; /* what is known of it was before it began anew */
        code = ARCTIC_OK;
    }
    if (code == ARCTIC_OK)
        code = arci_plan_peers(plan, error);
    return code < 0 ? code : arci_plan_services(plan, prune, error);
}

int arctic_compose_plan_create(const struct arctic_compose *compose,
                               const struct arctic_compose_plan_options *options,
                               struct arctic_compose_plan **ret_plan, struct arctic_error *error)
{
    struct arctic_compose_plan_options taken;
    if (!compose || !ret_plan)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "compose and ret_plan are required");
    int code = arci_options_take(options, &taken, sizeof taken, "arctic_compose_plan_options", error);
    if (code < 0)
        return code;
    if (taken.timeout_ms < 0)
        return arci_fail(error, ARCTIC_E_USAGE, "timeout_ms", "a time-out cannot be negative");
    if (compose->faults.count > 0)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "the document has %zu faults",
                         compose->faults.count);
    ARCI_CLEANUP(plan_cleanup) struct arctic_compose_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return arci_fail_memory(error);
    plan->spec = &compose->spec;
    plan->client = taken.client;
    plan->timeout_ms = taken.timeout_ms;
    plan->kept = json_array();
    plan->peer_ids = calloc(plan->spec->peer_count + 1, sizeof *plan->peer_ids);
    if (!plan->kept || !plan->peer_ids)
        return arci_fail_memory(error);
    code = fill(plan, taken.prune != 0, error);
    if (code < 0)
        return code;
    *ret_plan = arci_steal(plan);
    return ARCTIC_OK;
}

void arctic_compose_plan_free(struct arctic_compose_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->step_count; i++) {
        json_decref(plan->steps[i].changes);
        json_decref(plan->steps[i].body);
        arci_route_difference_release(&plan->steps[i].routes);
    }
    free(plan->steps);
    free(plan->peer_ids);
    json_decref(plan->kept);
    arci_live_release(&plan->live);
    free(plan);
}

size_t arctic_compose_plan_count(const struct arctic_compose_plan *plan)
{
    return plan ? plan->step_count : 0;
}

size_t arctic_compose_plan_bootstraps(const struct arctic_compose_plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; plan && i < plan->step_count; i++)
        count += plan->steps[i].action == ARCI_ACTION_BOOTSTRAP;
    return count;
}

int32_t arctic_compose_plan_state(const struct arctic_compose_plan *plan, size_t step)
{
    return plan && step < plan->step_count ? (int32_t)plan->steps[step].state : -1;
}
