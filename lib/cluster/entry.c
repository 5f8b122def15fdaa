/* Entries of the registry: records whose bodies have been read. */
#include "cluster/entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/error.h"

const struct arci_entry *arci_entry_ref(const struct arci_entry *entry)
{
    ((struct arci_entry *)entry)->references++;
    return entry;
}

void arci_entry_unref(const struct arci_entry *entry)
{
    struct arci_entry *mine = (struct arci_entry *)entry;
    if (!mine || --mine->references > 0)
        return;
    if (mine->record.kind == ARCI_RECORD_SERVICE)
        arci_service_release(&mine->content.service);
    for (size_t i = 0; i < ARCI_ENTRY_MEMOS; i++)
        free(mine->memos[i]);
    arci_record_release(&mine->record);
    free(mine);
}

static int fail_identity(struct arctic_error *error, const struct arci_entry *entry, const char *what)
{
    return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "body", "%s record %s says another %s in its body",
                     arci_record_kind_name(entry->record.kind), entry->record.id.text, what);
}

static int parse_service(struct arci_entry *entry, struct arctic_error *error)
{
    struct arci_service *service = &entry->content.service;
    int code = arci_service_from_record(entry->record.body, service, error);
    if (code < 0)
        return code;
    if (!arctic_id_equal(&service->id, &entry->record.id))
        return fail_identity(error, entry, "id");
    if (!arctic_id_equal(&service->source_peer_id, &entry->record.owner))
        return fail_identity(error, entry, "source peer");
    return ARCTIC_OK;
}

static int parse_peer(struct arci_entry *entry, struct arctic_error *error)
{
    int code = arci_peer_from_record(entry->record.body, &entry->content.peer, error);
    if (code >= 0 && !arctic_id_equal(&entry->content.peer.id, &entry->record.id))
        return fail_identity(error, entry, "id");
    return code;
}

static int parse_credential(struct arci_entry *entry, struct arctic_error *error)
{
    int code = arci_credential_from_record(entry->record.body, &entry->content.credential, error);
    if (code >= 0 && !arctic_id_equal(&entry->content.credential.client_id, &entry->record.id))
        return fail_identity(error, entry, "id");
    return code;
}

static int parse_revocation(struct arci_entry *entry, struct arctic_error *error)
{
    struct arci_revocation *revocation = &entry->content.revocation;
    int code = arci_revocation_from_record(entry->record.body, revocation, error);
    if (code < 0)
        return code;
    if (!arctic_id_equal(&revocation->id, &entry->record.id))
        return fail_identity(error, entry, "id");
    if (arctic_id_equal(&revocation->peer_id, &entry->record.owner))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "peer_id", "a peer cannot revoke itself");
    return ARCTIC_OK;
}

/* A peer that has left leaves its key, by which its departure, and whom it has revoked, can still be believed. */
static int parse_departure(struct arci_entry *entry, struct arctic_error *error)
{
    const char *key = json_string_value(json_object_get(entry->record.body, "public_key"));
    struct arci_peer *peer = &entry->content.peer;
    if (!key || !arci_base64_decode_exact(key, peer->public_key, sizeof peer->public_key))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "public_key",
                         "the tombstone of a peer must hold its public_key");
    peer->id = entry->record.id;
    return ARCTIC_OK;
}

static int parse_content(struct arci_entry *entry, struct arctic_error *error)
{
    if (entry->record.deleted)
        return entry->record.kind == ARCI_RECORD_PEER ? parse_departure(entry, error) : ARCTIC_OK;
    switch (entry->record.kind) {
    case ARCI_RECORD_PEER:
        return parse_peer(entry, error);
    case ARCI_RECORD_SERVICE:
        return parse_service(entry, error);
    case ARCI_RECORD_CREDENTIAL:
        return parse_credential(entry, error);
    case ARCI_RECORD_REVOCATION:
        return parse_revocation(entry, error);
    }
    return arci_fail(error, ARCTIC_E_INTERNAL, NULL, "record of unknown kind");
}

/* What a record takes beside its body, in text and in memory: a tombstone is no less than this. */
#define ENVELOPE_SIZE 1000
/* Members that are not known here are those of a newer version, and few. */
#define BODY_MAX ((size_t)16 * 1024)
#define ROUTE_MAX ((size_t)512)

static uint32_t size_of(const struct arci_record *record)
{
    size_t body = record->packed ? strlen(record->packed) : arci_json_size(record->body);
    size_t size = ENVELOPE_SIZE + body;
    return size < ARCI_RECORD_MAX ? (uint32_t)size : ARCI_RECORD_MAX;
}

static int check_size(const struct arci_entry *entry, struct arctic_error *error)
{
    const struct arci_record *record = &entry->record;
    bool has_routes = record->kind == ARCI_RECORD_SERVICE && !record->deleted;
    size_t limit = BODY_MAX + (has_routes ? entry->content.service.routes.count * ROUTE_MAX : 0);
    size_t size = entry->size - ENVELOPE_SIZE;
    if (size <= limit)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "body",
                     "the body of %s record %s has %zu bytes, %zu are the limit",
                     arci_record_kind_name(record->kind), record->id.text, size, limit);
}

static int digest(struct arci_entry *entry, struct arctic_error *error)
{
    const struct arci_record *record = &entry->record;
    char text[256];
    int length = snprintf(text, sizeof text, "%s %s %" PRIu64 " %s", arci_record_kind_name(record->kind),
                          record->id.text, record->version, record->signature);
    int code = arci_record_place(record, entry->place, error);
    return code < 0 ? code : arci_sha256(text, (size_t)length, entry->hash, error);
}

/* Of a record of this size and more the routes are nearly all. */
#define PACK_FROM 8192

/* Takes the record over. NULL when memory runs out. */
static struct arci_entry *make_entry(struct arci_record *record)
{
    struct arci_entry *entry = calloc(1, sizeof *entry);
    if (!entry) {
        arci_record_release(record);
        return NULL;
    }
    entry->references = 1;
    entry->record = *record;
    memset(record, 0, sizeof *record);
    entry->size = size_of(&entry->record);
    return entry;
}

int arci_entry_create(struct arci_record *record, struct arci_entry **ret_entry, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_entry_cleanup) struct arci_entry *entry = make_entry(record);
    if (!entry)
        return arci_fail_memory(error);
    int code = parse_content(entry, error);
    if (code >= 0)
        code = check_size(entry, error);
    if (code >= 0)
        code = digest(entry, error);
    if (code < 0)
        return code;
    if (entry->record.kind == ARCI_RECORD_SERVICE && entry->size >= PACK_FROM)
        arci_record_pack(&entry->record);
    *ret_entry = arci_steal(entry);
    return ARCTIC_OK;
}

int arci_entry_create_of_service(struct arci_record *record, struct arci_service *service,
                                 struct arci_entry **ret_entry, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_entry_cleanup) struct arci_entry *entry = make_entry(record);
    if (!entry) {
        arci_service_release(service);
        return arci_fail_memory(error);
    }
    entry->content.service = *service;
    memset(service, 0, sizeof *service);
    int code = check_size(entry, error);
    if (code >= 0)
        code = digest(entry, error);
    if (code >= 0)
        *ret_entry = arci_steal(entry);
    return code;
}
