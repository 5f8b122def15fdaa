/* The control links that this agent holds to its peers: dialled, pinged, and fed with this agent's records. */
#include "agent/peers/peer-links.h"

#include <string.h>

#include "agent/carry/carry.h"
#include "agent/peers/cluster-sync.h"
#include "agent/peers/departure.h"
#include "agent/peers/discovery.h"
#include "agent/peers/gossiping.h"
#include "agent/peers/incoming.h"
#include "agent/peers/intake.h"
#include "agent/peers/membership.h"
#include "agent/peers/peer-word.h"
#include "agent/peers/service-states.h"
#include "agent/peers/target-watch.h"
#include "agent/services/reconcile.h"
#include "base/address.h"
#include "base/error.h"
#include "base/time.h"

#define TICK_MS 500
#define CONNECT_TIMEOUT_MS 5000
#define PING_INTERVAL_MS 2000
#define PONG_TIMEOUT_MS 6000
/* With its scatter 10 s: so late is a peer found that has come back and does not dial by itself. */
#define RETRY_LAST_MS 8000
/* The same of a peer that services lead to: their flows wait for it. */
#define RETRY_TARGET_LAST_MS 2000
/* A link that has lasted so long was no flapping one: the wait for the next begins anew. */
#define SETTLED_MS 10000
#define NOTE_INTERVAL_MS ((int64_t)3600 * 1000)

void arci_peers_self(struct arctic_agent *agent, struct arci_handshake_self *ret_self)
{
    *ret_self = (struct arci_handshake_self){
        .identity = agent->identity,
        .license = agent->own_license,
        .trust_roots = &agent->trust_roots,
        .peer_record = &arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id)->record,
        .now = arci_time_now(),
    };
}

void arci_peers_link_options(struct arctic_agent *agent, struct arci_link_options *ret_options)
{
    *ret_options = (struct arci_link_options){
        .loop = &agent->loop,
        .tls = agent->tls,
        .socket_mark = agent->kernel ? arci_kernel_bypass_mark(agent->kernel) : 0,
        .congestion = agent->settings.tunnel_congestion,
        .message_limit = ARCI_HANDSHAKE_MESSAGE_MAX,
        .connect_timeout = CONNECT_TIMEOUT_MS,
    };
}

