/* Pings and pongs: what they say of the sender. */
#include "agent/peer-word.h"

#include <string.h>

#include "agent/catch-up.h"
#include "agent/cluster-sync.h"
#include "agent/peer-links.h"
#include "base/base64.h"
#include "base/time.h"
#include "crypto/digest.h"

json_t *arci_peer_word_make(struct arctic_agent *agent, const char *type, json_int_t id)
{
    return json_pack("{s:s, s:I, s:s}", "type", type, "id", id, "registry_hash",
                     arci_registry_digest(agent->registry));
}

/* An older agent's ping has none. */
static const char *read_digest(const json_t *message)
{
    const char *text = json_string_value(json_object_get(message, "registry_hash"));
    uint8_t hash[ARCI_SHA256_SIZE];
    return text && arci_base64_decode_exact(text, hash, sizeof hash) ? text : NULL;
}

void arci_peer_word_take(struct arci_agent_peer *peer, const json_t *message)
{
    const char *digest = read_digest(message);
    peer->live.last_seen_at = arci_time_now();
    if (digest)
        snprintf(peer->digest, sizeof peer->digest, "%s", digest);
    arci_catch_up_hear(peer->agent, peer);
}

void arci_peer_word_link_ended(struct arctic_agent *agent, const struct arctic_id *peer_id)
{
    struct arci_agent_peer *peer = arci_peers_find(agent, peer_id);
    if (!peer || arci_peers_reachable(peer))
        return;
    peer->digest[0] = '\0';
    arci_cluster_sync_lost(agent, peer_id);
}

bool arci_peer_word_agrees(const struct arci_agent_peer *peer)
{
    return peer->digest[0] && arci_peers_reachable(peer) &&
           strcmp(peer->digest, arci_registry_digest(peer->agent->registry)) == 0;
}
