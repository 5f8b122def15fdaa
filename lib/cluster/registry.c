/* The registry: a sorted array of records, each written to the store before it counts. */
#include "cluster/registry-internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/time.h"

ARCI_DEFINE_CLEANUP(struct arci_registry *, arci_registry_free, registry_cleanup)

static int64_t real_time(void *context)
{
    (void)context;
    return arci_time_now();
}

int arci_registry_create(struct arci_store *store, struct arci_registry **ret_registry,
                         struct arctic_error *error)
{
    ARCI_CLEANUP(registry_cleanup) struct arci_registry *registry = calloc(1, sizeof *registry);
    if (!registry)
        return arci_fail_memory(error);
    registry->store = store;
    registry->now = real_time;
    registry->verify = arci_record_verify;
    int code = arci_hash_tree_create(&registry->tree, error);
    if (code >= 0)
        *ret_registry = arci_steal(registry);
    return code;
}

void arci_registry_simulate(struct arci_registry *registry, int64_t (*now)(void *context), void *context,
                            arci_record_verifier verify)
{
    registry->now = now;
    registry->clock_context = context;
    registry->verify = verify;
}

void arci_registry_clear(struct arci_registry *registry)
{
    for (size_t i = 0; i < registry->count; i++)
        arci_entry_unref(registry->entries[i]);
    registry->count = 0;
    registry->owners.count = 0;
    arci_hash_tree_clear(registry->tree);
}

void arci_registry_free(struct arci_registry *registry)
{
    if (!registry)
        return;
    if (registry->tree)
        arci_registry_clear(registry);
    arci_hash_tree_free(registry->tree);
    arci_registry_owners_release(&registry->owners);
    free(registry->entries);
    free(registry);
}

void arci_registry_set_owner(struct arci_registry *registry, const struct arci_identity *identity,
                             const struct arctic_id *local_id)
{
    registry->identity = identity;
    registry->local_id = *local_id;
}

/* Room is made before the store is written, so that nothing can fail after the commit. */
static int reserve(struct arci_registry *registry, struct arctic_error *error)
{
    int code = arci_hash_tree_reserve(registry->tree, registry->count + 1, error);
    if (code >= 0)
        code = arci_registry_owners_reserve(&registry->owners, error);
    if (code < 0 || registry->count < registry->capacity)
        return code;
    size_t capacity = registry->capacity ? registry->capacity * 2 : 64;
    struct arci_entry **entries = reallocarray(registry->entries, capacity, sizeof *entries);
    if (!entries)
        return arci_fail_memory(error);
    registry->entries = entries;
    registry->capacity = capacity;
    return ARCTIC_OK;
}

static void tell_tree(struct arci_registry *registry, const struct arci_entry *entry)
{
    if (arci_registry_counts(registry, &entry->record))
        arci_hash_tree_put(registry->tree, entry);
    else
        arci_hash_tree_remove(registry->tree, entry);
}

/* With the end of a membership what the member owns counts no more. */
static bool ends_membership(const struct arci_record *record)
{
    return record->kind == ARCI_RECORD_REVOCATION || (record->kind == ARCI_RECORD_PEER && record->deleted);
}

/* There is room in the tree for all, whether they have counted before or not. */
static void tell_tree_of_owned(struct arci_registry *registry, const struct arctic_id *owner)
{
    for (size_t i = 0; i < registry->count; i++) {
        if (arctic_id_equal(&registry->entries[i]->record.owner, owner))
            tell_tree(registry, registry->entries[i]);
    }
}

/* A revocation concerns whoever has its key, and whom it names where the key is not known. */
static void tell_tree_of_end(struct arci_registry *registry, const struct arci_entry *end)
{
    if (end->record.kind == ARCI_RECORD_PEER || end->record.deleted) {
        /* Most who have left own nothing but their tombstone, which has just been told. */
        if (arci_registry_owners_count(&registry->owners, &end->record.owner) > 1)
            tell_tree_of_owned(registry, &end->record.owner);
        return;
    }
    const struct arci_revocation *revocation = &end->content.revocation;
    tell_tree_of_owned(registry, &revocation->peer_id);
    for (size_t i = 0; i < registry->count && registry->entries[i]->record.kind == ARCI_RECORD_PEER; i++) {
        const struct arci_peer *peer = &registry->entries[i]->content.peer;
        if (memcmp(peer->public_key, revocation->public_key, ARCI_KEY_SIZE) == 0)
            tell_tree_of_owned(registry, &peer->id);
    }
}

