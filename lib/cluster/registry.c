/* The registry: a sorted array of records, each written to the store before it counts. */
#include "cluster/registry-internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
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

static void remove_entry(struct arci_registry *registry, size_t place)
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
        remove_entry(registry, place);
}

/* Stores a record and then shows it: the order that makes an acknowledged change a durable one. */
static int commit(struct arci_registry *registry, struct arci_record *record, struct arctic_error *error)
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
    if (code >= 0)
        code = reserve(registry, error);
    if (code >= 0)
        place_entry(registry, arci_steal(entry));
    return code;
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

/*
 * Checks that a local record may be written and gives its next version: the time, unless a version is ahead of the clock (a hybrid
 * logical clock: Kulkarni et al., "Logical Physical Clocks", 2014). So what is written after the return of a backup takes the place of
 * what was written before it and is remembered elsewhere.
 */
static int next_version(const struct arci_registry *registry, enum arci_record_kind kind,
                        const struct arctic_id *id, int64_t now, uint64_t *ret_version,
                        struct arctic_error *error)
{
    if (!registry->identity)
        return arci_fail(error, ARCTIC_E_NOT_BOOTSTRAPPED, NULL,
                         "this agent has no identity yet, bootstrap it first");
    const struct arci_entry *known = arci_registry_find_any(registry, kind, id);
    if (known && !arctic_id_equal(&known->record.owner, &registry->local_id))
        return arci_fail(error, ARCTIC_E_FORBIDDEN, NULL, "%s %s belongs to peer %s",
                         arci_record_kind_name(kind), id->text, known->record.owner.text);
    *ret_version = now > 1 ? (uint64_t)now : 1;
    if (known && known->record.version >= *ret_version)
        *ret_version = known->record.version + 1;
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
    record.updated_at = registry->now(registry->clock_context);
    int code = next_version(registry, kind, id, record.updated_at, &record.version, error);
    if (code < 0)
        return code;
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

static json_t *tombstone_body(const struct arci_registry *registry, enum arci_record_kind kind)
{
    char key[ARCI_BASE64_TEXT(ARCI_KEY_SIZE)];
    if (kind != ARCI_RECORD_PEER)
        return json_object();
    arci_base64_encode(arci_identity_public_key(registry->identity), ARCI_KEY_SIZE, key);
    return json_pack("{s:s}", "public_key", key);
}

int arci_registry_bury(struct arci_registry *registry, enum arci_record_kind kind, const struct arctic_id *id,
                       struct arctic_error *error)
{
    return put_local(registry, kind, id, tombstone_body(registry, kind), true, error);
}

int arci_registry_delete(struct arci_registry *registry, enum arci_record_kind kind,
                         const struct arctic_id *id, struct arctic_error *error)
{
    if (!arci_registry_find(registry, kind, id))
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "%s %s does not exist", arci_record_kind_name(kind),
                         id->text);
    return arci_registry_bury(registry, kind, id, error);
}

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
        remove_entry(registry, i - 1);
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

/* --- Merging --- */

static int check_ownership(const struct arci_registry *registry, const struct arci_record *record,
                           struct arctic_error *error)
{
    if (!arctic_id_equal(&record->owner, &registry->local_id))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_FORBIDDEN, "owner", "%s record %s is this host's own",
                     arci_record_kind_name(record->kind), record->id.text);
}

/* Stores a record whose signature is good where it is newer than the known one. */
static int take_newer(struct arci_registry *registry, const struct arci_record *record,
                      const struct arci_entry *known, bool *ret_changed, struct arctic_error *error)
{
    *ret_changed = false;
    if (known && !arci_record_supersedes(record, &known->record))
        return ARCTIC_OK;
    struct arci_record taken = arci_record_ref(record);
    int code = commit(registry, &taken, error);
    *ret_changed = code >= 0;
    return code;
}

/* A peer's record names its own key, which never changes; who may be a peer is for others to judge. */
static int find_key(const struct arci_registry *registry, const struct arci_record *record,
                    uint8_t ret_key[ARCI_KEY_SIZE], struct arctic_error *error)
{
    const struct arci_entry *owner = arci_registry_find_any(registry, ARCI_RECORD_PEER, &record->owner);
    if (owner) {
        memcpy(ret_key, owner->content.peer.public_key, ARCI_KEY_SIZE);
        return ARCTIC_OK;
    }
    const char *text = json_string_value(json_object_get(record->body, "public_key"));
    if (record->kind != ARCI_RECORD_PEER)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, "owner", "peer %s is not known yet", record->owner.text);
    if (!text || !arci_base64_decode_exact(text, ret_key, ARCI_KEY_SIZE))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "public_key", "peer record %s has no key",
                         record->id.text);
    return ARCTIC_OK;
}

/*
 * What a former member signs counts no more, but for whom it has revoked: it may have done so while it was a member, and who has heard
 * of that in time must come to the same result as who hears of it later. Its own record is taken once, for the key.
 */
