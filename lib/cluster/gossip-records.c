/* Gossip: records given and taken. */
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "cluster/gossip-internal.h"

/* --- Giving --- */

/* Records on their way into messages. */
struct parcel {
    struct arci_gossip *gossip;
    const struct arctic_id *peer_id;
    json_t *records;
    size_t size;
    size_t total;  /* in all messages */
    bool full;     /* what is left is asked for again */
    json_t *given; /* a set of the ids of what was asked for so far */
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

/* A message of its own, whose text is there: to make values of it and text of these would take a hundred times as long. */
static int send_alone(struct parcel *parcel, const struct arci_entry *entry, struct arctic_error *error)
{
    ARCI_BUFFER text = {0};
    arci_buffer_text(&text, "{\"records\":[");
    arci_record_text_append(&entry->record, &text);
    arci_buffer_text(&text, "],\"type\":\"records\"}");
    if (text.failed)
        return arci_fail_memory(error);
    arci_gossip_send_text(parcel->gossip, ARCI_GOSSIP_RECORDS, parcel->peer_id, (const char *)text.data,
                          text.length);
    return ARCTIC_OK;
}

static int put(struct parcel *parcel, const struct arci_entry *entry, struct arctic_error *error)
{
    const size_t size = entry->size;
    parcel->full = parcel->full || (parcel->total > 0 && parcel->total + size > ARCI_GOSSIP_ANSWER_MAX);
    if (parcel->full)
        return ARCTIC_OK;
    parcel->total += size;
    if (parcel->records && parcel->size + size > ARCI_GOSSIP_RECORDS_SIZE)
        send_parcel(parcel);
    if (size > ARCI_GOSSIP_RECORDS_SIZE && entry->record.packed && parcel->gossip->options.send_text)
        return send_alone(parcel, entry, error);
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

/* Of whomever: an id that two have signed records under is two records. */
static int give_all_of(struct parcel *parcel, enum arci_record_kind kind, const struct arctic_id *id,
                       struct arctic_error *error)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    int code = ARCTIC_OK;
    while (code >= 0 &&
           (entry = arci_registry_next_of_id(parcel->gossip->options.registry, kind, id, &cursor)))
        code = give(parcel, entry, error);
    return code;
}

/* Who asks for a record over and over in one message gets it once, and keeps nobody waiting. */
static int give_once(struct parcel *parcel, enum arci_record_kind kind, const struct arctic_id *id,
                     struct arctic_error *error)
{
    if (json_object_get(parcel->given, id->text))
        return ARCTIC_OK;
    if (json_object_set_new(parcel->given, id->text, json_true()) < 0)
        return arci_fail_memory(error);
    return give_all_of(parcel, kind, id, error);
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
        if (code >= 0 && kind == wanted)
            code = give_once(parcel, kind, &id, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

int arci_gossip_take_want(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *message,
                          int64_t now, struct arctic_error *error)
{
    const json_t *items = json_object_get(message, "items");
    ARCI_JSON *given = json_object();
    struct parcel parcel = {.gossip = gossip, .peer_id = peer_id, .given = given};
    int code = ARCTIC_OK;
    (void)now;
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

static void follow_news(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                        const struct arci_record *record, const struct arci_entry *entry)
{
    struct arci_gossip_peer *peer = arci_gossip_find_peer(gossip, peer_id);
    /* What this host has made of it, such as a new tombstone, is news to the one that it came from, too. */
    const bool as_it_came = entry->record.version == record->version;
    if (peer)
        peer->fruitful = true;
    gossip->counts.records_taken++;
    arci_gossip_make_hot(gossip, entry, as_it_came ? peer_id : &(const struct arctic_id){{0}});
    gossip->options.changed(gossip->options.context, entry);
}

/* What follows from a record that has come, and from what became of it. */
static void follow_record(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                          const struct arci_record *record, bool changed, int code, int64_t now)
{
    const struct arci_entry *entry = NULL;
    (void)arci_registry_find_version(gossip->options.registry, record, &entry, NULL);
    arci_gossip_settle_want(gossip, peer_id, record, entry, code, now);
    if (changed && entry)
        follow_news(gossip, peer_id, record, entry);
    if (code == ARCTIC_E_NOT_FOUND)
        arci_gossip_want_owner(gossip, peer_id, &record->owner, now);
}

static int take_one(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *object,
                    int64_t now, struct arctic_error *error)
{
    struct arci_record record = {0};
    bool changed = false;
    int code = arci_record_from_json(object, &record, error);
    if (code < 0)
        return code;
    code = bring_in(gossip, &record, &changed, error);
    follow_record(gossip, peer_id, &record, changed, code, now);
    arci_record_release(&record);
    return code;
}

/* One that is bad says nothing of the others; one whose owner is not known yet comes again. */
static void count_refused(struct arci_gossip *gossip, const struct arctic_id *peer_id, int code,
                          const struct arctic_error *error)
{
    if (code >= 0 || code == ARCTIC_E_NOT_FOUND)
        return;
    gossip->counts.records_refused++;
    arci_gossip_refuse(gossip, peer_id, error);
}

int arci_gossip_take_records(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                             const json_t *message, int64_t now, struct arctic_error *error)
{
    const json_t *records = json_object_get(message, "records");
    size_t index;
    json_t *object;
    if (!json_is_array(records) || json_array_size(records) > ARCI_GOSSIP_RECORDS_MAX)
        return arci_fail(error, ARCTIC_E_PROTOCOL, "records", "records must be a list of at most %d records",
                         ARCI_GOSSIP_RECORDS_MAX);
    json_array_foreach(records, index, object)
    {
        int code = take_one(gossip, peer_id, object, now, error);
        count_refused(gossip, peer_id, code, error);
    }
    arci_gossip_end_of_records(gossip, peer_id, now);
    return ARCTIC_OK;
}

void arci_gossip_took(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                      const struct arci_record *record, bool changed, int code,
                      const struct arctic_error *error, int64_t now)
{
    gossip->counts.received[ARCI_GOSSIP_RECORDS]++;
    follow_record(gossip, peer_id, record, changed, code, now);
    count_refused(gossip, peer_id, code, error);
    arci_gossip_end_of_records(gossip, peer_id, now);
}
