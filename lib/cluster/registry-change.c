/* The registry: changes of large records, see registry-change.h. */
#include "cluster/registry-change.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cluster/registry-internal.h"

struct arci_registry_change {
    struct arci_store *store;       /* NULL: none */
    const struct arci_entry *base;  /* a reference to what the change takes the place of; NULL: of nothing */
    struct arci_identity *identity; /* signs; NULL for a record from elsewhere */
    arci_record_verifier verify;
    uint8_t key[ARCI_KEY_SIZE]; /* whose signature a record from elsewhere must bear */
    struct arci_record record;  /* with the service: what becomes the entry of a record of this host */
    struct arci_service service;
    struct arci_entry *entry;
    bool at_once; /* nothing can come between */
    bool stored;
    int code; /* of the work */
    struct arctic_error error;
};

ARCI_DEFINE_CLEANUP(struct arci_registry_change *, arci_registry_change_free, change_cleanup)

void arci_registry_change_free(struct arci_registry_change *change)
{
    if (!change)
        return;
    arci_entry_unref(change->base);
    arci_entry_unref(change->entry);
    arci_identity_free(change->identity);
    arci_record_release(&change->record);
    arci_service_release(&change->service);
    free(change);
}

static struct arci_registry_change *make_change(const struct arci_registry *registry,
                                                const struct arci_entry *base)
{
    struct arci_registry_change *change = calloc(1, sizeof *change);
    if (!change)
        return NULL;
    change->store = registry->store;
    change->verify = registry->verify;
    change->base = base ? arci_entry_ref(base) : NULL;
    return change;
}

int arci_registry_change_service(struct arci_registry *registry, struct arci_service *service,
                                 struct arci_registry_change **ret_change, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_service_release) struct arci_service taken = *service;
    struct arci_record record = {.kind = ARCI_RECORD_SERVICE, .id = taken.id, .owner = registry->local_id};
    const struct arci_entry *base = NULL;
    memset(service, 0, sizeof *service);
    record.updated_at = registry->now(registry->clock_context);
    int code = arci_registry_next_version(registry, record.kind, &record.id, record.updated_at,
                                          &record.version, error);
    if (code >= 0)
        code = arci_registry_find_version(registry, &record, &base, error);
    if (code < 0)
        return code;
    ARCI_CLEANUP(change_cleanup) struct arci_registry_change *change = make_change(registry, base);
    if (!change)
        return arci_fail_memory(error);
    code = arci_identity_copy(registry->identity, &change->identity, error);
    if (code < 0)
        return code;
    change->record = record;
    change->service = taken;
    memset(&taken, 0, sizeof taken);
    *ret_change = arci_steal(change);
    return ARCTIC_OK;
}

int arci_registry_change_take(struct arci_registry *registry, struct arci_entry *entry,
                              struct arci_registry_change **ret_change, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_entry_cleanup) struct arci_entry *taken = entry;
    const struct arci_record *record = &taken->record;
    const struct arci_entry *known = NULL;
    uint8_t key[ARCI_KEY_SIZE];
    bool news = false;
    int code = arci_registry_judge(registry, record, &known, &news, key, error);
    *ret_change = NULL;
    if (code < 0 || !news || (known && !arci_record_supersedes(record, &known->record)))
        return code;
    code = arci_registry_check_share(registry, taken, known, error);
    if (code < 0)
        return code;
    struct arci_registry_change *change = make_change(registry, known);
    if (!change)
        return arci_fail_memory(error);
    memcpy(change->key, key, sizeof change->key);
    change->entry = arci_steal(taken);
    *ret_change = change;
    return ARCTIC_OK;
}

/* --- On another thread --- */

