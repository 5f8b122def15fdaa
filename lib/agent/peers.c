/* Known peers and the control links to them. */
#include "agent/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/reconcile.h"
#include "base/address.h"
#include "base/error.h"
#include "base/time.h"

#define TICK_MS 500
#define CONNECT_TIMEOUT_MS 5000
#define PING_INTERVAL_MS 2000
#define PONG_TIMEOUT_MS 6000
#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS 10000
/* Records of one message; a service with many routes fills one alone. */
#define RECORDS_PER_MESSAGE 64

void arci_peers_self(struct arctic_agent *agent, struct arci_handshake_self *ret_self)
{
    *ret_self = (struct arci_handshake_self){
        .identity = agent->identity,
        .license = agent->license,
        .trust_roots = &agent->trust_roots,
        .peer_record = &arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id)->record,
        .cluster_id = &agent->cluster_id,
        .now = arci_time_now(),
    };
}

void arci_peers_link_options(struct arctic_agent *agent, struct arci_link_options *ret_options)
{
    *ret_options = (struct arci_link_options){
        .loop = &agent->loop,
        .tls = agent->tls,
        .socket_mark = agent->kernel ? arci_kernel_bypass_mark(agent->kernel) : 0,
        .message_limit = ARCI_HANDSHAKE_MESSAGE_MAX,
        .connect_timeout = CONNECT_TIMEOUT_MS,
    };
}

/* Index of the peer, or where it would stand. */
static size_t find_place(const struct arctic_agent *agent, const struct arctic_id *id, bool *ret_found)
{
    size_t place = 0;
    while (place < agent->peer_count && strcmp(agent->peers[place]->id.text, id->text) < 0)
        place++;
    *ret_found = place < agent->peer_count && arctic_id_equal(&agent->peers[place]->id, id);
    return place;
}

struct arci_agent_peer *arci_peers_find(struct arctic_agent *agent, const struct arctic_id *id)
{
    bool found;
    size_t place = find_place(agent, id, &found);
    return found ? agent->peers[place] : NULL;
}

static int add_peer(struct arctic_agent *agent, const struct arctic_id *id, const struct arci_peer_live *live,
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
    peer->live = *live;
    peer->retry_delay = RETRY_FIRST_MS;
    bool found;
    size_t place = find_place(agent, id, &found);
    memmove(agent->peers + place + 1, agent->peers + place, (agent->peer_count - place) * sizeof(void *));
    agent->peers[place] = peer;
    agent->peer_count++;
    *ret_peer = peer;
    return ARCTIC_OK;
}

static int load_peer(void *context, const char *key, const char *value, struct arctic_error *error)
{
    struct arctic_agent *agent = context;
    struct arctic_id id;
    struct arci_peer_live live = {0};
    struct arci_agent_peer *peer;
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
    return add_peer(agent, &id, &live, &peer, error);
}

int arci_peers_load(struct arctic_agent *agent, struct arctic_error *error)
{
    return arci_store_each_note(agent->store, "peer", load_peer, agent, error);
}

static int store_live(struct arctic_agent *agent, const struct arctic_id *id,
                      const struct arci_peer_live *live, struct arctic_error *error)
{
    ARCI_JSON *object = arci_peer_live_to_record(live);
    if (!object)
        return arci_fail_memory(error);
    ARCI_FREE char *text = arci_json_canonical(object);
    if (!text)
        return arci_fail_memory(error);
    return arci_store_put_note(agent->store, "peer", id->text, text, error);
}

