/* Gossip: whom to speak to, rounds and rumours. */
#include "cluster/gossip-internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sorted.h"
#include "cluster/handshake.h"

int arci_gossip_create(const struct arci_gossip_options *options, struct arci_gossip **ret_gossip,
                       struct arctic_error *error)
{
    struct arci_gossip *gossip = calloc(1, sizeof *gossip);
    if (!gossip)
        return arci_fail_memory(error);
    gossip->options = *options;
    gossip->random = options->seed;
    *ret_gossip = gossip;
    return ARCTIC_OK;
}

static void forget_rumours(struct arci_gossip *gossip)
{
    for (size_t i = 0; i < gossip->hot_count; i++)
        arci_entry_unref(gossip->hot[i].entry);
    gossip->hot_count = 0;
}

void arci_gossip_free(struct arci_gossip *gossip)
{
    if (!gossip)
        return;
    forget_rumours(gossip);
    free(gossip->peers);
    free(gossip->wants);
    free(gossip);
}

/* splitmix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014): repeatable, and good enough to choose. */
size_t arci_gossip_random(struct arci_gossip *gossip, size_t limit)
{
    uint64_t value = gossip->random += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return (size_t)((value ^ value >> 31) % limit);
}

/* --- Peers --- */

/* Index of a peer, or where it would stand. */
static size_t place_of_peer(const struct arci_gossip *gossip, const struct arctic_id *peer_id,
                            bool *ret_found)
{
    return arci_sorted_place(gossip->peers, gossip->peer_count, sizeof *gossip->peers, peer_id, ret_found);
}

struct arci_gossip_peer *arci_gossip_find_peer(struct arci_gossip *gossip, const struct arctic_id *peer_id)
{
    bool found;
    size_t place = place_of_peer(gossip, peer_id, &found);
    return found ? &gossip->peers[place] : NULL;
}

int arci_gossip_connect(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                        struct arctic_error *error)
{
    bool found;
    size_t place = place_of_peer(gossip, peer_id, &found);
    if (found)
        return ARCTIC_OK;
    if (gossip->peer_count == gossip->peer_capacity) {
        size_t capacity = gossip->peer_capacity ? gossip->peer_capacity * 2 : 16;
        struct arci_gossip_peer *peers = reallocarray(gossip->peers, capacity, sizeof *peers);
        if (!peers)
            return arci_fail_memory(error);
        gossip->peers = peers;
        gossip->peer_capacity = capacity;
    }
    memmove(gossip->peers + place + 1, gossip->peers + place,
            (gossip->peer_count - place) * sizeof gossip->peers[0]);
    gossip->peers[place] = (struct arci_gossip_peer){.id = *peer_id};
    gossip->peer_count++;
    return ARCTIC_OK;
}

void arci_gossip_disconnect(struct arci_gossip *gossip, const struct arctic_id *peer_id)
{
    bool found;
    size_t place = place_of_peer(gossip, peer_id, &found);
    if (!found)
        return;
    arci_gossip_forget_wants(gossip, peer_id);
    gossip->peer_count--;
    memmove(gossip->peers + place, gossip->peers + place + 1,
            (gossip->peer_count - place) * sizeof gossip->peers[0]);
}

/* Of `wanted` peers, at most ARCI_GOSSIP_TOLD_MAX, or of all where there are fewer. */
struct choice {
    size_t count;
    size_t indexes[ARCI_GOSSIP_TOLD_MAX];
};

static bool is_chosen(const struct choice *choice, size_t index)
{
    for (size_t i = 0; i < choice->count; i++) {
        if (choice->indexes[i] == index)
            return true;
    }
    return false;
}

/* Floyd's sample (Bentley, Floyd: "A Sample of Brilliance", 1987): each set of peers is as likely as any other. */
static struct choice choose(struct arci_gossip *gossip, size_t wanted)
{
    struct choice choice = {0};
    const size_t all = gossip->peer_count;
    for (size_t i = all > wanted ? all - wanted : 0; i < all; i++) {
        size_t drawn = arci_gossip_random(gossip, i + 1);
        choice.indexes[choice.count] = is_chosen(&choice, drawn) ? i : drawn;
        choice.count++;
    }
    return choice;
}

/* --- Rounds --- */

void arci_gossip_tick(struct arci_gossip *gossip)
{
    const struct choice choice = choose(gossip, ARCI_GOSSIP_FANOUT);
    for (size_t i = 0; i < choice.count; i++)
        arci_gossip_send_digest(gossip, &gossip->peers[choice.indexes[i]].id);
}

void arci_gossip_compare(struct arci_gossip *gossip, const struct arctic_id *peer_id)
{
    arci_gossip_send_digest(gossip, peer_id);
}

/* --- Messages --- */

