/* Known peers: what is observed of each, in memory and in the store. */
#include "agent/peers/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/carry/carry.h"
#include "agent/license/license.h"
#include "agent/peers/cluster-id.h"
#include "agent/peers/gossiping.h"
#include "agent/peers/membership.h"
#include "agent/services/reconcile.h"
#include "base/address.h"
#include "base/error.h"
#include "base/time.h"

/* Index of the peer, or where it would stand. */
static size_t find_place(const struct arctic_agent *agent, const struct arctic_id *id, bool *ret_found)
{
    size_t low = 0;
    size_t high = agent->peer_count;
    *ret_found = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(agent->peers[middle]->id.text, id->text);
        *ret_found = *ret_found || order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct arci_agent_peer *arci_peers_find(const struct arctic_agent *agent, const struct arctic_id *id)
{
    bool found;
    size_t place = find_place(agent, id, &found);
    return found ? agent->peers[place] : NULL;
}

/* Room is made here too, so that placing cannot fail. */
static int make_peer(struct arctic_agent *agent, const struct arctic_id *id,
                     struct arci_agent_peer **ret_peer, struct arctic_error *error)
{
    if (agent->peer_count == agent->peer_capacity) {
        size_t capacity = agent->peer_capacity ? agent->peer_capacity * 2 : 16;
        struct arci_agent_peer **peers = reallocarray(agent->peers, capacity, sizeof *peers);
        if (!peers)
            return arci_fail_memory(error);
        agent->peers = peers;
        agent->peer_capacity = capacity;
    }
    struct arci_agent_peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return arci_fail_memory(error);
    peer->agent = agent;
    peer->id = *id;
    peer->retry_delay = ARCI_PEER_RETRY_FIRST_MS;
    *ret_peer = peer;
    return ARCTIC_OK;
}

static struct arci_agent_peer *place_peer(struct arci_agent_peer *peer)
{
    struct arctic_agent *agent = peer->agent;
    bool found;
    size_t place = find_place(agent, &peer->id, &found);
    memmove(agent->peers + place + 1, agent->peers + place, (agent->peer_count - place) * sizeof(void *));
    agent->peers[place] = peer;
    agent->peer_count++;
    return peer;
}

static int load_peer(void *context, const char *key, const char *value, struct arctic_error *error)
{
    struct arctic_agent *agent = context;
    struct arctic_id id;
    struct arci_peer_live live = {0};
    struct arci_agent_peer *peer = NULL;
    json_t *parsed = NULL;
    int code = arctic_id_parse(ARCTIC_ID_PEER, key, &id, error);
    if (code >= 0)
        code = arci_json_parse(value, strlen(value), &parsed, error);
    ARCI_JSON *object = parsed;
    if (code >= 0)
        code = arci_peer_live_from_record(object, &live, error);
    if (code < 0)
        return arci_fail_within(error, ARCTIC_E_CORRUPT, "stored note on peer %s", key);
    live.state = ARCI_PEER_UNREACHABLE; /* until its link is there again */
    live.rtt_us = -1;
    code = make_peer(agent, &id, &peer, error);
    if (code >= 0)
        place_peer(peer)->live = live;
    return code;
}

int arci_peers_load(struct arctic_agent *agent, struct arctic_error *error)
{
    return arci_store_each_note(agent->store, "peer", load_peer, agent, error);
}

int arci_peers_check_room(struct arctic_agent *agent, const struct arctic_id *id, struct arctic_error *error)
{
    int64_t limit = agent->license->max_nodes;
    if (arci_registry_find(agent->registry, ARCI_RECORD_PEER, id) ||
        (int64_t)arci_registry_count_members(agent->registry) < limit)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_NODE_LIMIT_EXCEEDED, NULL,
                     "the licence allows %lld node%s and they are all there: install a "
                     "larger one: arctic license update --license-file FILE",
                     (long long)limit, limit == 1 ? "" : "s");
}