static int check_membership(const struct arci_registry *registry, const struct arci_record *record,
                            const uint8_t key[ARCI_KEY_SIZE], struct arctic_error *error)
{
    const struct arci_entry *owner = arci_registry_find_any(registry, ARCI_RECORD_PEER, &record->owner);
    if (record->kind == ARCI_RECORD_REVOCATION || (record->kind == ARCI_RECORD_PEER && !owner))
        return ARCTIC_OK;
    if (arci_registry_revocation_of_key(registry, key))
        return arci_fail(error, ARCTIC_E_FORBIDDEN, "owner", "peer %s has been revoked", record->owner.text);
    if (record->kind != ARCI_RECORD_PEER && owner && owner->record.deleted)
        return arci_fail(error, ARCTIC_E_FORBIDDEN, "owner", "peer %s has left", record->owner.text);
    return ARCTIC_OK;
}

/* Else its peer would come back. That it cannot name another key later follows from its place. */
static int check_revocation(const struct arci_record *record, struct arctic_error *error)
{
    if (record->kind != ARCI_RECORD_REVOCATION || !record->deleted)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_FORBIDDEN, NULL, "revocation %s is not taken back by anyone",
                     record->id.text);
}

/* Else a member could leave the key that is about to be revoked, and stay. */
static int check_key(const struct arci_record *record, const uint8_t key[ARCI_KEY_SIZE],
                     struct arctic_error *error)
{
    uint8_t named[ARCI_KEY_SIZE];
    const char *text = json_string_value(json_object_get(record->body, "public_key"));
    if (record->kind != ARCI_RECORD_PEER)
        return ARCTIC_OK;
    if (text && arci_base64_decode_exact(text, named, sizeof named) && memcmp(named, key, sizeof named) == 0)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_FORBIDDEN, "public_key",
                     "the record of peer %s names another key than its own", record->id.text);
}

/* Anybody who is let in may name peers, and peers that have left; a cluster of so many is not what fills a registry. */
#define PEERS_MAX 10000
#define PEERS_EVER_MAX 100000

static int check_room(const struct arci_registry *registry, const struct arci_record *record,
                      const struct arci_entry *known, struct arctic_error *error)
{
    bool ignored;
    if (known || record->kind != ARCI_RECORD_PEER)
        return ARCTIC_OK;
    if (arci_registry_place(registry, ARCI_RECORD_SERVICE, "", NULL, &ignored) >= PEERS_EVER_MAX)
        return arci_fail(error, ARCTIC_E_LIMIT, NULL,
                         "%d peers are known already, with those that have left: more are not taken",
                         PEERS_EVER_MAX);
    if (!record->deleted && arci_registry_count(registry, ARCI_RECORD_PEER) >= PEERS_MAX)
        return arci_fail(error, ARCTIC_E_LIMIT, NULL,
                         "%d peers are known already, more than that are not taken", PEERS_MAX);
    return ARCTIC_OK;
}

static int check_date(const struct arci_registry *registry, const struct arci_record *record,
                      struct arctic_error *error)
{
    if (record->updated_at <= registry->now(registry->clock_context) + ARCI_CLOCK_SKEW_MS)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_FORBIDDEN, "updated_at",
                     "%s record %s is dated in the future: the clock of peer %s or of this host is wrong",
                     arci_record_kind_name(record->kind), record->id.text, record->owner.text);
}

int arci_registry_merge(struct arci_registry *registry, const struct arci_record *record, bool *ret_changed,
                        struct arctic_error *error)
{
    const struct arci_entry *known = NULL;
    uint8_t key[ARCI_KEY_SIZE];
    int code = arci_registry_find_version(registry, record, &known, error);
    if (code >= 0)
        code = check_ownership(registry, record, error);
    *ret_changed = false;
    if (code >= 0 && arci_registry_is_old_news(registry, record, known))
        return ARCTIC_OK;
    if (code >= 0)
        code = find_key(registry, record, key, error);
    if (code >= 0)
        code = check_membership(registry, record, key, error);
    if (code >= 0)
        code = check_date(registry, record, error);
    if (code >= 0)
        code = check_room(registry, record, known, error);
    if (code >= 0)
        code = registry->verify(record, key, error);
    if (code >= 0)
        code = check_key(record, key, error);
    if (code >= 0)
        code = check_revocation(record, error);
    return code < 0 ? code : take_newer(registry, record, known, ret_changed, error);
}

int arci_registry_recover(struct arci_registry *registry, const struct arci_record *record, bool *ret_changed,
                          struct arctic_error *error)
{
    const struct arci_entry *known = NULL;
    int code = arci_registry_find_version(registry, record, &known, error);
    *ret_changed = false;
    if (code < 0)
        return code;
    if (!registry->identity || !arctic_id_equal(&record->owner, &registry->local_id) ||
        (record->kind == ARCI_RECORD_PEER && record->deleted))
        return arci_fail(error, ARCTIC_E_FORBIDDEN, "owner", "%s record %s is none of this host's own",
                         arci_record_kind_name(record->kind), record->id.text);
    if (arci_registry_is_old_news(registry, record, known))
        return ARCTIC_OK;
    code = registry->verify(record, arci_identity_public_key(registry->identity), error);
    if (code < 0 || !arci_registry_was_deleted(registry, record, known))
        return code < 0 ? code : take_newer(registry, record, known, ret_changed, error);
    code = arci_registry_bury(registry, record->kind, &record->id, error);
    *ret_changed = code >= 0;
    return code;
}