typedef int (*message_taker)(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                             const json_t *message, int64_t now, struct arctic_error *error);

static const struct {
    const char *name;
    message_taker take;
} types[ARCI_GOSSIP_TYPES] = {
    [ARCI_GOSSIP_DIGEST] = {"digest", arci_gossip_take_digest},
    [ARCI_GOSSIP_NODES] = {"nodes", arci_gossip_take_nodes},
    [ARCI_GOSSIP_ITEMS] = {"items", arci_gossip_take_items},
    [ARCI_GOSSIP_WANT] = {"want", arci_gossip_take_want},
    [ARCI_GOSSIP_RECORDS] = {"records", arci_gossip_take_records},
};

/* ARCI_GOSSIP_TYPES for a message that is none of gossip's. */
static unsigned type_of(const json_t *message)
{
    const char *name = arci_message_type(message);
    unsigned type = 0;
    while (type < ARCI_GOSSIP_TYPES && strcmp(types[type].name, name) != 0)
        type++;
    return type;
}

const char *arci_gossip_type_name(enum arci_gossip_type type)
{
    return types[type].name;
}

const struct arci_gossip_counts *arci_gossip_counts(const struct arci_gossip *gossip)
{
    return &gossip->counts;
}

bool arci_gossip_receive(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *message,
                         int64_t now)
{
    const unsigned type = type_of(message);
    struct arctic_error error;
    if (type == ARCI_GOSSIP_TYPES)
        return false;
    gossip->counts.received[type]++;
    if (types[type].take(gossip, peer_id, message, now, &error) < 0)
        arci_gossip_refuse(gossip, peer_id, &error);
    return true;
}

void arci_gossip_send(struct arci_gossip *gossip, const struct arctic_id *peer_id, json_t *message)
{
    ARCI_JSON *taken = message;
    if (!taken)
        return;
    gossip->counts.sent[type_of(taken)]++;
    gossip->options.send(gossip->options.context, peer_id, taken);
}

void arci_gossip_send_text(struct arci_gossip *gossip, enum arci_gossip_type type,
                           const struct arctic_id *peer_id, const char *text, size_t length)
{
    gossip->counts.sent[type]++;
    gossip->options.send_text(gossip->options.context, peer_id, text, length);
}

void arci_gossip_refuse(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                        const struct arctic_error *error)
{
    if (gossip->options.refused)
        gossip->options.refused(gossip->options.context, peer_id, error);
}

/* --- Rumours --- */

void arci_gossip_make_hot(struct arci_gossip *gossip, const struct arci_entry *entry,
                          const struct arctic_id *heard_from)
{
    if (gossip->hot_count == ARCI_GOSSIP_HOT_MAX)
        return;
    gossip->hot[gossip->hot_count++] = (struct arci_gossip_rumour){arci_entry_ref(entry), *heard_from};
}

static bool add_rumour(const struct arci_entry *entry, json_t *records, json_t *items)
{
    const struct arci_summary summary = arci_summary_of(entry);
    if (summary.size <= ARCI_GOSSIP_SMALL_RECORD)
        return json_array_append_new(records, arci_record_to_json(&entry->record)) == 0;
    return json_array_append_new(items, arci_summary_to_json(&summary)) == 0;
}

static void tell(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                 const struct arci_gossip_rumour *rumours, size_t count)
{
    ARCI_JSON *records = json_array();
    ARCI_JSON *items = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct arci_gossip_rumour *rumour = &rumours[i];
        if (!arctic_id_equal(&rumour->heard_from, peer_id) && !add_rumour(rumour->entry, records, items))
            return; /* no memory: a round will tell */
    }
    if (json_array_size(records) > 0)
        arci_gossip_send(gossip, peer_id, json_pack("{s:s, s:O}", "type", "records", "records", records));
    if (json_array_size(items) > 0)
        arci_gossip_send(gossip, peer_id, json_pack("{s:s, s:O}", "type", "items", "items", items));
}

void arci_gossip_announce(struct arci_gossip *gossip, const struct arci_entry *entry)
{
    const struct arci_gossip_rumour rumour = {.entry = entry};
    const struct choice choice = choose(gossip, ARCI_GOSSIP_TOLD_MAX);
    for (size_t i = 0; i < choice.count; i++)
        tell(gossip, &gossip->peers[choice.indexes[i]].id, &rumour, 1);
}

void arci_gossip_flush(struct arci_gossip *gossip)
{
    const struct choice choice = choose(gossip, gossip->hot_count > 0 ? ARCI_GOSSIP_RUMOUR_FANOUT : 0);
    for (size_t i = 0; i < choice.count; i++)
        tell(gossip, &gossip->peers[choice.indexes[i]].id, gossip->hot, gossip->hot_count);
    forget_rumours(gossip);
}