/* The endpoint that answered goes first; the others keep their order, the last one falls out when all places are taken. */
static void put_endpoint_first(struct arci_peer_live *live, const struct arctic_endpoint *endpoint)
{
    size_t place = 0;
    while (place < live->endpoint_count && !arci_endpoint_equal(&live->endpoints[place], endpoint))
        place++;
    if (place == live->endpoint_count && live->endpoint_count < ARCI_PEER_ENDPOINTS_MAX)
        live->endpoint_count++;
    if (place == ARCI_PEER_ENDPOINTS_MAX)
        place--;
    memmove(live->endpoints + 1, live->endpoints, place * sizeof live->endpoints[0]);
    live->endpoints[0] = *endpoint;
}

/* What one handshake changes on disk: all of it or nothing. */
struct admission {
    struct arctic_agent *agent;
    const struct arci_handshake_remote *remote;
    struct arci_peer_live live;
    bool record_changed;
};

static int store_live(struct arctic_agent *agent, const struct arctic_id *id,
                      const struct arci_peer_live *live, struct arctic_error *error)
{
    ARCI_JSON *object = arci_peer_live_to_record(live);
    ARCI_FREE char *text = object ? arci_json_canonical(object) : NULL;
    if (!text)
        return arci_fail_memory(error);
    return arci_store_put_note(agent->store, "peer", id->text, text, error);
}

static int write_admission(void *context, struct arctic_error *error)
{
    struct admission *admission = context;
    const struct arci_handshake_remote *remote = admission->remote;
    int code = arci_registry_merge(admission->agent->registry, &remote->peer_record,
                                   &admission->record_changed, error);
    return code < 0 ? code : store_live(admission->agent, &remote->peer.id, &admission->live, error);
}

static int store_admission(struct admission *admission, const struct arci_entry *known,
                           struct arctic_error *error)
{
    struct arctic_agent *agent = admission->agent;
    const struct arci_entry *former = known ? arci_entry_ref(known) : NULL;
    int code = arci_store_transaction(agent->store, write_admission, admission, error);
    if (code < 0)
        arci_registry_restore(agent->registry, ARCI_RECORD_PEER, &admission->remote->peer.id, former);
    arci_entry_unref(former);
    return code;
}

/* A peer that comes back with nothing new needs no room on the disk: when it was seen and where is noted the next time. */
static bool is_news(const struct admission *admission, const struct arci_agent_peer *peer,
                    const struct arci_entry *known)
{
    return !peer || !known || arci_record_supersedes(&admission->remote->peer_record, &known->record);
}

static void bring_up_to_date(struct arci_peer_live *live, const struct arci_handshake_remote *remote,
                             const struct arctic_endpoint *endpoint, const char *api_address)
{
    put_endpoint_first(live, endpoint);
    live->last_seen_at = arci_time_now();
    if (api_address[0]) {
        snprintf(live->address, sizeof live->address, "%s", api_address);
    } else if (!live->address[0]) {
        struct arctic_endpoint api = {endpoint->address, remote->peer.api_port};
        arctic_endpoint_format(&api, live->address);
    }
}

static int check_key(const struct arci_entry *known, const struct arci_handshake_remote *remote,
                     struct arctic_error *error)
{
    if (known->record.deleted)
        return arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL,
                         "peer %s has left the cluster: bootstrap that agent anew", remote->peer.id.text);
    if (memcmp(known->content.peer.public_key, remote->peer.public_key, ARCI_KEY_SIZE) == 0)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL,
                     "peer %s is known with another key than this one: it is not the agent it claims to be",
                     remote->peer.id.text);
}

/*
 * An old licence file lets nobody in any more, as it would not pass at a bootstrap. Members go on to prove who they are with theirs; to who
 * joins they are strangers, and name the licence that holds.
 */
static int check_newcomer(struct arctic_agent *agent, const struct arci_handshake_remote *remote,
                          struct arctic_error *error)
{
    if (remote->license_state < ARCTIC_LICENSE_READ_ONLY ||
        arci_license_told_state(agent, remote->peer.license) < ARCTIC_LICENSE_READ_ONLY)
        return ARCTIC_OK;
    return arci_fail(
        error, ARCTIC_E_LICENSE_EXPIRED, NULL,
        "peer %s is no member, and the licence that it would join with has expired: bootstrap it with "
        "the cluster's present one",
        remote->peer.id.text);
}

