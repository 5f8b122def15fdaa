/*
 * What each owner has here, so that no member fills the registries of all: counted with each record that comes or goes. What decides on
 * membership is counted apart: it must find room whatever else there is.
 */
#include "cluster/registry-internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sorted.h"

#define MIB (1024 * 1024)

/* Index of an owner, or where it would stand. */
static size_t place_of(const struct arci_registry_owners *owners, const struct arctic_id *id, bool *ret_found)
{
    return arci_sorted_place(owners->items, owners->count, sizeof *owners->items, id, ret_found);
}

int arci_registry_owners_reserve(struct arci_registry_owners *owners, struct arctic_error *error)
{
    if (owners->count < owners->capacity)
        return ARCTIC_OK;
    size_t capacity = owners->capacity ? owners->capacity * 2 : 16;
    struct arci_registry_owner *items = reallocarray(owners->items, capacity, sizeof *items);
    if (!items)
        return arci_fail_memory(error);
    owners->items = items;
    owners->capacity = capacity;
    return ARCTIC_OK;
}

void arci_registry_owners_release(struct arci_registry_owners *owners)
{
    free(owners->items);
    *owners = (struct arci_registry_owners){0};
}

static bool is_load(const struct arci_entry *entry)
{
    return entry->record.kind == ARCI_RECORD_SERVICE || entry->record.kind == ARCI_RECORD_CREDENTIAL;
}

void arci_registry_owners_add(struct arci_registry_owners *owners, const struct arci_entry *entry)
{
    bool found;
    size_t place = place_of(owners, &entry->record.owner, &found);
    struct arci_registry_owner *owner = &owners->items[place];
    if (!found) {
        memmove(owner + 1, owner, (owners->count++ - place) * sizeof *owner);
        *owner = (struct arci_registry_owner){.id = entry->record.owner};
    }
    owner->records++;
    owner->bytes += is_load(entry) ? entry->size : 0;
    owner->revocations += entry->record.kind == ARCI_RECORD_REVOCATION;
}

void arci_registry_owners_remove(struct arci_registry_owners *owners, const struct arci_entry *entry)
{
    bool found;
    size_t place = place_of(owners, &entry->record.owner, &found);
    struct arci_registry_owner *owner = &owners->items[place];
    owner->bytes -= is_load(entry) ? entry->size : 0;
    owner->revocations -= entry->record.kind == ARCI_RECORD_REVOCATION;
    if (--owner->records == 0)
        memmove(owner, owner + 1, (--owners->count - place) * sizeof *owner);
}

static struct arci_registry_owner find(const struct arci_registry_owners *owners, const struct arctic_id *id)
{
    bool found;
    size_t place = place_of(owners, id, &found);
    return found ? owners->items[place] : (struct arci_registry_owner){0};
}

size_t arci_registry_owners_count(const struct arci_registry_owners *owners, const struct arctic_id *id)
{
    return find(owners, id).records;
}

static int fail_bytes(const struct arci_registry *registry, const struct arctic_id *owner,
                      struct arctic_error *error)
{
    if (arctic_id_equal(owner, &registry->local_id))
        return arci_fail(
            error, ARCTIC_E_LIMIT, NULL,
            "the services and clients of this peer would take more than %d MiB, which is all that "
            "one peer may have: delete some, or some of their routes",
            ARCI_OWNER_BYTES_MAX / MIB);
    return arci_fail(
        error, ARCTIC_E_LIMIT, NULL,
        "peer %s has services and clients of %d MiB, more is not taken: delete some at that peer, "
        "or revoke it",
        owner->text, ARCI_OWNER_BYTES_MAX / MIB);
}

int arci_registry_check_share(const struct arci_registry *registry, const struct arci_entry *entry,
                              const struct arci_entry *known, struct arctic_error *error)
{
    const struct arci_record *record = &entry->record;
    const struct arci_registry_owner owner = find(&registry->owners, &record->owner);
    const bool own = arctic_id_equal(&record->owner, &registry->local_id);
    if (record->kind == ARCI_RECORD_PEER || (known && entry->size <= known->size) || (own && record->deleted))
        return ARCTIC_OK;
    if (record->kind == ARCI_RECORD_REVOCATION)
        return known || owner.revocations < ARCI_OWNER_REVOCATIONS_MAX
                   ? ARCTIC_OK
                   : arci_fail(error, ARCTIC_E_LIMIT, NULL,
                               "peer %s has revoked %d peers, more is not taken: revoke from another peer",
                               record->owner.text, ARCI_OWNER_REVOCATIONS_MAX);
    if (owner.bytes - (known ? known->size : 0) + entry->size <= ARCI_OWNER_BYTES_MAX)
        return ARCTIC_OK;
    return fail_bytes(registry, &record->owner, error);
}
