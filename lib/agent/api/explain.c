/* Explanations of a match, one after the other. */
#include "agent/api/explain.h"

#include <stdlib.h>

#include "agent/interfaces/interfaces.h"
#include "base/error.h"

struct arci_explain {
    struct arci_explain *next;
    struct arctic_agent *agent;
    uv_work_t work;
    struct arci_explanation result;
    arci_explain_done done;
    void *context;
};

ARCI_DEFINE_CLEANUP(struct arctic_route_table *, arctic_route_table_free, table_cleanup)

static void free_explain(struct arci_explain *explain)
{
    struct arci_explanation *result = &explain->result;
    for (size_t i = 0; i < result->service_count; i++)
        arci_entry_unref(result->services[i].entry);
    free(result->services);
    arctic_match_free(result->rows);
    arctic_match_free(result->idle_rows);
    free(explain);
}

static int add_service(struct arctic_route_table *table, const struct arci_explained_service *explained,
                       struct arctic_error *error)
{
    const struct arci_service *service = &explained->entry->content.service;
    int code = arctic_route_table_add_service(table, &service->id, explained->interface, error);
    for (size_t i = 0; code >= 0 && i < service->routes.count; i++) {
        const struct arci_route *route = &service->routes.items[i];
        code = arctic_route_table_add_route(table, &service->id, route->id, &route->source,
                                            &route->destination, route->priority, error);
    }
    return code;
}

/* Compares the routes of the services that take traffic, or of those that do not. */
static int compare(struct arci_explanation *result, bool idle, struct arctic_match **ret_rows,
                   size_t *ret_count)
{
    ARCI_CLEANUP(table_cleanup) struct arctic_route_table *table = NULL;
    struct arctic_error *error = &result->error;
    int code = arctic_route_table_create(&table, error);
    for (size_t i = 0; code >= 0 && i < result->service_count; i++) {
        if ((result->services[i].capture == ARCI_CAPTURE_NONE) == idle)
            code = add_service(table, &result->services[i], error);
    }
    if (code >= 0)
        code = arctic_route_table_explain(table, &result->flow, ret_rows, ret_count, error);
    return code;
}

static void explain_on_thread(uv_work_t *work)
{
    struct arci_explain *explain = work->data;
    struct arci_explanation *result = &explain->result;
    result->code = compare(result, false, &result->rows, &result->row_count);
    if (result->code >= 0)
        result->code = compare(result, true, &result->idle_rows, &result->idle_count);
}

static void start_first(struct arctic_agent *agent);

static void end_explain(uv_work_t *work, int status)
{
    struct arci_explain *explain = work->data;
    struct arctic_agent *agent = explain->agent;
    if (status < 0)
        explain->result.code = arci_fail(&explain->result.error, ARCTIC_E_CANCELLED, NULL, "the agent stops");
    agent->explains = explain->next;
    explain->done(explain->context, &explain->result);
    free_explain(explain);
    start_first(agent);
}

static void start_first(struct arctic_agent *agent)
{
    while (agent->explains) {
        struct arci_explain *explain = agent->explains;
        int result = uv_queue_work(&agent->loop, &explain->work, explain_on_thread, end_explain);
        if (result >= 0)
            return;
        agent->explains = explain->next;
        explain->result.code = arci_fail_errnum(&explain->result.error, -result, "cannot start a thread");
        explain->done(explain->context, &explain->result);
        free_explain(explain);
    }
}

static int gather(struct arctic_agent *agent, struct arci_explanation *result, struct arctic_error *error)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    size_t room = arci_registry_count(agent->registry, ARCI_RECORD_SERVICE) + 1;
    result->services = calloc(room, sizeof *result->services);
    if (!result->services)
        return arci_fail_memory(error);
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_SERVICE, &cursor))) {
        if (!arctic_id_equal(&entry->record.owner, &agent->local_id))
            continue;
        struct arci_explained_service *explained = &result->services[result->service_count++];
        explained->entry = arci_entry_ref(entry);
        explained->capture = arci_reconcile_capture(agent, &entry->content.service);
        arci_interfaces_name(agent, &entry->content.service.id, explained->interface);
    }
    return ARCTIC_OK;
}

int arci_explain_start(struct arctic_agent *agent, const struct arctic_flow *flow, arci_explain_done done,
                       void *context, struct arctic_error *error)
{
    struct arci_explain *explain = calloc(1, sizeof *explain);
    if (!explain)
        return arci_fail_memory(error);
    *explain = (struct arci_explain){.agent = agent, .done = done, .context = context};
    explain->work.data = explain;
    explain->result.flow = *flow;
    int code = gather(agent, &explain->result, error);
    if (code < 0) {
        free_explain(explain);
        return code;
    }
    struct arci_explain **last = &agent->explains;
    while (*last)
        last = &(*last)->next;
    *last = explain;
    if (agent->explains == explain)
        start_first(agent);
    return ARCTIC_OK;
}