int arci_peers_admit(struct arctic_agent *agent, const struct arci_handshake_remote *remote,
                     const struct arctic_endpoint *endpoint, const char *api_address,
                     struct arci_agent_peer **ret_peer, struct arctic_error *error)
{
    const struct arctic_id *id = &remote->peer.id;
    struct arci_agent_peer *peer = arci_peers_find(agent, id);
    ARCI_FREE struct arci_agent_peer *made = NULL;
    int code = arci_membership_check(agent, id, remote->peer.public_key, error);
    if (code < 0)
        return code;
    /* Before the nodes are counted: it may bring the licence that has room for it. */
    arci_license_hear(agent, remote->peer.license);
    const struct arci_entry *known = arci_registry_find_any(agent->registry, ARCI_RECORD_PEER, id);
    struct admission admission = {
        .agent = agent,
        .remote = remote,
        .live = peer ? peer->live : (struct arci_peer_live){.rtt_us = -1},
    };
    bool moved = !peer || !arci_endpoint_equal(&peer->live.endpoints[0], endpoint);
    bring_up_to_date(&admission.live, remote, endpoint, api_address);
    code = known ? check_key(known, remote, error) : check_newcomer(agent, remote, error);
    if (code >= 0)
        code = arci_peers_check_room(agent, id, error);
    if (code >= 0 && !peer)
        code = make_peer(agent, id, &made, error);
    if (code < 0)
        return code;
    bool news = is_news(&admission, peer, known);
    code = store_admission(&admission, known, error);
    if (code < 0 && news)
        return code;
    if (!peer)
        peer = place_peer(arci_steal(made));
    peer->live = admission.live;
    if (admission.record_changed) {
        arci_carry_note_change(agent, ARCI_RECORD_PEER, id);
        arci_cluster_id_settle(agent);
    }
    if (admission.record_changed || moved)
        arci_reconcile_request(agent);
    *ret_peer = peer;
    return ARCTIC_OK;
}

static void free_peer(struct arci_agent_peer *peer)
{
    json_decref(peer->service_states);
    free(peer);
}

void arci_peers_drop(struct arctic_agent *agent, const struct arctic_id *id, bool flush)
{
    bool found;
    struct arctic_error error;
    size_t place = find_place(agent, id, &found);
    if (!found)
        return;
    struct arci_agent_peer *peer = agent->peers[place];
    if (arci_store_put_note(agent->store, "peer", id->text, NULL, &error) < 0)
        arci_log_error(agent->log, "store", "the note on a peer that is gone stays until the next start",
                       ARCI_TEXT("peer_id", id->text), ARCI_ERROR(&error));
    arci_dial_cancel(peer->dial);
    if (peer->link && flush)
        arci_link_finish(peer->link);
    else
        arci_link_close(peer->link);
    const struct arci_link *link = peer->link;
    arci_gossiping_forget(agent, id);
    free_peer(peer);
    agent->peer_count--;
    memmove(agent->peers + place, agent->peers + place + 1, (agent->peer_count - place) * sizeof(void *));
    if (link)
        arci_carry_link_ended(agent, link);
}

static int write_notes(void *context, struct arctic_error *error)
{
    struct arctic_agent *agent = context;
    for (size_t i = 0; i < agent->peer_count; i++) {
        int code = store_live(agent, &agent->peers[i]->id, &agent->peers[i]->live, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

int arci_peers_note(struct arctic_agent *agent, struct arctic_error *error)
{
    return agent->peer_count > 0 ? arci_store_transaction(agent->store, write_notes, agent, error)
                                 : ARCTIC_OK;
}

void arci_peers_free(struct arctic_agent *agent)
{
    for (size_t i = 0; i < agent->peer_count; i++)
        free_peer(agent->peers[i]);
    free(agent->peers);
    agent->peers = NULL;
    agent->peer_count = 0;
}
