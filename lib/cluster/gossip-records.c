/* Gossip: records asked for, given, and taken. */
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cluster/gossip-internal.h"

/* --- Asking --- */

static struct arci_gossip_want *find_want(struct arci_gossip *gossip, const uint8_t place[ARCI_SHA256_SIZE])
{
    for (size_t i = 0; i < gossip->want_count; i++) {
        if (memcmp(gossip->wants[i].place, place, ARCI_SHA256_SIZE) == 0)
            return &gossip->wants[i];
    }
    return NULL;
}

static void drop_want(struct arci_gossip *gossip, struct arci_gossip_want *want)
{
    *want = gossip->wants[--gossip->want_count];
}

void arci_gossip_forget_wants(struct arci_gossip *gossip, const struct arctic_id *peer_id)
{
    for (size_t i = gossip->want_count; i > 0; i--) {
        if (arctic_id_equal(&gossip->wants[i - 1].peer_id, peer_id))
            drop_want(gossip, &gossip->wants[i - 1]);
    }
}

/* Notes that a peer is being asked; false where another one was a moment ago, or too much is under way. */
static bool note_want(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                      const struct arci_summary *summary, int64_t now)
{
    struct arci_gossip_want *want = find_want(gossip, summary->place);
    if (want && want->until > now)
        return false;
    if (!want) {
        if (gossip->want_count == ARCI_GOSSIP_WANTS_MAX)
            return false;
        want = &gossip->wants[gossip->want_count++];
    }
    memcpy(want->place, summary->place, sizeof want->place);
    want->peer_id = *peer_id;
    want->until = now + ARCI_GOSSIP_WANT_MS + summary->size / ARCI_GOSSIP_SLOW_PATH;
    return true;
}

static void forget_old_wants(struct arci_gossip *gossip, int64_t now)
{
    for (size_t i = gossip->want_count; i > 0; i--) {
        if (gossip->wants[i - 1].until <= now)
            drop_want(gossip, &gossip->wants[i - 1]);
    }
}

void arci_gossip_want(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                      const struct arci_summary *summaries, size_t count, int64_t now)
{
    ARCI_JSON *items = json_array();
    if (!gossip->wants)
        gossip->wants = calloc(ARCI_GOSSIP_WANTS_MAX, sizeof gossip->wants[0]);
    if (!gossip->wants || !items)
        return; /* the next round asks */
    forget_old_wants(gossip, now);
    for (size_t i = 0; i < count; i++) {
        if (!note_want(gossip, peer_id, &summaries[i], now))
            continue;
        json_t *name = json_pack("[s, s]", arci_record_kind_name(summaries[i].kind), summaries[i].id.text);
        if (json_array_append_new(items, name) < 0)
            return;
    }
    if (json_array_size(items) > 0)
        arci_gossip_send(gossip, peer_id, json_pack("{s:s, s:O}", "type", "want", "items", items));
}

/* --- Giving --- */

/* Records on their way into messages. */
struct parcel {
    struct arci_gossip *gossip;
    const struct arctic_id *peer_id;
    json_t *records;
    size_t size;
};

static void send_parcel(struct parcel *parcel)
{
    if (json_array_size(parcel->records) > 0)
        arci_gossip_send(parcel->gossip, parcel->peer_id,
                         json_pack("{s:s, s:o}", "type", "records", "records", parcel->records));
    else
        json_decref(parcel->records);
    parcel->records = NULL;
    parcel->size = 0;
}

static int put(struct parcel *parcel, const struct arci_entry *entry, struct arctic_error *error)
{
    size_t size = arci_summary_of(entry).size;
    if (parcel->records && parcel->size + size > ARCI_GOSSIP_RECORDS_SIZE)
        send_parcel(parcel);
    if (!parcel->records)
        parcel->records = json_array();
    parcel->size += size;
    if (json_array_append_new(parcel->records, arci_record_to_json(&entry->record)) < 0)
        return arci_fail_memory(error);
    return ARCTIC_OK;
}

/* The record of who has revoked may count no more, and so be unknown where its signature has to be checked. */
static int give(struct parcel *parcel, const struct arci_entry *entry, struct arctic_error *error)
{
    const struct arci_registry *registry = parcel->gossip->options.registry;
    int code = ARCTIC_OK;
    if (entry->record.kind == ARCI_RECORD_REVOCATION) {
        const struct arci_entry *owner =
            arci_registry_find_any(registry, ARCI_RECORD_PEER, &entry->record.owner);
        code = owner ? put(parcel, owner, error) : ARCTIC_OK;
    }
    return code < 0 ? code : put(parcel, entry, error);
}