int arci_peers_check_room(struct arctic_agent *agent, const struct arctic_id *id, struct arctic_error *error)
{
    int64_t limit = agent->license->max_nodes;
    if (arci_peers_find(agent, id) || (int64_t)agent->peer_count + 1 < limit)
        return ARCTIC_OK;
    return arci_fail(
        error, ARCTIC_E_NODE_LIMIT_EXCEEDED, NULL,
        "the licence allows %lld nodes and they are all there: remove a peer or get a larger licence",
        (long long)limit);
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

/* When two halves meet the smaller cluster id wins, on both sides. */
static int merge_cluster_id(struct arctic_agent *agent, const struct arctic_id *other,
                            struct arctic_error *error)
{
    if (strcmp(other->text, agent->cluster_id.text) >= 0)
        return ARCTIC_OK;
    int code = arci_store_put_note(agent->store, "agent", "cluster_id", other->text, error);
    if (code < 0)
        return code;
    arci_log_info(agent->log, "gossip", "joined an older cluster", ARCI_TEXT("cluster_id", other->text),
                  ARCI_TEXT("former_cluster_id", agent->cluster_id.text));
    agent->cluster_id = *other;
    return ARCTIC_OK;
}

int arci_peers_admit(struct arctic_agent *agent, const struct arci_handshake_remote *remote,
                     const struct arctic_endpoint *endpoint, const char *api_address,
                     struct arci_agent_peer **ret_peer, struct arctic_error *error)
{
    struct arci_agent_peer *peer = arci_peers_find(agent, &remote->peer.id);
    const struct arci_entry *known = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &remote->peer.id);
    struct arci_peer_live live = peer ? peer->live : (struct arci_peer_live){.rtt_us = -1};
    bool changed;
    if (known && memcmp(known->content.peer.public_key, remote->peer.public_key, ARCI_KEY_SIZE) != 0)
        return arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "peer %s is known with another key",
                         remote->peer.id.text);
    int code = arci_peers_check_room(agent, &remote->peer.id, error);
    if (code >= 0)
        code = arci_registry_merge(agent->registry, &remote->peer_record, remote->peer.public_key, &changed,
                                   error);
    if (code >= 0)
        code = merge_cluster_id(agent, &remote->cluster_id, error);
    if (code < 0)
        return code;
    changed = changed || !peer || !arci_endpoint_equal(&live.endpoints[0], endpoint);
    put_endpoint_first(&live, endpoint);
    if (api_address[0]) {
        snprintf(live.address, sizeof live.address, "%s", api_address);
    } else if (!live.address[0]) {
        struct arctic_endpoint api = {endpoint->address, remote->peer.api_port};
        arctic_endpoint_format(&api, live.address);
    }
    live.last_seen_at = arci_time_now();
    code = store_live(agent, &remote->peer.id, &live, error);
    if (code >= 0 && !peer)
        code = add_peer(agent, &remote->peer.id, &live, &peer, error);
    if (code < 0)
        return code;
    peer->live = live;
    if (changed)
        arci_reconcile_request(agent);
    *ret_peer = peer;
    return ARCTIC_OK;
}

static void schedule_retry(struct arci_agent_peer *peer)
{
    peer->retry_at = arci_time_monotonic() + peer->retry_delay;
    peer->retry_delay = peer->retry_delay * 2 > RETRY_LAST_MS ? RETRY_LAST_MS : peer->retry_delay * 2;
}

static void set_state(struct arci_agent_peer *peer, enum arci_peer_state state, const char *why)
{
    if (peer->live.state == state)
        return;
    peer->live.state = state;
    arci_log_info(peer->agent->log, "gossip", "peer changed state", ARCI_TEXT("peer_id", peer->id.text),
                  ARCI_TEXT("state", arci_peer_state_name(state)), ARCI_TEXT("reason", why));
    arci_reconcile_request(peer->agent);
}

/* Closes a link that is no good any more; it is NULL already where it has ended by itself. */
static void lose_link(struct arci_agent_peer *peer, const char *why)
{
    arci_link_close(peer->link);
    peer->link = NULL;
    schedule_retry(peer);
    set_state(peer, ARCI_PEER_UNREACHABLE, why);
}

static void send_or_drop(struct arci_agent_peer *peer, const json_t *message)
{
    struct arctic_error error;
    int code = message ? arci_link_send(peer->link, message, &error) : arci_fail_memory(&error);
    if (code >= 0)
        return;
    arci_log_warn(peer->agent->log, "gossip", "cannot send to peer, link dropped",
                  ARCI_TEXT("peer_id", peer->id.text), ARCI_ERROR(&error));
    lose_link(peer, error.message);
}

