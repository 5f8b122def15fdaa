/* Summaries of records. */
#include "cluster/summary.h"

#include <string.h>

#include "base/base64.h"
#include "base/error.h"

#define MEMBERS 7

struct arci_summary arci_summary_of(const struct arci_entry *entry)
{
    struct arci_summary summary = {.kind = entry->record.kind,
                                   .id = entry->record.id,
                                   .version = entry->record.version,
                                   .deleted = entry->record.deleted,
                                   .size = entry->size};
    memcpy(summary.place, entry->place, sizeof summary.place);
    memcpy(summary.hash, entry->hash, sizeof summary.hash);
    return summary;
}

json_t *arci_summary_to_json(const struct arci_summary *summary)
{
    char hash[ARCI_BASE64_TEXT(ARCI_SHA256_SIZE)];
    char place[ARCI_BASE64_TEXT(ARCI_SHA256_SIZE)];
    return json_pack("[s, s, s, I, b, s, I]", arci_record_kind_name(summary->kind), summary->id.text,
                     arci_base64_encode(summary->place, sizeof summary->place, place),
                     (json_int_t)summary->version, summary->deleted,
                     arci_base64_encode(summary->hash, sizeof summary->hash, hash),
                     (json_int_t)summary->size);
}

static int fail_form(struct arctic_error *error)
{
    return arci_fail(error, ARCTIC_E_PROTOCOL, NULL,
                     "a summary of a record must be [kind, id, place, version, deleted, hash, size]");
}

int arci_summary_from_json(const json_t *array, struct arci_summary *ret_summary, struct arctic_error *error)
{
    struct arci_summary summary = {.version = 0};
    const json_t *version = json_array_get(array, 3);
    const json_t *deleted = json_array_get(array, 4);
    const json_t *size = json_array_get(array, 6);
    const char *kind = json_string_value(json_array_get(array, 0));
    const char *id = json_string_value(json_array_get(array, 1));
    const char *place = json_string_value(json_array_get(array, 2));
    const char *hash = json_string_value(json_array_get(array, 5));
    if (json_array_size(array) != MEMBERS || !kind || !id || !place || !hash || !json_is_integer(version) ||
        json_integer_value(version) < 1 || !json_is_boolean(deleted) || !json_is_integer(size) ||
        json_integer_value(size) < 0 || json_integer_value(size) > ARCI_RECORD_MAX ||
        !arci_base64_decode_exact(place, summary.place, sizeof summary.place) ||
        !arci_base64_decode_exact(hash, summary.hash, sizeof summary.hash) ||
        arci_record_name_parse(kind, id, &summary.kind, &summary.id, NULL) < 0)
        return fail_form(error);
    summary.version = (uint64_t)json_integer_value(version);
    summary.deleted = json_is_true(deleted);
    summary.size = (uint32_t)json_integer_value(size);
    *ret_summary = summary;
    return ARCTIC_OK;
}

enum arci_newer arci_summary_compare(const struct arci_summary *left, const struct arci_summary *right)
{
    if (memcmp(left->hash, right->hash, sizeof left->hash) == 0)
        return ARCI_NEWER_NEITHER;
    if (left->kind == ARCI_RECORD_PEER && left->deleted != right->deleted)
        return left->deleted ? ARCI_NEWER_LEFT : ARCI_NEWER_RIGHT;
    if (left->version != right->version)
        return left->version > right->version ? ARCI_NEWER_LEFT : ARCI_NEWER_RIGHT;
    return ARCI_NEWER_UNKNOWN;
}