static int read_name(const json_t *array, enum arci_record_kind *ret_kind, struct arctic_id *ret_id,
                     struct arctic_error *error)
{
    const char *kind = json_string_value(json_array_get(array, 0));
    const char *id = json_string_value(json_array_get(array, 1));
    if (!kind || !id || arci_record_name_parse(kind, id, ret_kind, ret_id, NULL) < 0)
        return arci_fail(error, ARCTIC_E_PROTOCOL, "items", "a record is asked for as [kind, id]");
    return ARCTIC_OK;
}

/* Those of a kind, so that peers go before what they own. */
static int give_kind(struct parcel *parcel, const json_t *items, enum arci_record_kind wanted,
                     struct arctic_error *error)
{
    size_t index;
    json_t *item;
    json_array_foreach(items, index, item)
    {
        enum arci_record_kind kind;
        struct arctic_id id;
        int code = read_name(item, &kind, &id, error);
        const struct arci_entry *entry =
            code >= 0 && kind == wanted ? arci_registry_find_any(parcel->gossip->options.registry, kind, &id)
                                        : NULL;
        if (entry)
            code = give(parcel, entry, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

int arci_gossip_take_want(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *message,
                          struct arctic_error *error)
{
    const json_t *items = json_object_get(message, "items");
    struct parcel parcel = {.gossip = gossip, .peer_id = peer_id};
    int code = ARCTIC_OK;
    if (!json_is_array(items) || json_array_size(items) > ARCI_GOSSIP_WANTS_MAX)
        return arci_fail(error, ARCTIC_E_PROTOCOL, "items", "items must be a list of at most %d records",
                         ARCI_GOSSIP_WANTS_MAX);
    for (int kind = ARCI_RECORD_PEER; kind <= ARCI_RECORD_REVOCATION && code >= 0; kind++)
        code = give_kind(&parcel, items, (enum arci_record_kind)kind, error);
    if (code >= 0)
        send_parcel(&parcel);
    else
        json_decref(parcel.records);
    return code;
}

json_t *arci_gossip_records_message(const struct arci_entry *const *entries, size_t count)
{
    ARCI_JSON *records = json_array();
    size_t room = ARCI_GOSSIP_RECORDS_SIZE;
    for (size_t i = 0; i < count; i++) {
        size_t size = arci_summary_of(entries[i]).size;
        if (size > room)
            continue;
        if (json_array_append_new(records, arci_record_to_json(&entries[i]->record)) < 0)
            return NULL;
        room -= size;
    }
    return json_array_size(records) > 0 ? json_pack("{s:s, s:O}", "type", "records", "records", records)
                                        : NULL;
}

/* --- Taking --- */

static int bring_in(struct arci_gossip *gossip, const struct arci_record *record, bool *ret_changed,
                    struct arctic_error *error)
{
    struct arci_registry *registry = gossip->options.registry;
    if (arctic_id_equal(&record->owner, &registry->local_id))
        return arci_registry_recover(registry, record, ret_changed, error);
    return arci_registry_merge(registry, record, ret_changed, error);
}

static int take_one(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *object,
                    struct arctic_error *error)
{
    struct arci_record record = {0};
    bool changed = false;
    int code = arci_record_from_json(object, &record, error);
    if (code >= 0)
        code = bring_in(gossip, &record, &changed, error);
    if (changed) {
        const struct arci_entry *entry =
            arci_registry_find_any(gossip->options.registry, record.kind, &record.id);
        struct arci_gossip_want *want = gossip->wants ? find_want(gossip, entry->place) : NULL;
        if (want)
            drop_want(gossip, want);
        /* What this host has made of it, such as a new tombstone, is news to the one that it came from, too. */
        const bool as_it_came = entry->record.version == record.version;
        arci_gossip_make_hot(gossip, entry, as_it_came ? peer_id : &(const struct arctic_id){{0}});
        gossip->options.changed(gossip->options.context, entry);
    }
    arci_record_release(&record);
    return code;
}

int arci_gossip_take_records(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                             const json_t *message, struct arctic_error *error)
{
    const json_t *records = json_object_get(message, "records");
    size_t index;
    json_t *object;
    if (!json_is_array(records) || json_array_size(records) > ARCI_GOSSIP_RECORDS_MAX)
        return arci_fail(error, ARCTIC_E_PROTOCOL, "records", "records must be a list of at most %d records",
                         ARCI_GOSSIP_RECORDS_MAX);
    json_array_foreach(records, index, object)
    {
        /* One that is bad says nothing of the others; one whose owner is not known yet comes again. */
        int code = take_one(gossip, peer_id, object, error);
        if (code < 0 && code != ARCTIC_E_NOT_FOUND)
            arci_gossip_refuse(gossip, peer_id, error);
    }
    return ARCTIC_OK;
}