static void schedule_retry(struct arci_agent_peer *peer)
{
    int64_t last = arci_target_watch_covers(peer) ? RETRY_TARGET_LAST_MS : RETRY_LAST_MS;
    int64_t delay = peer->retry_delay > last ? last : peer->retry_delay;
    peer->retry_at = arci_time_monotonic() + arci_time_scatter(delay);
    peer->retry_delay = delay * 2 > last ? last : delay * 2;
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

/* What waits on the link is told last, when nothing finds the link any more. */
static void close_link(struct arci_agent_peer *peer)
{
    struct arci_link *link = peer->link;
    peer->link = NULL;
    arci_link_close(link);
    if (link) {
        arci_intake_link_ended(peer->agent, link);
        arci_carry_link_ended(peer->agent, link);
    }
    arci_gossiping_links_changed(peer->agent);
}

/* A link is no good any more, or has ended by itself. */
static void lose_link(struct arci_agent_peer *peer, const char *why)
{
    bool settled = peer->link && arci_time_monotonic() - peer->met_at >= SETTLED_MS;
    if (settled)
        peer->retry_delay = ARCI_PEER_RETRY_FIRST_MS;
    peer->live.rtt_us = -1;
    schedule_retry(peer);
    /* Whether the target's process has ended or only the link shows at once. */
    if (settled && arci_target_watch_covers(peer))
        peer->retry_at = 0;
    set_state(peer, ARCI_PEER_UNREACHABLE, why);
    close_link(peer);
    arci_peer_word_link_ended(peer->agent, &peer->id);
}

static void judge_sent(struct arci_agent_peer *peer, int code, const struct arctic_error *error)
{
    if (code >= 0)
        return;
    arci_log_warn(peer->agent->log, "gossip", "cannot send to peer, link dropped",
                  ARCI_TEXT("peer_id", peer->id.text), ARCI_ERROR(error));
    lose_link(peer, error->message);
}

static void send_message(struct arci_agent_peer *peer, const json_t *message)
{
    struct arctic_error error;
    int code = message ? arci_link_send(peer->link, message, &error) : arci_fail_memory(&error);
    judge_sent(peer, code, &error);
}

bool arci_peers_tell(struct arci_agent_peer *peer, const json_t *message)
{
    struct arci_link *theirs = arci_incoming_find_link(peer->agent, &peer->id);
    if (peer->link)
        send_message(peer, message);
    else if (theirs && message)
        (void)arci_link_send(theirs, message, NULL);
    return peer->link || theirs;
}

bool arci_peers_tell_text(struct arci_agent_peer *peer, const char *text, size_t length)
{
    struct arci_link *theirs = arci_incoming_find_link(peer->agent, &peer->id);
    struct arctic_error error;
    if (peer->link)
        judge_sent(peer, arci_link_send_text(peer->link, text, length, &error), &error);
    else if (theirs)
        (void)arci_link_send_text(theirs, text, length, NULL);
    return peer->link || theirs;
}

bool arci_peers_reachable(const struct arci_agent_peer *peer)
{
    const struct arci_link *theirs = arci_incoming_find_link(peer->agent, &peer->id);
    return peer->link || (theirs && arci_link_silence(theirs) <= PONG_TIMEOUT_MS);
}

/* --- The link that this agent holds. --------------------------------------------------------------------------------------- */

/* An answer to an older ping says nothing about what was sent after that. */
static void take_pong(struct arci_agent_peer *peer, const json_t *message)
{
    const json_t *id = json_object_get(message, "id");
    if (!peer->ping_sent_at || (uint64_t)json_integer_value(id) != peer->ping_id)
        return;
    peer->live.rtt_us = (int64_t)(uv_hrtime() / 1000) - peer->ping_sent_at;
    peer->ping_sent_at = 0;
    arci_peer_word_take(peer, message, peer->live.rtt_us);
    arci_cluster_sync_answered(peer->agent, peer);
}

static void on_link_message(void *context, struct arci_link *link, const json_t *message)
{
    struct arci_agent_peer *peer = context;
    if (strcmp(arci_message_type(message), "pong") == 0)
        take_pong(peer, message);
    else if (strcmp(arci_message_type(message), "states") == 0)
        arci_service_states_take(peer->agent, &peer->id, message);
    else if (!arci_gossiping_take(peer->agent, link, &peer->id, message))
        (void)arci_carry_take_message(peer->agent, link, &peer->id, message);
}

static bool on_link_large(void *context, struct arci_link *link, char *text, size_t length)
{
    struct arci_agent_peer *peer = context;
    return arci_intake_take(peer->agent, link, &peer->id, text, length);
}

static void on_link_closed(void *context, struct arci_link *link, const struct arctic_error *error)
{
    struct arci_agent_peer *peer = context;
    (void)link;
    lose_link(peer, error->message);
}

static const struct arci_link_events link_events = {
    .on_message = on_link_message, .on_large = on_link_large, .on_closed = on_link_closed};

void arci_peers_set_link(struct arci_agent_peer *peer, struct arci_link *link)
{
    arci_dial_cancel(peer->dial);
    peer->dial = NULL;
    close_link(peer);
    peer->link = link;
    peer->ping_sent_at = 0;
    peer->next_ping_at = 0;
    peer->met_at = arci_time_monotonic();
    arci_link_set_events(link, &link_events, peer);
    arci_link_set_message_limit(link, ARCI_RECORD_MAX);
    set_state(peer, ARCI_PEER_CONNECTED, "handshake done");
    arci_gossiping_links_changed(peer->agent);
    arci_service_states_greet(peer);
}

/* A key belongs to one peer for good. */
static int check_same(const struct arci_agent_peer *peer, const struct arci_handshake_remote *remote,
                      struct arctic_error *error)
{
    if (arctic_id_equal(&peer->id, &remote->peer.id))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "peer %s was expected there, but it is peer %s",
                     peer->id.text, remote->peer.id.text);
}