static int make_entry(struct arci_registry_change *change)
{
    struct arci_record *record = &change->record;
    if (change->entry)
        return change->verify(&change->entry->record, change->key, &change->error);
    if (!record->packed)
        record->packed = arci_service_to_record_text(&change->service);
    if (!record->packed)
        return arci_fail_memory(&change->error);
    int code = arci_record_sign(record, change->identity, &change->error);
    return code < 0 ? code
                    : arci_entry_create_of_service(record, &change->service, &change->entry, &change->error);
}

void arci_registry_change_work(struct arci_registry_change *change)
{
    change->code = make_entry(change);
    if (change->code < 0 || !change->store)
        return;
    const struct arci_record *record = &change->entry->record;
    uint64_t former = change->base ? change->base->record.version : 0;
    change->code = change->at_once ? arci_record_store(record, change->store, &change->error)
                                   : arci_record_store_over(record, former, change->store, &change->error);
    change->stored = change->code >= 0;
}

/* --- Back on the registry's --- */

static int fail_overtaken(const struct arci_registry_change *change, struct arctic_error *error)
{
    return arci_fail(error, ARCTIC_E_CANCELLED, NULL, "service %s has been changed in the meantime",
                     change->entry->record.id.text);
}

/* Whether the change may still take its place; *ret_overtaken where what it was begun on is not there any more. */
static int judge_again(const struct arci_registry *registry, const struct arci_registry_change *change,
                       bool *ret_overtaken, struct arctic_error *error)
{
    const struct arci_record *record = &change->entry->record;
    const struct arci_entry *known =
        arci_registry_find_place(registry, record->kind, &record->id, change->entry->place);
    uint8_t key[ARCI_KEY_SIZE];
    bool news = false;
    *ret_overtaken = known != change->base;
    if (*ret_overtaken)
        return fail_overtaken(change, error);
    int code =
        change->identity ? ARCTIC_OK : arci_registry_judge(registry, record, &known, &news, key, error);
    return code < 0 ? code : arci_registry_check_share(registry, change->entry, known, error);
}

/* What had to be stored before it could be judged for good. */
static void take_back(const struct arci_registry_change *change)
{
    if (change->base)
        (void)arci_record_store(&change->base->record, change->store, NULL);
    else
        (void)arci_record_unstore(&change->entry->record, change->store, NULL);
}

int arci_registry_change_end(struct arci_registry *registry, struct arci_registry_change *change,
                             struct arctic_error *error)
{
    ARCI_CLEANUP(change_cleanup) struct arci_registry_change *ended = change;
    bool overtaken = false;
    if (ended->code < 0) {
        if (error)
            *error = ended->error;
        return ended->code;
    }
    int code = judge_again(registry, ended, &overtaken, error);
    if (code >= 0)
        return arci_registry_share(registry, ended->entry, error);
    /* Who has overtaken it has written to the store too, whichever of both came first. */
    if (ended->stored && !overtaken)
        take_back(ended);
    return code;
}

static int carry_out(struct arci_registry *registry, struct arci_registry_change *change,
                     struct arctic_error *error)
{
    change->at_once = true;
    arci_registry_change_work(change);
    return arci_registry_change_end(registry, change, error);
}

int arci_registry_change_at_once(struct arci_registry *registry, struct arci_service *service,
                                 struct arctic_error *error)
{
    struct arci_registry_change *change = NULL;
    int code = arci_registry_change_service(registry, service, &change, error);
    return code < 0 ? code : carry_out(registry, change, error);
}

int arci_registry_change_renew(struct arci_registry *registry, const struct arci_entry *entry,
                               struct arctic_error *error)
{
    struct arci_registry_change *change = NULL;
    struct arci_service copy;
    int code = arci_service_copy(&entry->content.service, &copy, error);
    if (code >= 0)
        code = arci_registry_change_service(registry, &copy, &change, error);
    if (code < 0)
        return code;
    /* Members of a newer version of the agent are in the text alone. */
    change->record.packed = strdup(entry->record.packed);
    if (change->record.packed)
        return carry_out(registry, change, error);
    arci_registry_change_free(change);
    return arci_fail_memory(error);
}
