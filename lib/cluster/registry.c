/* The registry: a sorted array of records, each written to the store before it counts. */
#include "cluster/registry-internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/time.h"

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
    registry->digest[0] = '\0';
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
    size_t place = arci_registry_place(registry, entry->record.kind, entry->record.id.text, &found);
    if (found) {
        arci_entry_unref(registry->entries[place]);
    } else {
        memmove(registry->entries + place + 1, registry->entries + place,
                (registry->count - place) * sizeof(void *));
        registry->count++;
    }
    registry->entries[place] = entry;
    registry->digest[0] = '\0';
}

static void remove_entry(struct arci_registry *registry, size_t place)
{
    arci_entry_unref(registry->entries[place]);
    registry->count--;
    memmove(registry->entries + place, registry->entries + place + 1,
            (registry->count - place) * sizeof(void *));
    registry->digest[0] = '\0';
}

void arci_registry_restore(struct arci_registry *registry, enum arci_record_kind kind,
                           const struct arctic_id *id, const struct arci_entry *former)
{
    bool found;
    size_t place = arci_registry_place(registry, kind, id->text, &found);
    if (!found || registry->entries[place] == former)
        return;
    if (former)
        place_entry(registry, (struct arci_entry *)arci_entry_ref(former));
    else
        remove_entry(registry, place);
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
    if (code < 0)
        return code;
    code = arci_entry_create(&record, &entry, error);
    if (code < 0 && code != ARCTIC_E_NO_MEMORY)
        return arci_fail_within(error, ARCTIC_E_CORRUPT, "stored %s record %s", stored->kind, stored->id);
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

int arci_registry_put_revocation(struct arci_registry *registry, const struct arci_revocation *revocation,
                                 struct arctic_error *error)
{
    return put_local(registry, ARCI_RECORD_REVOCATION, &revocation->id, arci_revocation_to_record(revocation),
                     false, error);
}

int arci_registry_renew(struct arci_registry *registry, struct arctic_error *error)
{
    for (size_t i = 0; i < registry->count; i++) {
        const struct arci_record *record = &registry->entries[i]->record;
        if (!arctic_id_equal(&record->owner, &registry->local_id))
            continue;
        int code =
            put_local(registry, record->kind, &record->id, json_incref(record->body), record->deleted, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

int arci_registry_delete(struct arci_registry *registry, enum arci_record_kind kind,
                         const struct arctic_id *id, struct arctic_error *error)
{
    if (!arci_registry_find(registry, kind, id))
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "%s %s does not exist", arci_record_kind_name(kind),
                         id->text);
    return put_local(registry, kind, id, json_object(), true, error);
}

/* What is local stays, also where this host has been revoked: it is needed to leave. */
static bool is_gone(const struct arci_registry *registry, const struct arctic_id *owner)
{
    if (arctic_id_equal(owner, &registry->local_id))
        return false;
    const struct arci_entry *peer = arci_registry_find_any(registry, ARCI_RECORD_PEER, owner);
    return (peer && peer->record.deleted) || arci_registry_revocation_of_peer(registry, owner);
}

static bool is_owned_by(const struct arci_registry *registry, const struct arci_record *record,
                        const struct arctic_id *owner)
{
    if (record->kind != ARCI_RECORD_SERVICE && record->kind != ARCI_RECORD_CREDENTIAL)
        return false;
    return owner ? arctic_id_equal(&record->owner, owner) : is_gone(registry, &record->owner);
}

int arci_registry_forget_owned(struct arci_registry *registry, const struct arctic_id *owner,
                               struct arctic_error *error)
{
    int result = ARCTIC_OK;
    for (size_t i = registry->count; i > 0; i--) {
        const struct arci_record *record = &registry->entries[i - 1]->record;
        if (!is_owned_by(registry, record, owner))
            continue;
        int code = arci_store_delete_record(registry->store, arci_record_kind_name(record->kind),
                                            record->id.text, error);
        remove_entry(registry, i - 1);
        result = code < 0 ? code : result;
    }
    return result;
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

/* Stores a record whose signature is good where it is newer than the known one. */
static int take_newer(struct arci_registry *registry, const struct arci_record *record,
                      const struct arci_entry *known, bool *ret_changed, struct arctic_error *error)
{
    struct arci_record copy;
    *ret_changed = false;
    if (known && !arci_record_supersedes(record, &known->record))
        return ARCTIC_OK;
    int code = arci_record_copy(record, &copy, error);
    if (code >= 0)
        code = commit(registry, &copy, error);
    *ret_changed = code >= 0;
    return code;
}

int arci_registry_merge(struct arci_registry *registry, const struct arci_record *record,
                        const uint8_t owner_key[ARCI_KEY_SIZE], bool *ret_changed, struct arctic_error *error)
{
    const struct arci_entry *known = arci_registry_find_any(registry, record->kind, &record->id);
    int code = check_ownership(registry, record, known, error);
    if (code >= 0 && arci_registry_revocation_of_key(registry, owner_key))
        code = arci_fail(error, ARCTIC_E_FORBIDDEN, "owner", "peer %s has been revoked", record->owner.text);
    if (code >= 0)
        code = arci_record_verify(record, owner_key, error);
    return code < 0 ? code : take_newer(registry, record, known, ret_changed, error);
}

int arci_registry_recover(struct arci_registry *registry, const struct arci_record *record, bool *ret_changed,
                          struct arctic_error *error)
{
    const struct arci_entry *known = arci_registry_find_any(registry, record->kind, &record->id);
    if (!registry->identity || !arctic_id_equal(&record->owner, &registry->local_id) ||
        (known && !arctic_id_equal(&known->record.owner, &registry->local_id)) ||
        (record->kind == ARCI_RECORD_PEER && record->deleted))
        return arci_fail(error, ARCTIC_E_FORBIDDEN, "owner", "%s record %s is none of this host's own",
                         arci_record_kind_name(record->kind), record->id.text);
    int code = arci_record_verify(record, arci_identity_public_key(registry->identity), error);
    return code < 0 ? code : take_newer(registry, record, known, ret_changed, error);
}
