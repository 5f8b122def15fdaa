/* See intake.h. */
#include "agent/peers/intake.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "agent/peers/gossiping.h"
#include "base/error.h"
#include "cluster/handshake.h"
#include "cluster/registry-change.h"

struct arci_intake {
    struct arci_intake *next;
    struct arctic_agent *agent;
    struct arci_link *link; /* NULL once it has ended */
    struct arctic_id peer_id;
    char *text; /* NULL once it was read */
    size_t length;
    bool working;
    json_t *message;          /* what the text says, unless it was one record, which is this: */
    struct arci_entry *entry; /* a service, with one reference; its signature was not checked yet */
    struct arci_registry_change *change;
    int code; /* of reading */
    struct arctic_error error;
    uv_work_t work;
};

static void begin_next(struct arctic_agent *agent);

static void free_intake(struct arci_intake *intake)
{
    free(intake->text);
    json_decref(intake->message);
    arci_entry_unref(intake->entry);
    free(intake);
}

static void unlink_intake(struct arci_intake *intake)
{
    struct arci_intake **place = &intake->agent->intakes;
    while (*place != intake)
        place = &(*place)->next;
    *place = intake->next;
}

/* The link goes on, which may end it and bring the next large message. */
static void finish(struct arci_intake *intake, const struct arctic_error *problem)
{
    struct arctic_agent *agent = intake->agent;
    unlink_intake(intake);
    if (intake->link)
        arci_link_resume(intake->link, intake->message, problem);
    free_intake(intake);
    begin_next(agent);
}

/* --- On the pool --- */

/* Leaves a message that is anything but one living service to who takes messages. */
static void read_record(struct arci_intake *intake)
{
    const json_t *records = json_object_get(intake->message, "records");
    struct arci_record record = {0};
    if (strcmp(arci_message_type(intake->message), "records") != 0 || json_array_size(records) != 1 ||
        arci_record_from_json(json_array_get(records, 0), &record, NULL) < 0)
        return;
    if (record.kind != ARCI_RECORD_SERVICE || record.deleted) {
        arci_record_release(&record);
        return;
    }
    if (arci_entry_create(&record, &intake->entry, NULL) < 0)
        return;
    json_decref(intake->message);
    intake->message = NULL;
}

static void read_text(uv_work_t *work)
{
    struct arci_intake *intake = work->data;
    intake->code = arci_json_parse(intake->text, intake->length, &intake->message, &intake->error);
    free(intake->text);
    intake->text = NULL;
    if (intake->code == ARCTIC_E_INVALID_REQUEST)
        intake->code = arci_fail_within(&intake->error, ARCTIC_E_PROTOCOL, "control message");
    if (intake->code >= 0)
        read_record(intake);
    /* The values of a large text leave holes that the C library would keep for this thread. */
    malloc_trim(0);
}

static void work_change(uv_work_t *work)
{
    struct arci_intake *intake = work->data;
    arci_registry_change_work(intake->change);
    malloc_trim(0);
}

/* --- On the loop --- */

static void tell(struct arci_intake *intake, bool changed, int code, const struct arctic_error *error)
{
    if (!intake->agent->stopping)
        arci_gossiping_took(intake->agent, intake->link, &intake->peer_id, &intake->entry->record, changed,
                            code, error);
    finish(intake, NULL);
}

static void on_worked(uv_work_t *work, int status)
{
    struct arci_intake *intake = work->data;
    struct arci_registry_change *change = arci_steal(intake->change);
    struct arctic_error error = {0};
    int code = status < 0 ? arci_fail_errnum(&error, -status, "cannot use a thread")
                          : arci_registry_change_end(intake->agent->registry, change, &error);
    if (status < 0)
        arci_registry_change_free(change);
    tell(intake, code >= 0, code, &error);
}

static void take_entry(struct arci_intake *intake)
{
    struct arctic_agent *agent = intake->agent;
    struct arctic_error error = {0};
    struct arci_registry_change *change = NULL;
    /* One reference is for what is told of the record afterwards. */
    int code = arci_registry_change_take(agent->registry, (struct arci_entry *)arci_entry_ref(intake->entry),
                                         &change, &error);
    if (code < 0 || !change) {
        tell(intake, false, code, &error);
        return;
    }
    intake->change = change;
    int result = uv_queue_work(&agent->loop, &intake->work, work_change, on_worked);
    if (result >= 0)
        return;
    intake->change = NULL;
    arci_registry_change_free(change);
    tell(intake, false, arci_fail_errnum(&error, -result, "cannot use a thread"), &error);
}

/* A record of this host itself is one that a backup did not have: rare, and judged in another way. */
static bool is_own(const struct arci_intake *intake)
{
    return arctic_id_equal(&intake->entry->record.owner, &intake->agent->local_id);
}

static void unread(struct arci_intake *intake)
{
    json_t *record = arci_record_to_json(&intake->entry->record);
    intake->message = json_pack("{s:s, s:[o]}", "type", "records", "records", record);
}

static void on_read(uv_work_t *work, int status)
{
    struct arci_intake *intake = work->data;
    if (status < 0)
        intake->code = arci_fail_errnum(&intake->error, -status, "cannot use a thread");
    if (!intake->link || intake->agent->stopping) {
        intake->link = NULL;
        finish(intake, NULL);
        return;
    }
    if (intake->entry && is_own(intake))
        unread(intake);
    if (intake->code < 0 || !intake->entry || intake->message)
        finish(intake, intake->code < 0 ? &intake->error : NULL);
    else
        take_entry(intake);
}

static int start(struct arci_intake *intake)
{
    int result = uv_queue_work(&intake->agent->loop, &intake->work, read_text, on_read);
    intake->working = result >= 0;
    return intake->working ? ARCTIC_OK : arci_fail_errnum(&intake->error, -result, "cannot use a thread");
}

/* One at a time: what is read takes several times the memory of its text. */
static void begin_next(struct arctic_agent *agent)
{
    struct arci_intake *intake = agent->intakes;
    if (intake && !intake->working && start(intake) < 0)
        finish(intake, &intake->error);
}

bool arci_intake_take(struct arctic_agent *agent, struct arci_link *link, const struct arctic_id *peer_id,
                      char *text, size_t length)
{
    struct arci_intake *intake = agent->stopping ? NULL : calloc(1, sizeof *intake);
    struct arci_intake **place = &agent->intakes;
    if (!intake)
        return false;
    *intake = (struct arci_intake){
        .agent = agent, .link = link, .peer_id = *peer_id, .text = text, .length = length};
    intake->work.data = intake;
    while (*place)
        place = &(*place)->next;
    *place = intake;
    if (agent->intakes != intake || start(intake) >= 0)
        return true;
    *place = NULL;
    free(intake);
    return false;
}

void arci_intake_link_ended(struct arctic_agent *agent, const struct arci_link *link)
{
    struct arci_intake **place = &agent->intakes;
    while (*place) {
        struct arci_intake *intake = *place;
        if (intake->link == link)
            intake->link = NULL;
        if (intake->link || intake->working) {
            place = &intake->next;
            continue;
        }
        *place = intake->next;
        free_intake(intake);
    }
}
