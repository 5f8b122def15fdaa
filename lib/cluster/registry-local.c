/* The registry: changes of this host's own records, signed and given their versions. */
#include "cluster/registry-internal.h"

#include "base/base64.h"
#include "base/error.h"
#include "cluster/registry-change.h"

/*
 * The next version is the time, unless a version is ahead of the clock (a hybrid
 * logical clock: Kulkarni et al., "Logical Physical Clocks", 2014). So what is written after the return of a backup takes the place of
 * what was written before it and is remembered elsewhere.
 */
int arci_registry_next_version(const struct arci_registry *registry, enum arci_record_kind kind,
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
    int code = arci_registry_next_version(registry, kind, id, record.updated_at, &record.version, error);
    if (code < 0)
        return code;
    record.body = json_incref(content);
    code = arci_record_sign(&record, registry->identity, error);
    if (code < 0) {
        arci_record_release(&record);
        return code;
    }
    return arci_registry_commit(registry, &record, error);
}

int arci_registry_put_peer(struct arci_registry *registry, const struct arci_peer *peer,
                           struct arctic_error *error)
{
    return put_local(registry, ARCI_RECORD_PEER, &peer->id, arci_peer_to_record(peer), false, error);
}

/* With more of them a record is kept as text in any case. */
#define ROUTES_AS_VALUES 100

int arci_registry_put_service(struct arci_registry *registry, const struct arci_service *service,
                              struct arctic_error *error)
{
    struct arci_service copy;
    if (service->routes.count <= ROUTES_AS_VALUES)
        return put_local(registry, ARCI_RECORD_SERVICE, &service->id, arci_service_to_record(service), false,
                         error);
    int code = arci_service_copy(service, &copy, error);
    return code < 0 ? code : arci_registry_change_at_once(registry, &copy, error);
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
        int code = record->packed ? arci_registry_change_renew(registry, registry->entries[i], error)
                                  : put_local(registry, record->kind, &record->id, arci_record_body(record),
                                              record->deleted, error);
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
