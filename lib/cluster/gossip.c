/* Gossip: whom to speak to, rounds and rumours. */
#include "cluster/gossip-internal.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cluster/handshake.h"

static int report(struct arci_gossip *gossip, const struct arctic_id *peer_id, int code,
                  const struct arctic_error *error)
{
    if (code < 0)
        arci_gossip_refuse(gossip, peer_id, error);
    return code;
}

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
static size_t random_below(struct arci_gossip *gossip, size_t limit)
{
    uint64_t value = gossip->random += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return (size_t)((value ^ value >> 31) % limit);
}

/* --- Peers --- */

static size_t find_peer(const struct arci_gossip *gossip, const struct arctic_id *peer_id)
{
    size_t at = 0;
    while (at < gossip->peer_count && !arctic_id_equal(&gossip->peers[at], peer_id))
        at++;
    return at;
}

int arci_gossip_connect(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                        struct arctic_error *error)
{
    if (find_peer(gossip, peer_id) < gossip->peer_count)
        return ARCTIC_OK;
    if (gossip->peer_count == gossip->peer_capacity) {
        size_t capacity = gossip->peer_capacity ? gossip->peer_capacity * 2 : 16;
        struct arctic_id *peers = reallocarray(gossip->peers, capacity, sizeof *peers);
        if (!peers)
            return arci_fail_memory(error);
        gossip->peers = peers;
        gossip->peer_capacity = capacity;
    }
    gossip->peers[gossip->peer_count++] = *peer_id;
    return ARCTIC_OK;
}

void arci_gossip_disconnect(struct arci_gossip *gossip, const struct arctic_id *peer_id)
{
    size_t at = find_peer(gossip, peer_id);
    if (at == gossip->peer_count)
        return;
    gossip->peers[at] = gossip->peers[--gossip->peer_count];
    arci_gossip_forget_wants(gossip, peer_id);
}

/* Brings `count` peers, chosen at random, to the front, or all where there are fewer. Returns how many. */
static size_t choose(struct arci_gossip *gossip, size_t count)
{
    if (count > gossip->peer_count)
        count = gossip->peer_count;
    for (size_t i = 0; i < count; i++) {
        size_t other = i + random_below(gossip, gossip->peer_count - i);
        const struct arctic_id chosen = gossip->peers[other];
        gossip->peers[other] = gossip->peers[i];
        gossip->peers[i] = chosen;
    }
    return count;
}

/* --- Rounds --- */

void arci_gossip_tick(struct arci_gossip *gossip, int64_t now)
{
    size_t count = choose(gossip, ARCI_GOSSIP_FANOUT);
    (void)now;
    for (size_t i = 0; i < count; i++)
        arci_gossip_send_digest(gossip, &gossip->peers[i]);
}

void arci_gossip_compare(struct arci_gossip *gossip, const struct arctic_id *peer_id)
{
    arci_gossip_send_digest(gossip, peer_id);
}

bool arci_gossip_receive(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *message,
                         int64_t now)
{
    const char *type = arci_message_type(message);
    struct arctic_error error;
    int code;
    if (strcmp(type, "digest") == 0)
        code = arci_gossip_take_digest(gossip, peer_id, message, &error);
    else if (strcmp(type, "nodes") == 0)
        code = arci_gossip_take_nodes(gossip, peer_id, message, &error);
    else if (strcmp(type, "items") == 0)
        code = arci_gossip_take_items(gossip, peer_id, message, now, &error);
    else if (strcmp(type, "want") == 0)
        code = arci_gossip_take_want(gossip, peer_id, message, &error);
    else if (strcmp(type, "records") == 0)
        code = arci_gossip_take_records(gossip, peer_id, message, &error);
    else
        return false;
    report(gossip, peer_id, code, &error);
    return true;
}

void arci_gossip_send(struct arci_gossip *gossip, const struct arctic_id *peer_id, json_t *message)
{
    ARCI_JSON *taken = message;
    if (taken)
        gossip->options.send(gossip->options.context, peer_id, taken);
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
    size_t count = choose(gossip, ARCI_GOSSIP_TOLD_MAX);
    for (size_t i = 0; i < count; i++)
        tell(gossip, &gossip->peers[i], &rumour, 1);
}

void arci_gossip_flush(struct arci_gossip *gossip)
{
    size_t count = gossip->hot_count > 0 ? choose(gossip, ARCI_GOSSIP_RUMOUR_FANOUT) : 0;
    for (size_t i = 0; i < count; i++)
        tell(gossip, &gossip->peers[i], gossip->hot, gossip->hot_count);
    forget_rumours(gossip);
}