static void follow_change(struct arci_registry *registry, const struct arci_entry *entry)
{
    tell_tree(registry, entry);
    if (ends_membership(&entry->record))
        tell_tree_of_end(registry, entry);
}

static void place_entry(struct arci_registry *registry, struct arci_entry *entry)
{
    bool found;
    size_t place =
        arci_registry_place(registry, entry->record.kind, entry->record.id.text, entry->place, &found);
    if (found) {
        arci_hash_tree_remove(registry->tree, registry->entries[place]);
        arci_registry_owners_remove(&registry->owners, registry->entries[place]);
        arci_entry_unref(registry->entries[place]);
    } else {
        memmove(registry->entries + place + 1, registry->entries + place,
                (registry->count - place) * sizeof(void *));
        registry->count++;
    }
    registry->entries[place] = entry;
    arci_registry_owners_add(&registry->owners, entry);
    follow_change(registry, entry);
}

void arci_registry_remove_entry(struct arci_registry *registry, size_t place)
{
    struct arci_entry *entry = registry->entries[place];
    arci_hash_tree_remove(registry->tree, entry);
    arci_registry_owners_remove(&registry->owners, entry);
    registry->count--;
    memmove(registry->entries + place, registry->entries + place + 1,
            (registry->count - place) * sizeof(void *));
    if (ends_membership(&entry->record))
        tell_tree_of_end(registry, entry);
    arci_entry_unref(entry);
}

void arci_registry_restore(struct arci_registry *registry, enum arci_record_kind kind,
                           const struct arctic_id *id, const struct arci_entry *former)
{
    bool found;
    size_t place = arci_registry_place(registry, kind, id->text, NULL, &found);
    if (!found || registry->entries[place] == former)
        return;
    if (former)
        place_entry(registry, (struct arci_entry *)arci_entry_ref(former));
    else
        arci_registry_remove_entry(registry, place);
}

int arci_registry_commit(struct arci_registry *registry, struct arci_record *record,
                         struct arctic_error *error)
{
    ARCI_CLEANUP(arci_entry_cleanup) struct arci_entry *entry = NULL;
    int code = arci_entry_create(record, &entry, error);
    if (code < 0)
        return code;
    const struct arci_entry *known =
        arci_registry_find_place(registry, entry->record.kind, &entry->record.id, entry->place);
    if (code >= 0)
        code = arci_registry_check_share(registry, entry, known, error);
    if (code >= 0)
        code = reserve(registry, error);
    if (code >= 0)
        code = registry->store ? arci_record_store(&entry->record, registry->store, error) : ARCTIC_OK;
    if (code >= 0)
        place_entry(registry, arci_steal(entry));
    return code;
}

int arci_registry_take_stored(struct arci_registry *registry, struct arci_record *record,
                              struct arctic_error *error)
{
    ARCI_CLEANUP(arci_entry_cleanup) struct arci_entry *entry = NULL;
    int code = arci_entry_create(record, &entry, error);
    return code < 0 ? code : arci_registry_share(registry, entry, error);
}

int arci_registry_share(struct arci_registry *registry, const struct arci_entry *entry,
                        struct arctic_error *error)
{
    int code = reserve(registry, error);
    if (code >= 0)
        place_entry(registry, (struct arci_entry *)arci_entry_ref(entry));
    return code;
}

static int load_record(void *context, const struct arci_stored_record *stored, struct arctic_error *error)
{
    struct arci_record record;
    int code = arci_record_from_stored(stored, &record, error);
    if (code < 0)
        return code;
    code = arci_registry_take_stored(context, &record, error);
    if (code < 0 && code != ARCTIC_E_NO_MEMORY)
        return arci_fail_within(error, ARCTIC_E_CORRUPT, "stored %s record %s", stored->kind, stored->id);
    return code;
}

int arci_registry_load(struct arci_registry *registry, struct arctic_error *error)
{
    return arci_store_each_record(registry->store, load_record, registry, error);
}