static void send_records(struct arci_agent_peer *peer, json_t *records)
{
    ARCI_JSON *message = json_pack("{s:s, s:O}", "type", "records", "records", records);
    send_or_drop(peer, message);
    json_array_clear(records);
}

/* Credentials are not shared this way: what a stolen link could show must not include hashes of secrets. */
static void send_all_records(struct arci_agent_peer *peer)
{
    ARCI_JSON *records = json_array();
    size_t cursor = 0;
    const struct arci_entry *entry;
    while (records && peer->link &&
           (entry = arci_registry_next_owned(peer->agent->registry, &peer->agent->local_id, &cursor))) {
        if (entry->record.kind == ARCI_RECORD_CREDENTIAL)
            continue;
        bool large = entry->record.kind == ARCI_RECORD_SERVICE && entry->content.service.routes.count > 1000;
        if ((large || json_array_size(records) >= RECORDS_PER_MESSAGE) && json_array_size(records) > 0)
            send_records(peer, records);
        if (peer->link)
            json_array_append_new(records, arci_record_to_json(&entry->record));
        if (large && peer->link)
            send_records(peer, records);
    }
    if (records && peer->link && json_array_size(records) > 0)
        send_records(peer, records);
}

void arci_peers_publish(struct arctic_agent *agent, enum arci_record_kind kind, const struct arctic_id *id)
{
    const struct arci_entry *entry = arci_registry_find_any(agent->registry, kind, id);
    if (!entry)
        return;
    for (size_t i = 0; i < agent->peer_count; i++) {
        if (!agent->peers[i]->link)
            continue;
        ARCI_JSON *records = json_pack("[o]", arci_record_to_json(&entry->record));
        if (records)
            send_records(agent->peers[i], records);
    }
}

/* --- The link that this agent holds. --------------------------------------------------------------------------------------- */

static void on_link_message(void *context, struct arci_link *link, const json_t *message)
{
    struct arci_agent_peer *peer = context;
    (void)link;
    if (strcmp(arci_message_type(message), "pong") != 0 || !peer->ping_sent_at)
        return;
    peer->live.rtt_us = (int64_t)(uv_hrtime() / 1000) - peer->ping_sent_at;
    peer->live.last_seen_at = arci_time_now();
    peer->ping_sent_at = 0;
}

static void on_link_closed(void *context, struct arci_link *link, const struct arctic_error *error)
{
    struct arci_agent_peer *peer = context;
    (void)link;
    peer->link = NULL;
    lose_link(peer, error->message);
}

static const struct arci_link_events link_events = {.on_message = on_link_message,
                                                    .on_closed = on_link_closed};

void arci_peers_set_link(struct arci_agent_peer *peer, struct arci_link *link)
{
    arci_dial_cancel(peer->dial);
    peer->dial = NULL;
    arci_link_close(peer->link);
    peer->link = link;
    peer->retry_delay = RETRY_FIRST_MS;
    peer->ping_sent_at = 0;
    peer->next_ping_at = 0;
    peer->met_at = arci_time_monotonic();
    arci_link_set_events(link, &link_events, peer);
    set_state(peer, ARCI_PEER_CONNECTED, "handshake done");
    send_all_records(peer);
}

/* A key belongs to one peer for good. */
static int check_same(const struct arci_agent_peer *peer, const struct arci_handshake_remote *remote,
                      struct arctic_error *error)
{
    if (arctic_id_equal(&peer->id, &remote->peer.id))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "the peer now calls itself %s",
                     remote->peer.id.text);
}

static void dial_self(void *context, struct arci_handshake_self *ret_self)
{
    struct arci_agent_peer *peer = context;
    arci_peers_self(peer->agent, ret_self);
}