static void dial_self(void *context, struct arci_handshake_self *ret_self)
{
    struct arci_agent_peer *peer = context;
    arci_peers_self(peer->agent, ret_self);
}

/* Where the target's agent has ended its own address says so at once, and others may take long to say nothing. */
static void dial_failed(void *context, const struct arctic_endpoint *endpoint)
{
    struct arci_agent_peer *peer = context;
    if (arci_endpoint_equal(endpoint, &peer->target.link_endpoint))
        arci_target_watch_gone(peer);
}

static void dial_done(void *context, struct arci_link *link, const struct arci_handshake_remote *remote,
                      const struct arctic_error *error)
{
    struct arci_agent_peer *peer = context;
    struct arci_agent_peer *admitted;
    struct arctic_error problem;
    const json_t *revocation = arci_dial_revocation(peer->dial);
    peer->dial = NULL;
    if (!link) {
        arci_log_debug(peer->agent->log, "gossip", "cannot reach peer", ARCI_TEXT("peer_id", peer->id.text),
                       ARCI_ERROR(error));
        schedule_retry(peer);
        set_state(peer, ARCI_PEER_UNREACHABLE, error->message);
        arci_target_watch_gone(peer);
        arci_membership_hear(peer->agent, revocation);
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
        arci_target_watch_gone(peer);
        return;
    }
    arci_peers_set_link(peer, link);
}

/*
 * A dial that tries the very place goes on. Were it given up as well, two that dial each other at one moment could do so for ever.
 */
void arci_peers_meet(struct arci_agent_peer *peer, const struct arctic_endpoint *endpoint)
{
    peer->retry_at = 0;
    if (!peer->dial || arci_dial_tries(peer->dial, endpoint))
        return;
    arci_dial_cancel(peer->dial);
    peer->dial = NULL;
}

static void dial_peer(struct arci_agent_peer *peer)
{
    const struct arci_entry *entry = arci_registry_find(peer->agent->registry, ARCI_RECORD_PEER, &peer->id);
    struct arctic_endpoint endpoints[ARCI_PEER_ENDPOINTS_MAX];
    if (!entry)
        return;
    struct arci_dial_options options = {
        .endpoints = endpoints,
        .endpoint_count = arci_discovery_endpoints(peer->agent, &entry->content.peer, &peer->live, endpoints),
        .expected_key = entry->content.peer.public_key,
        .suggested_name = "",
        .self = dial_self,
        .done = dial_done,
        .failed = dial_failed,
        .context = peer,
    };
    struct arctic_error error;
    if (options.endpoint_count == 0)
        return;
    arci_peers_link_options(peer->agent, &options.link);
    if (arci_dial_start(&options, &peer->dial, &error) < 0) {
        arci_log_error(peer->agent->log, "gossip", "cannot dial peer", ARCI_TEXT("peer_id", peer->id.text),
                       ARCI_ERROR(&error));
        schedule_retry(peer);
    }
}

/*
 * A ping behind records that a slow path takes long to carry is answered late, and so is one whose answer waits behind a long answer
 * to a carried request; the peer is there as long as either arrives. What comes after the ping says nothing: its host acknowledges for
 * a peer that does not run.
 */
static bool makes_progress(struct arci_agent_peer *peer, int64_t now)
{
    uint64_t acknowledged = arci_link_acknowledged(peer->link);
    bool moves = acknowledged != peer->acknowledged && peer->acknowledged < peer->ping_end;
    if (!moves && arci_link_silence(peer->link) >= TICK_MS)
        return false;
    peer->acknowledged = acknowledged;
    peer->progress_at = now;
    return true;
}

