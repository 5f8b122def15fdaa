/* Pings and pongs: what they say of the sender. */
#include "agent/peers/peer-word.h"

#include <string.h>

#include "agent/peers/catch-up.h"
#include "agent/peers/cluster-sync.h"
#include "agent/peers/peer-links.h"
#include "base/base64.h"
#include "base/time.h"
#include "crypto/digest.h"

/* The year 10000. */
#define TIME_END_MS INT64_C(253402300800000)

static json_t *counts_json(const uint32_t counts[ARCI_RECORD_KINDS])
{
    ARCI_JSON *object = json_object();
    for (int kind = 0; kind < ARCI_RECORD_KINDS; kind++) {
        if (json_object_set_new(object, arci_record_kind_name((enum arci_record_kind)kind),
                                json_integer(counts[kind])) < 0)
            return NULL;
    }
    return arci_steal(object);
}

/* Many pings go out between two changes. */
json_t *arci_peer_word_own_records(struct arctic_agent *agent)
{
    struct arci_counted *counted = &agent->counted;
    const char *digest = arci_registry_digest(agent->registry);
    if (!digest[0] || strcmp(counted->digest, digest) != 0) {
        snprintf(counted->digest, sizeof counted->digest, "%s", digest);
        arci_registry_count_compared(agent->registry, counted->records);
    }
    return counts_json(counted->records);
}

json_t *arci_peer_word_make(struct arctic_agent *agent, const char *type, json_int_t id)
{
    return json_pack("{s:s, s:I, s:s, s:o, s:I}", "type", type, "id", id, "registry_hash",
                     arci_registry_digest(agent->registry), "records", arci_peer_word_own_records(agent),
                     "time", (json_int_t)arci_time_now());
}

/* An older agent's ping has none. */
static const char *read_digest(const json_t *message)
{
    const char *text = json_string_value(json_object_get(message, "registry_hash"));
    uint8_t hash[ARCI_SHA256_SIZE];
    return text && arci_base64_decode_exact(text, hash, sizeof hash) ? text : NULL;
}

static bool read_counts(const json_t *message, uint32_t ret_counts[ARCI_RECORD_KINDS])
{
    const json_t *object = json_object_get(message, "records");
    for (int kind = 0; kind < ARCI_RECORD_KINDS; kind++) {
        const json_t *count = json_object_get(object, arci_record_kind_name((enum arci_record_kind)kind));
        if (!json_is_integer(count) || json_integer_value(count) < 0 ||
            json_integer_value(count) > UINT32_MAX)
            return false;
        ret_counts[kind] = (uint32_t)json_integer_value(count);
    }
    return true;
}

static void take_digest(struct arci_agent_peer *peer, const char *digest)
{
    snprintf(peer->digest, sizeof peer->digest, "%s", digest);
    if (peer->heard_at == 0)
        peer->heard_at = peer->live.last_seen_at;
    if (arci_peer_word_agrees(peer))
        peer->agreed_at = peer->live.last_seen_at;
}

/* What is dated too far ahead is not taken, and nobody looks for that at the clock. */
static void tell_clock(const struct arci_agent_peer *peer, bool differed)
{
    int64_t ahead = 0;
    (void)arci_clock_offset_ahead(&peer->clock, &ahead);
    if (peer->clock.differs && !differed)
        arci_log_warn(
            peer->agent->log, "gossip",
            "the clock of a peer differs from this host's: records that are dated more than a minute ahead "
            "are not taken, set the one that is wrong",
            ARCI_TEXT("peer_id", peer->id.text), ARCI_INT("ahead_ms", ahead));
    else if (!peer->clock.differs && differed)
        arci_log_info(peer->agent->log, "gossip", "the clock of a peer is that of this host again",
                      ARCI_TEXT("peer_id", peer->id.text));
}

/* What comes unasked says less of the clock than the answers do that come where there is a link of this agent's own. */
static void take_clock(struct arci_agent_peer *peer, const json_t *message, int64_t round_trip_us)
{
    const json_t *time = json_object_get(message, "time");
    const bool differed = peer->clock.differs;
    if (!json_is_integer(time) || json_integer_value(time) < 0 || json_integer_value(time) >= TIME_END_MS)
        return;
    int64_t round_trip = round_trip_us < 0 ? -1 : round_trip_us / 1000 + 1;
    if (round_trip < 0 && peer->link)
        return;
    arci_clock_offset_take(&peer->clock, json_integer_value(time), peer->live.last_seen_at, round_trip);
    tell_clock(peer, differed);
}

void arci_peer_word_take(struct arci_agent_peer *peer, const json_t *message, int64_t round_trip_us)
{
    const char *digest = read_digest(message);
    peer->live.last_seen_at = arci_time_now();
    take_clock(peer, message, round_trip_us);
    if (digest)
        take_digest(peer, digest);
    peer->counts_known = read_counts(message, peer->counts);
    arci_catch_up_hear(peer->agent, peer);
}

void arci_peer_word_link_ended(struct arctic_agent *agent, const struct arctic_id *peer_id)
{
    struct arci_agent_peer *peer = arci_peers_find(agent, peer_id);
    if (!peer || arci_peers_reachable(peer))
        return;
    peer->digest[0] = '\0';
    peer->counts_known = false;
    arci_clock_offset_forget(&peer->clock);
    peer->agreed_at = peer->heard_at = 0;
    arci_cluster_sync_lost(agent, peer_id);
}

bool arci_peer_word_agrees(const struct arci_agent_peer *peer)
{
    return peer->digest[0] && arci_peers_reachable(peer) &&
           strcmp(peer->digest, arci_registry_digest(peer->agent->registry)) == 0;
}

int64_t arci_peer_word_differs_since(const struct arci_agent_peer *peer)
{
    if (!peer->digest[0] || !arci_peers_reachable(peer) || arci_peer_word_agrees(peer))
        return 0;
    return peer->agreed_at ? peer->agreed_at : peer->heard_at;
}

json_t *arci_peer_word_records(const struct arci_agent_peer *peer)
{
    return peer->counts_known ? counts_json(peer->counts) : NULL;
}
