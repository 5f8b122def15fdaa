/* The registry: a sorted array of records, each written to the store before it counts. */
#include "cluster/registry.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/time.h"

struct arci_registry {
    struct arci_store *store;
    const struct arci_identity *identity;
    struct arctic_id local_id;
    struct arci_entry **entries; /* ordered by kind, then id */
    size_t count;
    size_t capacity;
};

int arci_registry_create(struct arci_store *store, struct arci_registry **ret_registry,
                         struct arctic_error *error)
{
    struct arci_registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        return arci_fail_memory(error);
    registry->store = store;
    *ret_registry = registry;
    return ARCTIC_OK;
}

void arci_registry_clear(struct arci_registry *registry)
{
    for (size_t i = 0; i < registry->count; i++)
        arci_entry_unref(registry->entries[i]);
    registry->count = 0;
}

void arci_registry_free(struct arci_registry *registry)
{
    if (!registry)
        return;
    arci_registry_clear(registry);
    free(registry->entries);
    free(registry);
}

void arci_registry_set_owner(struct arci_registry *registry, const struct arci_identity *identity,
                             const struct arctic_id *local_id)
{
    registry->identity = identity;
    registry->local_id = *local_id;
}

static int compare_key(const struct arci_entry *entry, enum arci_record_kind kind, const char *id)
{
    if (entry->record.kind != kind)
        return entry->record.kind < kind ? -1 : 1;
    return strcmp(entry->record.id.text, id);
}

/* Index of the entry, or where it would stand. */
static size_t find_place(const struct arci_registry *registry, enum arci_record_kind kind, const char *id,
                         bool *ret_found)
{
    size_t low = 0;
    size_t high = registry->count;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_key(registry->entries[middle], kind, id);
        if (order == 0)
            *ret_found = true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct arci_entry *arci_registry_find_any(const struct arci_registry *registry,
                                                enum arci_record_kind kind, const struct arctic_id *id)
{
    bool found;
    size_t place = find_place(registry, kind, id->text, &found);
    return found ? registry->entries[place] : NULL;
}

const struct arci_entry *arci_registry_find(const struct arci_registry *registry, enum arci_record_kind kind,
                                            const struct arctic_id *id)
{
    const struct arci_entry *entry = arci_registry_find_any(registry, kind, id);
    return entry && !entry->record.deleted ? entry : NULL;
}

const struct arci_entry *arci_registry_next(const struct arci_registry *registry, enum arci_record_kind kind,
                                            size_t *cursor)
{
    while (*cursor < registry->count) {
        const struct arci_entry *entry = registry->entries[(*cursor)++];
        if (entry->record.kind == kind && !entry->record.deleted)
            return entry;
    }
    return NULL;
}

const struct arci_entry *arci_registry_next_owned(const struct arci_registry *registry,
                                                  const struct arctic_id *owner, size_t *cursor)
{
    while (*cursor < registry->count) {
        const struct arci_entry *entry = registry->entries[(*cursor)++];
        if (arctic_id_equal(&entry->record.owner, owner))
            return entry;
    }
    return NULL;
}

size_t arci_registry_count(const struct arci_registry *registry, enum arci_record_kind kind)
{
    size_t cursor = 0;
    size_t count = 0;
    while (arci_registry_next(registry, kind, &cursor))
        count++;
    return count;
}

/* Room is made before the store is written, so that nothing can fail after the commit. */
static int reserve(struct arci_registry *registry, struct arctic_error *error)
{
    if (registry->count < registry->capacity)
        return ARCTIC_OK;
    size_t capacity = registry->capacity ? registry->capacity * 2 : 64;
    struct arci_entry **entries = reallocarray(registry->entries, capacity, sizeof *entries);
    if (!entries)
        return arci_fail_memory(error);
    registry->entries = entries;
    registry->capacity = capacity;
    return ARCTIC_OK;
}

static void place_entry(struct arci_registry *registry, struct arci_entry *entry)
{
    bool found;
    size_t place = find_place(registry, entry->record.kind, entry->record.id.text, &found);
    if (found) {
        arci_entry_unref(registry->entries[place]);
    } else {
        memmove(registry->entries + place + 1, registry->entries + place,
                (registry->count - place) * sizeof(void *));
        registry->count++;
    }
    registry->entries[place] = entry;
}

void arci_registry_restore(struct arci_registry *registry, enum arci_record_kind kind,
                           const struct arctic_id *id, const struct arci_entry *former)
{
    bool found;
    size_t place = find_place(registry, kind, id->text, &found);
    if (!found || registry->entries[place] == former)
        return;
    arci_entry_unref(registry->entries[place]);
    if (former) {
        registry->entries[place] = (struct arci_entry *)arci_entry_ref(former);
        return;
    }
    registry->count--;
    memmove(registry->entries + place, registry->entries + place + 1,
            (registry->count - place) * sizeof(void *));
}

/* Stores a record and then shows it: the order that makes an acknowledged change a durable one. */
static int commit(struct arci_registry *registry, struct arci_record *record, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_entry_cleanup) struct arci_entry *entry = NULL;
    int code = arci_entry_create(record, &entry, error);
    if (code >= 0)
        code = reserve(registry, error);
    if (code >= 0)
        code = arci_record_store(&entry->record, registry->store, error);
    if (code >= 0)
        place_entry(registry, arci_steal(entry));
    return code;
}