static void send_ping(struct arci_agent_peer *peer, int64_t now)
{
    ARCI_JSON *message = arci_peer_word_make(peer->agent, "ping", (json_int_t)++peer->ping_id);
    peer->ping_sent_at = (int64_t)(uv_hrtime() / 1000);
    peer->next_ping_at = now + PING_INTERVAL_MS;
    peer->progress_at = now;
    peer->acknowledged = arci_link_acknowledged(peer->link);
    send_message(peer, message);
    if (peer->link)
        peer->ping_end = arci_link_written(peer->link);
}

static void ping_peer(struct arci_agent_peer *peer, int64_t now)
{
    if (peer->ping_sent_at && !makes_progress(peer, now) && now - peer->progress_at > PONG_TIMEOUT_MS) {
        lose_link(peer, "no answer to a ping");
        peer->retry_at = now;
        return;
    }
    if (!peer->ping_sent_at && now >= peer->next_ping_at)
        send_ping(peer, now);
}

bool arci_peers_compare(struct arci_agent_peer *peer)
{
    if (arci_peers_reachable(peer))
        arci_gossiping_compare(peer->agent, &peer->id);
    if (peer->link)
        send_ping(peer, arci_time_monotonic());
    return arci_peers_reachable(peer);
}

/* So that a restart does not make those who are away look as if nobody had seen them for months. */
static void note_peers(struct arctic_agent *agent)
{
    struct arctic_error error;
    agent->peers_noted_at = arci_time_monotonic();
    if (arci_peers_note(agent, &error) < 0)
        arci_log_warn(agent->log, "store", "cannot store when peers were last seen", ARCI_ERROR(&error));
}

static void on_tick(uv_timer_t *timer)
{
    struct arctic_agent *agent = timer->data;
    int64_t now = arci_time_monotonic();
    arci_departure_take_up(agent);
    if (agent->leaving || arci_membership_own_revocation(agent))
        return;
    arci_service_states_publish(agent);
    if (now - agent->peers_noted_at >= NOTE_INTERVAL_MS)
        note_peers(agent);
    for (size_t i = 0; i < agent->peer_count; i++) {
        struct arci_agent_peer *peer = agent->peers[i];
        if (peer->link)
            ping_peer(peer, now);
        else if (!peer->dial && now >= peer->retry_at)
            dial_peer(peer);
    }
}

void arci_peers_drop_links(struct arctic_agent *agent, const char *why)
{
    for (size_t i = 0; i < agent->peer_count; i++) {
        arci_dial_cancel(agent->peers[i]->dial);
        agent->peers[i]->dial = NULL;
        lose_link(agent->peers[i], why);
    }
    arci_incoming_stop(agent);
}

void arci_peers_start(struct arctic_agent *agent)
{
    if (!agent->peer_timer.data)
        uv_timer_init(&agent->loop, &agent->peer_timer);
    agent->peer_timer.data = agent;
    agent->peers_noted_at = arci_time_monotonic();
    uv_timer_start(&agent->peer_timer, on_tick, 0, TICK_MS);
    arci_target_watch_start(agent);
}

void arci_peers_pause(struct arctic_agent *agent)
{
    if (agent->peer_timer.data)
        uv_timer_stop(&agent->peer_timer);
    arci_target_watch_pause(agent);
    arci_discovery_stop(agent);
}

void arci_peers_stop(struct arctic_agent *agent)
{
    if (agent->peer_timer.data && !uv_is_closing((uv_handle_t *)&agent->peer_timer))
        uv_close((uv_handle_t *)&agent->peer_timer, NULL);
    arci_target_watch_stop(agent);
    if (agent->bootstrapped && !agent->leaving)
        note_peers(agent);
    for (size_t i = 0; i < agent->peer_count; i++) {
        arci_dial_cancel(agent->peers[i]->dial);
        agent->peers[i]->dial = NULL;
        close_link(agent->peers[i]);
    }
}
