/* The registry: records that go without a trace. */
#include "cluster/registry-internal.h"

#include <string.h>

static bool is_owned_by(const struct arci_registry *registry, const struct arci_record *record,
                        const struct arctic_id *owner)
{
    if (record->kind != ARCI_RECORD_SERVICE && record->kind != ARCI_RECORD_CREDENTIAL)
        return false;
    if (owner)
        return arctic_id_equal(&record->owner, owner);
    /* What is local stays, also where this host has been revoked: it is needed to leave. */
    return !arctic_id_equal(&record->owner, &registry->local_id) &&
           arci_registry_is_gone(registry, &record->owner);
}

int arci_registry_forget_owned(struct arci_registry *registry, const struct arctic_id *owner,
                               struct arctic_error *error)
{
    int result = ARCTIC_OK;
    for (size_t i = registry->count; i > 0; i--) {
        const struct arci_record *record = &registry->entries[i - 1]->record;
        if (!is_owned_by(registry, record, owner))
            continue;
        int code = registry->store ? arci_record_unstore(record, registry->store, error) : ARCTIC_OK;
        arci_registry_remove_entry(registry, i - 1);
        result = code < 0 ? code : result;
    }
    return result;
}

/* --- Removing many --- */

struct removal {
    struct arci_registry *registry;
    arci_registry_test test;
    size_t limit;
};

static bool is_to_go(const struct removal *removal, const struct arci_record *record)
{
    return (record->kind == ARCI_RECORD_SERVICE || record->kind == ARCI_RECORD_CREDENTIAL) &&
           removal->test(removal->registry, record);
}

static int remove_stored(void *context, struct arctic_error *error)
{
    const struct removal *removal = context;
    const struct arci_registry *registry = removal->registry;
    size_t removed = 0;
    int code = ARCTIC_OK;
    for (size_t i = 0; i < registry->count && removed < removal->limit && code >= 0; i++) {
        const struct arci_record *record = &registry->entries[i]->record;
        if (!is_to_go(removal, record))
            continue;
        code = arci_record_unstore(record, registry->store, error);
        removed++;
    }
    return code;
}

/* No membership ends with a service or a credential. */
static void remove_shown(const struct removal *removal)
{
    struct arci_registry *registry = removal->registry;
    size_t removed = 0;
    for (size_t i = 0; i < registry->count; i++) {
        struct arci_entry *entry = registry->entries[i];
        if (removed < removal->limit && is_to_go(removal, &entry->record)) {
            arci_hash_tree_remove(registry->tree, entry);
            arci_registry_owners_remove(&registry->owners, entry);
            arci_entry_unref(entry);
            removed++;
        } else {
            registry->entries[i - removed] = entry;
        }
    }
    registry->count -= removed;
}

static bool has_any(const struct removal *removal)
{
    for (size_t i = 0; i < removal->registry->count; i++) {
        if (is_to_go(removal, &removal->registry->entries[i]->record))
            return true;
    }
    return false;
}

int arci_registry_remove_where(struct arci_registry *registry, arci_registry_test test, size_t limit,
                               struct arctic_error *error)
{
    struct removal removal = {registry, test, limit};
    if (!has_any(&removal))
        return ARCTIC_OK;
    int code =
        registry->store ? arci_store_transaction(registry->store, remove_stored, &removal, error) : ARCTIC_OK;
    if (code >= 0)
        remove_shown(&removal);
    return code;
}
