/* The registry: records that come from elsewhere, judged one by one. */
#include "cluster/registry-internal.h"

#include <string.h>

#include "base/base64.h"
#include "base/error.h"

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
    int code = arci_registry_commit(registry, &taken, error);
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

int arci_registry_judge(const struct arci_registry *registry, const struct arci_record *record,
                        const struct arci_entry **ret_known, bool *ret_news, uint8_t ret_key[ARCI_KEY_SIZE],
                        struct arctic_error *error)
{
    const struct arci_entry *known = NULL;
    int code = arci_registry_find_version(registry, record, &known, error);
    if (code >= 0)
        code = check_ownership(registry, record, error);
    if (code < 0)
        return code;
    *ret_known = known;
    *ret_news = !arci_registry_is_old_news(registry, record, known);
    if (!*ret_news)
        return ARCTIC_OK;
    code = find_key(registry, record, ret_key, error);
    if (code >= 0)
        code = check_membership(registry, record, ret_key, error);
    if (code >= 0)
        code = check_date(registry, record, error);
    return code < 0 ? code : check_room(registry, record, known, error);
}

int arci_registry_merge(struct arci_registry *registry, const struct arci_record *record, bool *ret_changed,
                        struct arctic_error *error)
{
    const struct arci_entry *known = NULL;
    uint8_t key[ARCI_KEY_SIZE];
    bool news = false;
    int code = arci_registry_judge(registry, record, &known, &news, key, error);
    *ret_changed = false;
    if (code < 0 || !news)
        return code;
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
