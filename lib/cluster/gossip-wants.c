/*
 * Gossip: which records have been asked for, of whom, and for how long nobody else is. A peer that does not deliver, or tells of records
 * that do not exist, delays what it alone has told of: others are asked for what they tell otherwise, and there is room for them.
 */
#include <stdlib.h>
#include <string.h>

#include "cluster/gossip-internal.h"

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

static void forget_old_wants(struct arci_gossip *gossip, int64_t now)
{
    for (size_t i = gossip->want_count; i > 0; i--) {
        if (gossip->wants[i - 1].until <= now)
            drop_want(gossip, &gossip->wants[i - 1]);
    }
}

/* --- Asking --- */

/* What a peer has been asked for and has not sent. */
struct open_wants {
    size_t count;
    size_t bytes;
};

static bool is_open(const struct arci_gossip_want *want, const struct arctic_id *peer_id)
{
    return !want->came && arctic_id_equal(&want->peer_id, peer_id);
}

static struct open_wants count_open(const struct arci_gossip *gossip, const struct arctic_id *peer_id)
{
    struct open_wants open = {0};
    for (size_t i = 0; i < gossip->want_count; i++) {
        if (is_open(&gossip->wants[i], peer_id)) {
            open.count++;
            open.bytes += gossip->wants[i].size;
        }
    }
    return open;
}

static bool is_asked_for(const struct arci_gossip *gossip, const struct arci_summary *summary)
{
    for (size_t i = 0; i < gossip->want_count; i++) {
        const struct arci_gossip_want *want = &gossip->wants[i];
        if (memcmp(want->hash, summary->hash, sizeof want->hash) == 0 &&
            memcmp(want->place, summary->place, sizeof want->place) == 0 && want->size == summary->size)
            return true;
    }
    return false;
}

static bool has_room(const struct arci_gossip *gossip, const struct open_wants *open, uint32_t size)
{
    const size_t bulk = gossip->options.bulk ? gossip->options.bulk : ARCI_GOSSIP_BULK;
    return gossip->want_count < ARCI_GOSSIP_WANTS_MAX && open->count < ARCI_GOSSIP_PEER_WANTS_MAX &&
           (open->count == 0 || open->bytes + size <= bulk);
}

static void note_want(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                      const struct arci_summary *summary, struct open_wants *open)
{
    struct arci_gossip_want *want = &gossip->wants[gossip->want_count++];
    *want = (struct arci_gossip_want){.size = summary->size, .peer_id = *peer_id};
    memcpy(want->place, summary->place, sizeof want->place);
    memcpy(want->hash, summary->hash, sizeof want->hash);
    open->count++;
    open->bytes += summary->size;
}

/* What is awaited next: the record alone, or a message of several. */
static int64_t patience(const struct arci_gossip_want *want, size_t bytes)
{
    const size_t next = want->size > ARCI_GOSSIP_RECORDS_SIZE ? want->size : ARCI_GOSSIP_RECORDS_SIZE;
    if (bytes <= ARCI_GOSSIP_SMALL_RECORD)
        return ARCI_GOSSIP_SMALL_WANT_MS;
    return ARCI_GOSSIP_WANT_MS + (int64_t)(bytes < next ? bytes : next) / ARCI_GOSSIP_SLOW_PATH;
}

/* Of the wants from the index `first` on, which are all of one peer. */
static void set_times(struct arci_gossip *gossip, size_t first, size_t bytes, int64_t now)
{
    for (size_t i = first; i < gossip->want_count; i++) {
        struct arci_gossip_want *want = &gossip->wants[i];
        want->until = now + patience(want, bytes);
        want->deadline = now + ARCI_GOSSIP_WANT_MS + (int64_t)bytes / ARCI_GOSSIP_SLOW_PATH;
    }
}

/* False when memory runs out. */
static bool ask_for(struct arci_gossip *gossip, struct arci_gossip_peer *peer,
                    const struct arci_summary *summary, struct open_wants *open, json_t *items)
{
    if (is_asked_for(gossip, summary))
        return true;
    if (!has_room(gossip, open, summary->size)) {
        peer->unfinished = true;
        return true;
    }
    json_t *name = json_pack("[s, s]", arci_record_kind_name(summary->kind), summary->id.text);
    if (json_array_append_new(items, name) < 0)
        return false;
    note_want(gossip, &peer->id, summary, open);
    return true;
}

