/* See service-change.h. */
#include "agent/api/service-change.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/time.h"
#include "cluster/registry-change.h"

/* Up to here, and with a body of this size, the loop makes a change in less time than it takes to wake a thread, or in little more. */
#define ROUTES_AT_ONCE 512
#define BODY_AT_ONCE ((size_t)64 * 1024)
/* Each has met another change of the record, which came from elsewhere than the API. */
#define ATTEMPTS_MAX 5

struct arci_service_change {
    struct arci_service_change *next;
    struct arctic_agent *agent;
    struct arci_request *request;
    struct arctic_id id;
    arci_service_edit edit; /* NULL: the service is deleted */
    int status;
    arci_api_respond respond;
    json_t *result;
    struct arci_registry_change *change; /* on the pool; NULL before */
    char name[ARCI_NAME_SIZE];           /* of the service then */
    unsigned attempts;
    uv_work_t work;
};

static void advance(struct arctic_agent *agent);

/* --- The list of changes, in the order of the requests --- */

static void append(struct arci_service_change *item)
{
    struct arci_service_change **place = &item->agent->service_changes;
    while (*place)
        place = &(*place)->next;
    *place = item;
}

static void unlink_change(struct arci_service_change *item)
{
    struct arci_service_change **place = &item->agent->service_changes;
    while (*place != item)
        place = &(*place)->next;
    *place = item->next;
}

static bool is_wide(const struct arci_service_change *item)
{
    size_t length = 0;
    const struct arci_entry *entry =
        arci_registry_find(item->agent->registry, ARCI_RECORD_SERVICE, &item->id);
    if (!item->edit || !entry)
        return false;
    (void)arci_request_body(item->request, &length);
    return entry->content.service.routes.count > ROUTES_AT_ONCE || length > BODY_AT_ONCE;
}

static bool waits_for(const struct arci_service_change *item, const struct arci_service_change *earlier)
{
    return arctic_id_equal(&earlier->id, &item->id) || (earlier->change && is_wide(item));
}

static bool is_ready(const struct arci_service_change *item)
{
    bool before = true;
    if (item->change)
        return false;
    for (const struct arci_service_change *other = item->agent->service_changes; other; other = other->next) {
        before = before && other != item;
        if (other != item && (before || other->change) && waits_for(item, other))
            return false;
    }
    return true;
}

/* --- One change --- */

static void finish(struct arci_service_change *item, int code, const struct arctic_error *error)
{
    unlink_change(item);
    if (code < 0)
        arci_request_fail(item->request, error);
    else
        arci_api_answer_after_change(item->agent, item->request, &item->id, item->status, item->respond,
                                     arci_steal(item->result));
    json_decref(item->result);
    free(item);
}

static void work(uv_work_t *work)
{
    struct arci_service_change *item = work->data;
    arci_registry_change_work(item->change);
    /* It takes several times the record's text for a moment, which the C library would keep for this thread. */
    malloc_trim(0);
}

static void on_worked(uv_work_t *work, int status)
{
    struct arci_service_change *item = work->data;
    struct arctic_agent *agent = item->agent;
    struct arctic_error error = {0};
    struct arci_registry_change *change = arci_steal(item->change);
    int code = status < 0 ? arci_fail_errnum(&error, -status, "cannot use a thread")
                          : arci_registry_change_end(agent->registry, change, &error);
    if (status < 0)
        arci_registry_change_free(change);
    if (code == ARCTIC_E_CANCELLED && !agent->stopping && ++item->attempts < ATTEMPTS_MAX) {
        json_decref(item->result);
        item->result = NULL;
    } else {
        finish(item, code, &error);
    }
    advance(agent);
}

/* The service is taken over. */
static int start_work(struct arci_service_change *item, struct arci_service *service,
                      struct arctic_error *error)
{
    struct arci_registry_change *change = NULL;
    snprintf(item->name, sizeof item->name, "%s", service->name);
    int code = arci_registry_change_service(item->agent->registry, service, &change, error);
    if (code < 0)
        return code;
    item->change = change;
    item->work.data = item;
    int result = uv_queue_work(&item->agent->loop, &item->work, work, on_worked);
    if (result >= 0)
        return ARCTIC_OK;
    item->change = NULL;
    arci_registry_change_free(change);
    return arci_fail_errnum(error, -result, "cannot use a thread");
}

static int make_change(struct arci_service_change *item, const struct arci_entry *entry,
                       struct arctic_error *error)
{
    struct arctic_agent *agent = item->agent;
    ARCI_CLEANUP(arci_service_release) struct arci_service service = {0};
    if (!item->edit)
        return arci_registry_delete(agent->registry, ARCI_RECORD_SERVICE, &item->id, error);
    int code = arci_service_copy(&entry->content.service, &service, error);
    if (code >= 0)
        code = item->edit(agent, item->request, &service, &item->result, error);
    if (code < 0)
        return code;
    service.updated_at = arci_time_now();
    return is_wide(item) ? start_work(item, &service, error)
                         : arci_registry_put_service(agent->registry, &service, error);
}

static void begin(struct arci_service_change *item)
{
    const struct arci_entry *entry = NULL;
    struct arctic_error error = {0};
    int code = arci_api_find_own_service(item->agent, item->request, &entry, &error);
    if (code >= 0)
        code = make_change(item, entry, &error);
    if (!item->change)
        finish(item, code, &error);
}

/* Anew after each, since an answer may let in what changes the list. */
static void advance(struct arctic_agent *agent)
{
    struct arci_service_change *item = agent->service_changes;
    while (item) {
        bool ready = is_ready(item);
        if (ready)
            begin(item);
        item = ready ? agent->service_changes : item->next;
    }
}

/* --- For the handlers, and the agent --- */

void arci_service_change(struct arctic_agent *agent, struct arci_request *request, arci_service_edit edit,
                         int status, arci_api_respond respond)
{
    const struct arci_entry *entry = NULL;
    struct arctic_error error;
    struct arci_service_change *item = NULL;
    int code = arci_api_find_own_service(agent, request, &entry, &error);
    if (code >= 0) {
        item = calloc(1, sizeof *item);
        code = item ? ARCTIC_OK : arci_fail_memory(&error);
    }
    if (code < 0) {
        arci_request_fail(request, &error);
        return;
    }
    item->agent = agent;
    item->request = request;
    item->id = entry->record.id;
    item->edit = edit;
    item->status = status;
    item->respond = respond;
    append(item);
    advance(agent);
}

bool arci_service_change_names(const struct arctic_agent *agent, const char *name, const struct arctic_id *id)
{
    for (const struct arci_service_change *item = agent->service_changes; item; item = item->next) {
        if (item->change && strcmp(item->name, name) == 0 && !arctic_id_equal(&item->id, id))
            return true;
    }
    return false;
}

void arci_service_changes_stop(struct arctic_agent *agent)
{
    struct arci_service_change *item = agent->service_changes;
    struct arctic_error error;
    arci_fail(&error, ARCTIC_E_CANCELLED, NULL, "the agent stops: nothing was changed");
    while (item) {
        bool waits = !item->change;
        if (waits)
            finish(item, error.code, &error);
        item = waits ? agent->service_changes : item->next;
    }
}
