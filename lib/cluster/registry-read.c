/* Looking into the registry. */
#include <string.h>

#include "cluster/registry-internal.h"

static int compare_key(const struct arci_entry *entry, enum arci_record_kind kind, const char *id,
                       const uint8_t *place)
{
    if (entry->record.kind != kind)
        return entry->record.kind < kind ? -1 : 1;
    int order = strcmp(entry->record.id.text, id);
    return order == 0 && place ? memcmp(entry->place, place, ARCI_SHA256_SIZE) : order;
}

size_t arci_registry_place(const struct arci_registry *registry, enum arci_record_kind kind, const char *id,
                           const uint8_t *place, bool *ret_found)
{
    size_t low = 0;
    size_t high = registry->count;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_key(registry->entries[middle], kind, id, place);
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
    const struct arci_entry *meant = NULL;
    const struct arci_entry *entry;
    size_t cursor = 0;
    while ((entry = arci_registry_next_of_id(registry, kind, id, &cursor))) {
        if (arctic_id_equal(&entry->record.owner, &registry->local_id))
            return entry;
        if (!meant || strcmp(entry->record.owner.text, meant->record.owner.text) < 0)
            meant = entry;
    }
    return meant;
}

const struct arci_entry *arci_registry_find_place(const struct arci_registry *registry,
                                                  enum arci_record_kind kind, const struct arctic_id *id,
                                                  const uint8_t place[ARCI_SHA256_SIZE])
{
    bool found;
    size_t at = arci_registry_place(registry, kind, id->text, place, &found);
    return found ? registry->entries[at] : NULL;
}

int arci_registry_find_version(const struct arci_registry *registry, const struct arci_record *record,
                               const struct arci_entry **ret_known, struct arctic_error *error)
{
    uint8_t place[ARCI_SHA256_SIZE];
    int code = arci_record_place(record, place, error);
    if (code >= 0)
        *ret_known = arci_registry_find_place(registry, record->kind, &record->id, place);
    return code;
}

const struct arci_entry *arci_registry_next_of_id(const struct arci_registry *registry,
                                                  enum arci_record_kind kind, const struct arctic_id *id,
                                                  size_t *cursor)
{
    bool found;
    if (*cursor == 0)
        *cursor = arci_registry_place(registry, kind, id->text, NULL, &found);
    if (*cursor >= registry->count || compare_key(registry->entries[*cursor], kind, id->text, NULL) != 0)
        return NULL;
    return registry->entries[(*cursor)++];
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

typedef bool (*revocation_test)(const struct arci_revocation *revocation, const void *wanted);

static const struct arci_entry *find_revocation(const struct arci_registry *registry, revocation_test test,
                                                const void *wanted)
{
    const struct arci_entry *entry;
    bool found;
    size_t cursor = arci_registry_place(registry, ARCI_RECORD_REVOCATION, "", NULL, &found);
    while ((entry = arci_registry_next(registry, ARCI_RECORD_REVOCATION, &cursor))) {
        if (test(&entry->content.revocation, wanted))
            return entry;
    }
    return NULL;
}

static bool names_key(const struct arci_revocation *revocation, const void *key)
{
    return memcmp(revocation->public_key, key, ARCI_KEY_SIZE) == 0;
}

static bool names_peer(const struct arci_revocation *revocation, const void *peer_id)
{
    return arctic_id_equal(&revocation->peer_id, peer_id);
}

const struct arci_entry *arci_registry_revocation_of_key(const struct arci_registry *registry,
                                                         const uint8_t key[ARCI_KEY_SIZE])
{
    return find_revocation(registry, names_key, key);
}

const struct arci_entry *arci_registry_revocation_of_peer(const struct arci_registry *registry,
                                                          const struct arctic_id *peer_id)
{
    const struct arci_entry *peer = arci_registry_find(registry, ARCI_RECORD_PEER, peer_id);
    return peer ? arci_registry_revocation_of_key(registry, peer->content.peer.public_key)
                : find_revocation(registry, names_peer, peer_id);
}

bool arci_registry_is_gone(const struct arci_registry *registry, const struct arctic_id *peer_id)
{
    const struct arci_entry *peer = arci_registry_find_any(registry, ARCI_RECORD_PEER, peer_id);
    return (peer && peer->record.deleted) || arci_registry_revocation_of_peer(registry, peer_id);
}

const struct arci_entry *arci_registry_next_of_members(const struct arci_registry *registry,
                                                       enum arci_record_kind kind, size_t *cursor)
{
    const struct arci_entry *entry;
    do
        entry = arci_registry_next(registry, kind, cursor);
    while (entry && arci_registry_is_gone(registry, &entry->record.owner));
    return entry;
}

size_t arci_registry_count_members(const struct arci_registry *registry)
{
    size_t cursor = 0;
    size_t count = 0;
    while (arci_registry_next_of_members(registry, ARCI_RECORD_PEER, &cursor))
        count++;
    return count;
}

bool arci_registry_counts(const struct arci_registry *registry, const struct arci_record *record)
{
    if (record->kind == ARCI_RECORD_REVOCATION)
        return true;
    if (record->kind == ARCI_RECORD_PEER)
        return !arci_registry_revocation_of_peer(registry, &record->owner);
    return !arci_registry_is_gone(registry, &record->owner);
}