/* Notes what is asked for, and puts its names into `items`: peers before what they own. False when memory runs out. */
static bool collect(struct arci_gossip *gossip, struct arci_gossip_peer *peer,
                    const struct arci_summary *summaries, size_t count, struct open_wants *open,
                    json_t *items)
{
    for (int owned = 0; owned < 2; owned++) {
        for (size_t i = 0; i < count; i++) {
            if ((summaries[i].kind != ARCI_RECORD_PEER) == owned &&
                !ask_for(gossip, peer, &summaries[i], open, items))
                return false;
        }
    }
    return true;
}

void arci_gossip_want(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                      const struct arci_summary *summaries, size_t count, int64_t now)
{
    ARCI_JSON *items = json_array();
    struct arci_gossip_peer *peer = arci_gossip_find_peer(gossip, peer_id);
    if (!gossip->wants)
        gossip->wants = calloc(ARCI_GOSSIP_WANTS_MAX, sizeof gossip->wants[0]);
    if (!gossip->wants || !items || !peer)
        return; /* the next round asks */
    forget_old_wants(gossip, now);
    const size_t first = gossip->want_count;
    struct open_wants open = count_open(gossip, peer_id);
    const bool complete = collect(gossip, peer, summaries, count, &open, items);
    set_times(gossip, first, open.bytes, now);
    if (!complete) {
        gossip->want_count = first;
        return;
    }
    if (json_array_size(items) == 0)
        return;
    peer->fruitful = false;
    arci_gossip_send(gossip, peer_id, json_pack("{s:s, s:O}", "type", "want", "items", items));
}

void arci_gossip_want_owner(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                            const struct arctic_id *owner, int64_t now)
{
    struct arci_summary summary = {.kind = ARCI_RECORD_PEER, .id = *owner, .size = ARCI_GOSSIP_OWNER_SIZE};
    struct arci_gossip_peer *peer = arci_gossip_find_peer(gossip, peer_id);
    const struct arci_record record = {.kind = ARCI_RECORD_PEER, .id = *owner, .owner = *owner};
    if (!peer || arci_record_place(&record, summary.place, NULL) < 0)
        return;
    arci_gossip_want(gossip, peer_id, &summary, 1, now);
    peer->unfinished = true;
}

/* --- What comes --- */

static bool is_of(const struct arci_gossip_want *want, const uint8_t place[ARCI_SHA256_SIZE])
{
    return memcmp(want->place, place, ARCI_SHA256_SIZE) == 0;
}

/* What is known now is not waited for any more, whoever was asked. */
static bool is_settled(const struct arci_gossip_want *want, const struct arci_entry *entry)
{
    return entry && memcmp(want->hash, entry->hash, sizeof want->hash) == 0;
}

static void keep_refused(struct arci_gossip_want *want, int code, int64_t now)
{
    want->came = true;
    if (code == ARCTIC_E_LIMIT || code == ARCTIC_E_INVALID_REQUEST)
        want->until = now + ARCI_GOSSIP_REFUSED_MS;
}

void arci_gossip_settle_want(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                             const struct arci_record *record, const struct arci_entry *entry, int code,
                             int64_t now)
{
    uint8_t place[ARCI_SHA256_SIZE];
    if (gossip->want_count == 0 || arci_record_place(record, place, NULL) < 0)
        return;
    for (size_t i = gossip->want_count; i > 0; i--) {
        struct arci_gossip_want *want = &gossip->wants[i - 1];
        if (!is_of(want, place))
            continue;
        const bool theirs = arctic_id_equal(&want->peer_id, peer_id);
        if (is_settled(want, entry) || (theirs && (code >= 0 || code == ARCTIC_E_NOT_FOUND)))
            drop_want(gossip, want);
        else if (theirs)
            keep_refused(want, code, now);
    }
}

static void extend(struct arci_gossip_want *want, int64_t now)
{
    int64_t until = now + patience(want, SIZE_MAX);
    if (until > want->deadline)
        until = want->deadline;
    if (until > want->until)
        want->until = until;
}

void arci_gossip_end_of_records(struct arci_gossip *gossip, const struct arctic_id *peer_id, int64_t now)
{
    struct arci_gossip_peer *peer = arci_gossip_find_peer(gossip, peer_id);
    for (size_t i = 0; i < gossip->want_count; i++) {
        if (is_open(&gossip->wants[i], peer_id))
            extend(&gossip->wants[i], now);
    }
    /* News are asked for: a peer that sends what is none is not compared with for ever. */
    if (!peer || !peer->unfinished || !peer->fruitful || count_open(gossip, peer_id).count > 0)
        return;
    peer->unfinished = peer->fruitful = false;
    arci_gossip_send_digest(gossip, peer_id);
}
