/* Signed records and their forms on the wire and in the store. */
#include "cluster/record.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

/* Domain separation: a signature over a record is good for nothing else. */
#define SIGNING_CONTEXT "arctic-record-v1"

static const struct {
    const char *name;
    int32_t id_kind;
} kinds[] = {
    [ARCI_RECORD_PEER] = {"peer", ARCTIC_ID_PEER},
    [ARCI_RECORD_SERVICE] = {"service", ARCTIC_ID_SERVICE},
    [ARCI_RECORD_CREDENTIAL] = {"credential", ARCTIC_ID_CLIENT},
    [ARCI_RECORD_REVOCATION] = {"revocation", ARCTIC_ID_REVOCATION},
};

#define KIND_COUNT (sizeof kinds / sizeof kinds[0])

const char *arci_record_kind_name(enum arci_record_kind kind)
{
    return kinds[kind].name;
}

void arci_record_release(struct arci_record *record)
{
    json_decref(record->body);
    free(record->packed);
    memset(record, 0, sizeof *record);
}

struct arci_record arci_record_ref(const struct arci_record *record)
{
    assert(record->body);
    json_incref(record->body);
    return *record;
}

void arci_record_pack(struct arci_record *record)
{
    char *text = record->body ? arci_json_canonical(record->body) : NULL;
    if (!text)
        return;
    json_decref(record->body);
    record->body = NULL;
    record->packed = text;
}

json_t *arci_record_body(const struct arci_record *record)
{
    json_t *body = NULL;
    if (record->body)
        return json_incref(record->body);
    /* The text was made from a value: it can not be wrong. */
    return arci_json_parse(record->packed, strlen(record->packed), &body, NULL) >= 0 ? body : NULL;
}

/* The canonical text of the body; *ret_made owns it where it had to be made. NULL when memory runs out. */
static const char *body_text(const struct arci_record *record, char **ret_made)
{
    if (record->packed)
        return record->packed;
    return *ret_made = arci_json_canonical(record->body);
}

/*
 * The canonical text of a record, in which members stand in the order of their names: with its signature, which is the wire form, or
 * without, which is what is signed.
 */
static void append_members(const struct arci_record *record, bool with_signature, struct arci_buffer *text)
{
    ARCI_FREE char *made = NULL;
    const char *body = body_text(record, &made);
    if (!body) {
        text->failed = true;
        return;
    }
    arci_buffer_text(text, "{\"body\":");
    arci_buffer_text(text, body);
    arci_buffer_format(text, ",\"deleted\":%s,\"id\":\"%s\",\"kind\":\"%s\",\"owner\":\"%s\",",
                       record->deleted ? "true" : "false", record->id.text, kinds[record->kind].name,
                       record->owner.text);
    if (with_signature)
        arci_buffer_format(text, "\"signature\":\"%s\",", record->signature);
    arci_buffer_format(text, "\"updated_at\":%" PRId64 ",\"version\":%" PRIu64 "}", record->updated_at,
                       record->version);
}

int arci_record_sign(struct arci_record *record, const struct arci_identity *identity,
                     struct arctic_error *error)
{
    ARCI_BUFFER text = {0};
    append_members(record, false, &text);
    if (text.failed)
        return arci_fail_memory(error);
    return arci_sign_text(identity, SIGNING_CONTEXT, text.data, text.length, record->signature, error);
}

int arci_record_verify(const struct arci_record *record, const uint8_t owner_key[ARCI_KEY_SIZE],
                       struct arctic_error *error)
{
    ARCI_BUFFER text = {0};
    append_members(record, false, &text);
    if (text.failed)
        return arci_fail_memory(error);
    int code = arci_verify_text(owner_key, SIGNING_CONTEXT, text.data, text.length, record->signature, error);
    if (code < 0)
        return arci_fail_within(error, code, "%s record %s", kinds[record->kind].name, record->id.text);
    return ARCTIC_OK;
}

void arci_record_text_append(const struct arci_record *record, struct arci_buffer *text)
{
    append_members(record, true, text);
}

json_t *arci_record_to_json(const struct arci_record *record)
{
    json_t *body = arci_record_body(record);
    if (!body)
        return NULL;
    return json_pack("{s:s, s:s, s:s, s:I, s:b, s:I, s:o, s:s}", "kind", kinds[record->kind].name, "id",
                     record->id.text, "owner", record->owner.text, "version", (json_int_t)record->version,
                     "deleted", record->deleted, "updated_at", (json_int_t)record->updated_at, "body", body,
                     "signature", record->signature);
}

static int parse_kind(const char *name, enum arci_record_kind *ret_kind, struct arctic_error *error)
{
    for (size_t i = 0; i < KIND_COUNT; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *ret_kind = (enum arci_record_kind)i;
            return ARCTIC_OK;
        }
    }
    return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "kind", "'%.20s' is no kind of record", name);
}

/* Ids stand here in their one canonical form: what is signed must be what was sent. */
static int parse_id(const char *name, const char *text, int32_t kind, struct arctic_id *ret_id,
                    struct arctic_error *error)
{
    int code = arctic_id_parse(kind, text, ret_id, error);
    if (code >= 0 && strcmp(text, ret_id->text) != 0)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, name, "'%.60s' is not in canonical form", text);
    return code;
}

int arci_record_name_parse(const char *kind, const char *id, enum arci_record_kind *ret_kind,
                           struct arctic_id *ret_id, struct arctic_error *error)
{
    int code = parse_kind(kind, ret_kind, error);
    return code < 0 ? code : parse_id("id", id, kinds[*ret_kind].id_kind, ret_id, error);
}

const char *arci_record_subject(const struct arci_record *record)
{
    if (record->kind != ARCI_RECORD_REVOCATION)
        return "";
    const char *key = json_string_value(json_object_get(record->body, "public_key"));
    return key ? key : "";
}