static int load_record(void *context, const struct arci_stored_record *stored, struct arctic_error *error)
{
    struct arci_registry *registry = context;
    ARCI_CLEANUP(arci_entry_cleanup) struct arci_entry *entry = NULL;
    struct arci_record record;
    int code = arci_record_from_stored(stored, &record, error);
    if (code >= 0)
        code = arci_entry_create(&record, &entry, error);
    if (code >= 0)
        code = reserve(registry, error);
    if (code >= 0)
        place_entry(registry, arci_steal(entry));
    return code;
}

int arci_registry_load(struct arci_registry *registry, struct arctic_error *error)
{
    return arci_store_each_record(registry->store, load_record, registry, error);
}

/* Checks that a local record may be written and gives its next version. */
static int next_version(const struct arci_registry *registry, enum arci_record_kind kind,
                        const struct arctic_id *id, uint64_t *ret_version, struct arctic_error *error)
{
    if (!registry->identity)
        return arci_fail(error, ARCTIC_E_NOT_BOOTSTRAPPED, NULL,
                         "this agent has no identity yet, bootstrap it first");
    const struct arci_entry *known = arci_registry_find_any(registry, kind, id);
    if (known && !arctic_id_equal(&known->record.owner, &registry->local_id))
        return arci_fail(error, ARCTIC_E_FORBIDDEN, NULL, "%s %s belongs to peer %s",
                         arci_record_kind_name(kind), id->text, known->record.owner.text);
    *ret_version = known ? known->record.version + 1 : 1;
    return ARCTIC_OK;
}

/* `body` is taken over. */
static int put_local(struct arci_registry *registry, enum arci_record_kind kind, const struct arctic_id *id,
                     json_t *body, bool deleted, struct arctic_error *error)
{
    ARCI_JSON *content = body;
    struct arci_record record = {.kind = kind, .id = *id, .owner = registry->local_id, .deleted = deleted};
    if (!content)
        return arci_fail_memory(error);
    int code = next_version(registry, kind, id, &record.version, error);
    if (code < 0)
        return code;
    record.updated_at = arci_time_now();
    record.body = json_incref(content);
    code = arci_record_sign(&record, registry->identity, error);
    if (code < 0) {
        arci_record_release(&record);
        return code;
    }
    return commit(registry, &record, error);
}

int arci_registry_put_peer(struct arci_registry *registry, const struct arci_peer *peer,
                           struct arctic_error *error)
{
    return put_local(registry, ARCI_RECORD_PEER, &peer->id, arci_peer_to_record(peer), false, error);
}

int arci_registry_put_service(struct arci_registry *registry, const struct arci_service *service,
                              struct arctic_error *error)
{
    return put_local(registry, ARCI_RECORD_SERVICE, &service->id, arci_service_to_record(service), false,
                     error);
}

int arci_registry_put_credential(struct arci_registry *registry, const struct arci_credential *credential,
                                 struct arctic_error *error)
{
    return put_local(registry, ARCI_RECORD_CREDENTIAL, &credential->client_id,
                     arci_credential_to_record(credential), false, error);
}

int arci_registry_delete(struct arci_registry *registry, enum arci_record_kind kind,
                         const struct arctic_id *id, struct arctic_error *error)
{
    if (!arci_registry_find(registry, kind, id))
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "%s %s does not exist", arci_record_kind_name(kind),
                         id->text);
    return put_local(registry, kind, id, json_object(), true, error);
}

static int check_ownership(const struct arci_registry *registry, const struct arci_record *record,
                           const struct arci_entry *known, struct arctic_error *error)
{
    if (arctic_id_equal(&record->owner, &registry->local_id))
        return arci_fail(error, ARCTIC_E_FORBIDDEN, "owner", "%s record %s is this host's own",
                         arci_record_kind_name(record->kind), record->id.text);
    if (known && !arctic_id_equal(&known->record.owner, &record->owner))
        return arci_fail(error, ARCTIC_E_FORBIDDEN, "owner", "%s record %s belongs to %s, not to %s",
                         arci_record_kind_name(record->kind), record->id.text, known->record.owner.text,
                         record->owner.text);
    return ARCTIC_OK;
}

int arci_registry_merge(struct arci_registry *registry, const struct arci_record *record,
                        const uint8_t owner_key[ARCI_KEY_SIZE], bool *ret_changed, struct arctic_error *error)
{
    const struct arci_entry *known = arci_registry_find_any(registry, record->kind, &record->id);
    int code = check_ownership(registry, record, known, error);
    if (code >= 0)
        code = arci_record_verify(record, owner_key, error);
    if (code < 0)
        return code;
    if (known && !arci_record_supersedes(record, &known->record)) {
        *ret_changed = false;
        return ARCTIC_OK;
    }
    struct arci_record copy;
    code = arci_record_copy(record, &copy, error);
    if (code >= 0)
        code = commit(registry, &copy, error);
    if (code >= 0)
        *ret_changed = true;
    return code;
}