static void dial_done(void *context, struct arci_link *link, const struct arci_handshake_remote *remote,
                      const struct arctic_error *error)
{
    struct arci_agent_peer *peer = context;
    struct arci_agent_peer *admitted;
    struct arctic_error problem;
    peer->dial = NULL;
    if (!link) {
        arci_log_debug(peer->agent->log, "gossip", "cannot reach peer", ARCI_TEXT("peer_id", peer->id.text),
                       ARCI_ERROR(error));
        schedule_retry(peer);
        set_state(peer, ARCI_PEER_UNREACHABLE, error->message);
        return;
    }
    int code = check_same(peer, remote, &problem);
    if (code >= 0)
        code = arci_peers_admit(peer->agent, remote, arci_link_remote(link), "", &admitted, &problem);
    if (code < 0) {
        arci_log_warn(peer->agent->log, "gossip", "peer not admitted", ARCI_TEXT("peer_id", peer->id.text),
                      ARCI_ERROR(&problem));
        arci_link_close(link);
        lose_link(peer, problem.message);
        return;
    }
    arci_peers_set_link(peer, link);
}

static void dial_peer(struct arci_agent_peer *peer)
{
    const struct arci_entry *entry = arci_registry_find(peer->agent->registry, ARCI_RECORD_PEER, &peer->id);
    if (!entry || peer->live.endpoint_count == 0)
        return;
    struct arci_dial_options options = {
        .endpoints = peer->live.endpoints,
        .endpoint_count = peer->live.endpoint_count,
        .expected_key = entry->content.peer.public_key,
        .suggested_name = "",
        .self = dial_self,
        .done = dial_done,
        .context = peer,
    };
    struct arctic_error error;
    arci_peers_link_options(peer->agent, &options.link);
    if (arci_dial_start(&options, &peer->dial, &error) < 0) {
        arci_log_error(peer->agent->log, "gossip", "cannot dial peer", ARCI_TEXT("peer_id", peer->id.text),
                       ARCI_ERROR(&error));
        schedule_retry(peer);
    }
}

/* A ping behind records that a slow path takes long to carry is answered late; the peer is there as long as they arrive. */
static bool makes_progress(struct arci_agent_peer *peer, int64_t now)
{
    uint64_t acknowledged = arci_link_acknowledged(peer->link);
    if (acknowledged == peer->acknowledged)
        return false;
    peer->acknowledged = acknowledged;
    peer->progress_at = now;
    return true;
}

static void ping_peer(struct arci_agent_peer *peer, int64_t now)
{
    if (peer->ping_sent_at && !makes_progress(peer, now) && now - peer->progress_at > PONG_TIMEOUT_MS) {
        lose_link(peer, "no answer to a ping");
        peer->retry_at = now;
        return;
    }
    if (peer->ping_sent_at || now < peer->next_ping_at)
        return;
    ARCI_JSON *message = json_pack("{s:s}", "type", "ping");
    peer->ping_sent_at = (int64_t)(uv_hrtime() / 1000);
    peer->next_ping_at = now + PING_INTERVAL_MS;
    peer->progress_at = now;
    peer->acknowledged = arci_link_acknowledged(peer->link);
    send_or_drop(peer, message);
}

static void on_tick(uv_timer_t *timer)
{
    struct arctic_agent *agent = timer->data;
    int64_t now = arci_time_monotonic();
    for (size_t i = 0; i < agent->peer_count; i++) {
        struct arci_agent_peer *peer = agent->peers[i];
        if (peer->link)
            ping_peer(peer, now);
        else if (!peer->dial && now >= peer->retry_at)
            dial_peer(peer);
    }
}

void arci_peers_start(struct arctic_agent *agent)
{
    uv_timer_init(&agent->loop, &agent->peer_timer);
    agent->peer_timer.data = agent;
    uv_timer_start(&agent->peer_timer, on_tick, 0, TICK_MS);
}

void arci_peers_stop(struct arctic_agent *agent)
{
    if (agent->peer_timer.data && !uv_is_closing((uv_handle_t *)&agent->peer_timer))
        uv_close((uv_handle_t *)&agent->peer_timer, NULL);
    for (size_t i = 0; i < agent->peer_count; i++) {
        arci_dial_cancel(agent->peers[i]->dial);
        arci_link_close(agent->peers[i]->link);
        agent->peers[i]->dial = NULL;
        agent->peers[i]->link = NULL;
    }
}

void arci_peers_free(struct arctic_agent *agent)
{
    for (size_t i = 0; i < agent->peer_count; i++)
        free(agent->peers[i]);
    free(agent->peers);
    agent->peers = NULL;
    agent->peer_count = 0;
}