int arci_record_place(const struct arci_record *record, uint8_t ret_place[ARCI_SHA256_SIZE],
                      struct arctic_error *error)
{
    ARCI_BUFFER text = {0};
    arci_buffer_text(&text, kinds[record->kind].name);
    arci_buffer_text(&text, " ");
    arci_buffer_text(&text, record->id.text);
    arci_buffer_text(&text, " ");
    arci_buffer_text(&text, record->owner.text);
    arci_buffer_text(&text, " ");
    arci_buffer_text(&text, arci_record_subject(record));
    return text.failed ? arci_fail_memory(error) : arci_sha256(text.data, text.length, ret_place, error);
}

static int read_identity(const json_t *object, struct arci_record *record, struct arctic_error *error)
{
    const char *kind = NULL;
    const char *id = NULL;
    const char *owner = NULL;
    int code = arci_json_text(object, "kind", true, &kind, error);
    if (code >= 0)
        code = arci_json_text(object, "id", true, &id, error);
    if (code >= 0)
        code = arci_record_name_parse(kind, id, &record->kind, &record->id, error);
    if (code >= 0)
        code = arci_json_text(object, "owner", true, &owner, error);
    if (code >= 0)
        code = parse_id("owner", owner, ARCTIC_ID_PEER, &record->owner, error);
    if (code >= 0 && record->kind == ARCI_RECORD_PEER && !arctic_id_equal(&record->id, &record->owner))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "owner", "a peer's record belongs to that peer");
    return code;
}

static int read_content(const json_t *object, struct arci_record *record, struct arctic_error *error)
{
    int64_t version = 0;
    const json_t *body = NULL;
    int code = arci_json_integer(object, "version", true, 1, INT64_MAX, &version, error);
    if (code >= 0)
        code = arci_json_boolean(object, "deleted", true, &record->deleted, error);
    if (code >= 0)
        code = arci_json_integer(object, "updated_at", true, 0, INT64_MAX, &record->updated_at, error);
    if (code >= 0)
        code = arci_json_copy_text(object, "signature", true, record->signature, sizeof record->signature,
                                   error);
    if (code >= 0)
        code = arci_json_object(object, "body", true, &body, error);
    if (code < 0)
        return code;
    record->version = (uint64_t)version;
    record->body = json_incref((json_t *)body);
    return ARCTIC_OK;
}

int arci_record_from_json(const json_t *object, struct arci_record *ret_record, struct arctic_error *error)
{
    static const char *const members[] = {"kind",       "id",   "owner",     "version", "deleted",
                                          "updated_at", "body", "signature", NULL};
    struct arci_record record = {0};
    int code = arci_json_check_members(object, members, error);
    if (code >= 0)
        code = read_identity(object, &record, error);
    if (code >= 0)
        code = read_content(object, &record, error);
    if (code < 0)
        return code;
    *ret_record = record;
    return ARCTIC_OK;
}

static struct arci_stored_record stored_form(const struct arci_record *record, const char *body)
{
    return (struct arci_stored_record){
        .kind = kinds[record->kind].name,
        .id = record->id.text,
        .owner = record->owner.text,
        .subject = arci_record_subject(record),
        .version = record->version,
        .deleted = record->deleted,
        .updated_at = record->updated_at,
        .body = body,
        .signature = record->signature,
    };
}

int arci_record_store(const struct arci_record *record, struct arci_store *store, struct arctic_error *error)
{
    ARCI_FREE char *made = NULL;
    const struct arci_stored_record stored = stored_form(record, body_text(record, &made));
    return stored.body ? arci_store_put_record(store, &stored, error) : arci_fail_memory(error);
}

int arci_record_store_over(const struct arci_record *record, uint64_t former_version,
                           struct arci_store *store, struct arctic_error *error)
{
    ARCI_FREE char *made = NULL;
    const struct arci_stored_record stored = stored_form(record, body_text(record, &made));
    return stored.body ? arci_store_replace_record(store, &stored, former_version, error)
                       : arci_fail_memory(error);
}

int arci_record_unstore(const struct arci_record *record, struct arci_store *store,
                        struct arctic_error *error)
{
    const struct arci_stored_record stored = stored_form(record, NULL);
    return arci_store_delete_record(store, &stored, error);
}

int arci_record_from_stored(const struct arci_stored_record *stored, struct arci_record *ret_record,
                            struct arctic_error *error)
{
    json_t *body = NULL;
    int code = arci_json_parse(stored->body, strlen(stored->body), &body, error);
    if (code < 0)
        return arci_fail_within(error, ARCTIC_E_CORRUPT, "stored %s record %s", stored->kind, stored->id);
    ARCI_JSON *object =
        json_pack("{s:s, s:s, s:s, s:I, s:b, s:I, s:o, s:s}", "kind", stored->kind, "id", stored->id, "owner",
                  stored->owner, "version", (json_int_t)stored->version, "deleted", stored->deleted,
                  "updated_at", (json_int_t)stored->updated_at, "body", body, "signature", stored->signature);
    if (!object)
        return arci_fail_memory(error);
    code = arci_record_from_json(object, ret_record, error);
    if (code < 0)
        return arci_fail_within(error, ARCTIC_E_CORRUPT, "stored %s record %s", stored->kind, stored->id);
    return ARCTIC_OK;
}

bool arci_record_supersedes(const struct arci_record *a, const struct arci_record *b)
{
    if (a->kind == ARCI_RECORD_PEER && a->deleted != b->deleted)
        return a->deleted;
    if (a->version != b->version)
        return a->version > b->version;
    return strcmp(a->signature, b->signature) > 0;
}
