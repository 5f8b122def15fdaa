/* Control links from other peers. */
#include "agent/peers/incoming.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/carry/carry.h"
#include "agent/local-peer.h"
#include "agent/peers/cluster-sync.h"
#include "agent/peers/gossiping.h"
#include "agent/peers/intake.h"
#include "agent/peers/membership.h"
#include "agent/peers/peer-links.h"
#include "agent/peers/peer-word.h"
#include "agent/peers/service-states.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"
#include "cluster/link.h"

#define HELLO_TIMEOUT_MS 10000
/* A peer pings every 2 s. */
#define SILENCE_MAX_MS 15000
/* Connections that have not shaken hands yet: of all addresses, where the oldest makes room for a new one, and of one. */
#define STRANGERS_MAX 256
#define STRANGERS_PER_ADDRESS 16

struct arci_incoming {
    struct arci_incoming *next;
    struct arctic_agent *agent;
    struct arci_link *link;   /* NULL once it is closed: what it has brought may end it */
    struct arctic_id peer_id; /* "" before the handshake */
    uv_timer_t timer;         /* the wait for the hello, then the watch for silence */
};

static void free_incoming(uv_handle_t *handle)
{
    free(handle->data);
}

static bool is_stranger(const struct arci_incoming *incoming)
{
    return !incoming->peer_id.text[0];
}

/* The link is closed by the caller or has ended by itself; what waits on it is told last, when nothing finds it any more. */
static void drop_incoming(struct arci_incoming *incoming)
{
    const struct arci_link *link = incoming->link;
    struct arci_incoming **place = &incoming->agent->incoming;
    while (*place != incoming)
        place = &(*place)->next;
    *place = incoming->next;
    incoming->link = NULL;
    arci_intake_link_ended(incoming->agent, link);
    arci_carry_link_ended(incoming->agent, link);
    arci_gossiping_links_changed(incoming->agent);
    arci_peer_word_link_ended(incoming->agent, &incoming->peer_id);
    uv_close((uv_handle_t *)&incoming->timer, free_incoming);
}

static void close_incoming(struct arci_incoming *incoming)
{
    arci_link_close(incoming->link);
    drop_incoming(incoming);
}

/* A peer holds one link; what it has left behind, perhaps without a word, goes when it comes with a new one. */
static void close_former(const struct arci_incoming *newest)
{
    struct arci_incoming *next;
    for (struct arci_incoming *item = newest->agent->incoming; item; item = next) {
        next = item->next;
        if (item != newest && arctic_id_equal(&item->peer_id, &newest->peer_id))
            close_incoming(item);
    }
}

/* Others cause these, as often as they like. */
static void log_offence(struct arci_incoming *incoming, const char *what, const struct arctic_error *error)
{
    char remote[ARCTIC_ENDPOINT_TEXT];
    int64_t suppressed;
    if (arci_log_allowed(&incoming->agent->incoming_log, arci_time_monotonic(), &suppressed))
        arci_log_warn(incoming->agent->log, "gossip", what,
                      ARCI_TEXT("remote", arctic_endpoint_format(arci_link_remote(incoming->link), remote)),
                      ARCI_TEXT("peer_id", incoming->peer_id.text), ARCI_ERROR(error),
                      ARCI_INT("more", suppressed));
}

/* Who was away when it was revoked hears of it here. It names nobody but the asker and who has revoked it. */
static void add_revocation(const struct arci_incoming *incoming, json_t *answer)
{
    uint8_t key[ARCI_KEY_SIZE];
    const struct arci_entry *entry = arci_link_peer_key(incoming->link, key)
                                         ? arci_registry_revocation_of_key(incoming->agent->registry, key)
                                         : NULL;
    if (entry)
        json_object_set_new(answer, "revocation", arci_record_to_json(&entry->record));
}

static void refuse(struct arci_incoming *incoming, const struct arctic_error *reason)
{
    log_offence(incoming, "refused a handshake", reason);
    ARCI_JSON *answer = arci_handshake_refusal(reason);
    if (answer) {
        add_revocation(incoming, answer);
        arci_link_send(incoming->link, answer, NULL);
    }
    arci_link_finish(incoming->link);
    drop_incoming(incoming);
}

static int answer_hello(struct arci_incoming *incoming, const uint8_t exporter[ARCI_EXPORTER_SIZE],
                        const json_t *hello, struct arctic_error *error)
{
    struct arci_handshake_self self;
    json_t *made = NULL;
    arci_peers_self(incoming->agent, &self);
    int code = arci_handshake_welcome(&self, exporter, hello, &made, error);
    ARCI_JSON *welcome = made;
    return code < 0 ? code : arci_link_send(incoming->link, welcome, error);
}

/* The peer's tunnel listens on the port that its record names, at the address it comes from. */
static int admit(struct arci_incoming *incoming, const struct arci_handshake_remote *remote,
                 struct arctic_error *error)
{
    struct arci_agent_peer *peer;
    struct arctic_endpoint endpoint = {arci_link_remote(incoming->link)->address, remote->peer.tunnel_port};
    int code = arci_peers_admit(incoming->agent, remote, &endpoint, "", &peer, error);
    if (code < 0)
        return code;
    incoming->peer_id = remote->peer.id;
    close_former(incoming);
    arci_gossiping_links_changed(incoming->agent);
    arci_peers_meet(peer, &endpoint);
    return arci_local_peer_suggest_name(incoming->agent, remote->suggested_name, error);
}

static int judge_hello(struct arci_incoming *incoming, const json_t *hello, struct arctic_error *error)
{
    uint8_t exporter[ARCI_EXPORTER_SIZE];
    uint8_t key[ARCI_KEY_SIZE];
    struct arci_handshake_self self;
    struct arci_handshake_remote remote;
    if (incoming->agent->leaving)
        return arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "this peer leaves the cluster");
    if (strcmp(arci_message_type(hello), "hello") != 0 || !arci_link_peer_key(incoming->link, key))
        return arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL,
                         "handshake failed: the first message is no hello");
    int code = arci_link_exporter(incoming->link, ARCI_EXPORTER_LABEL, exporter, sizeof exporter, error);
    if (code < 0)
        return code;
    arci_peers_self(incoming->agent, &self);
    code = arci_handshake_judge_hello(&self, exporter, key, hello, &remote, error);
    if (code < 0)
        return code;
    code = admit(incoming, &remote, error);
    arci_handshake_remote_release(&remote);
    return code < 0 ? code : answer_hello(incoming, exporter, hello, error);
}

static void answer_ping(struct arci_incoming *incoming, const json_t *ping)
{
    struct arctic_agent *agent = incoming->agent;
    ARCI_JSON *pong = arci_peer_word_make(agent, "pong", json_integer_value(json_object_get(ping, "id")));
    struct arci_agent_peer *peer = arci_peers_find(agent, &incoming->peer_id);
    if (pong)
        arci_link_send(incoming->link, pong, NULL);
    if (!peer)
        return;
    arci_peer_word_take(peer, ping, -1);
    /* Else the pong tells, which knows of what was sent before. */
    if (!peer->link)
        arci_cluster_sync_answered(agent, peer);
}

/* Records of a slow path can take longer than the wait from message to message: any byte counts. */
static void on_silence(uv_timer_t *timer)
{
    struct arci_incoming *incoming = timer->data;
    uint64_t silence = arci_link_silence(incoming->link);
    if (silence < SILENCE_MAX_MS) {
        uv_timer_start(timer, on_silence, SILENCE_MAX_MS - silence, 0);
        return;
    }
    arci_log_debug(incoming->agent->log, "gossip", "incoming link is silent, dropped",
                   ARCI_TEXT("peer_id", incoming->peer_id.text));
    close_incoming(incoming);
}

/* Who cannot be dialled is told over this link what others are told over this agent's own. */
static void welcome(struct arci_incoming *incoming)
{
    struct arci_agent_peer *peer = arci_peers_find(incoming->agent, &incoming->peer_id);
    uv_timer_start(&incoming->timer, on_silence, SILENCE_MAX_MS, 0);
    arci_link_set_message_limit(incoming->link, ARCI_RECORD_MAX);
    if (peer && !peer->link)
        arci_service_states_greet(peer);
}

static void on_message(void *context, struct arci_link *link, const json_t *message)
{
    struct arci_incoming *incoming = context;
    struct arctic_error error;
    if (is_stranger(incoming)) {
        if (judge_hello(incoming, message, &error) < 0)
            refuse(incoming, &error);
        else
            welcome(incoming);
        return;
    }
    if (strcmp(arci_message_type(message), "ping") == 0)
        answer_ping(incoming, message);
    else if (strcmp(arci_message_type(message), "states") == 0)
        arci_service_states_take(incoming->agent, &incoming->peer_id, message);
    else if (!arci_gossiping_take(incoming->agent, link, &incoming->peer_id, message))
        (void)arci_carry_take_message(incoming->agent, link, &incoming->peer_id, message);
}

static bool on_large(void *context, struct arci_link *link, char *text, size_t length)
{
    struct arci_incoming *incoming = context;
    return !is_stranger(incoming) &&
           arci_intake_take(incoming->agent, link, &incoming->peer_id, text, length);
}

static void on_closed(void *context, struct arci_link *link, const struct arctic_error *error)
{
    struct arci_incoming *incoming = context;
    (void)link;
    if (error->code == ARCTIC_E_PROTOCOL)
        log_offence(incoming, "dropped a link that broke the protocol", error);
    arci_log_debug(incoming->agent->log, "gossip", "incoming link ended",
                   ARCI_TEXT("peer_id", incoming->peer_id.text), ARCI_ERROR(error));
    drop_incoming(incoming);
}

static const struct arci_link_events incoming_events = {
    .on_message = on_message, .on_large = on_large, .on_closed = on_closed};

static void on_hello_timeout(uv_timer_t *timer)
{
    close_incoming(timer->data);
}

/* False where the address has its share of connections already; else there is room afterwards. */
static bool make_room(struct arctic_agent *agent, const struct arctic_address *address)
{
    struct arci_incoming *oldest = NULL;
    size_t strangers = 0;
    size_t of_address = 0;
    for (struct arci_incoming *item = agent->incoming; item; item = item->next) {
        if (!is_stranger(item))
            continue;
        oldest = item;
        strangers++;
        if (arctic_address_compare(&arci_link_remote(item->link)->address, address) == 0)
            of_address++;
    }
    if (of_address >= STRANGERS_PER_ADDRESS)
        return false;
    if (strangers >= STRANGERS_MAX)
        close_incoming(oldest);
    return true;
}

void arci_incoming_accept(struct arctic_agent *agent, SSL *ssl, int fd, const struct arctic_endpoint *remote)
{
    struct arci_link_options options;
    struct arctic_error error;
    struct arci_incoming *incoming = make_room(agent, &remote->address) ? calloc(1, sizeof *incoming) : NULL;
    if (!incoming) {
        SSL_free(ssl);
        close(fd);
        return;
    }
    arci_peers_link_options(agent, &options);
    options.events = &incoming_events;
    options.context = incoming;
    if (arci_link_adopt(&options, ssl, fd, remote, &incoming->link, &error) < 0) {
        arci_log_warn(agent->log, "gossip", "cannot take a connection", ARCI_ERROR(&error));
        free(incoming);
        return;
    }
    incoming->agent = agent;
    uv_timer_init(&agent->loop, &incoming->timer);
    incoming->timer.data = incoming;
    uv_timer_start(&incoming->timer, on_hello_timeout, HELLO_TIMEOUT_MS, 0);
    incoming->next = agent->incoming;
    agent->incoming = incoming;
}

struct arci_link *arci_incoming_find_link(const struct arctic_agent *agent, const struct arctic_id *peer_id)
{
    const struct arci_incoming *item = agent->incoming;
    while (item && !arctic_id_equal(&item->peer_id, peer_id))
        item = item->next;
    return item ? item->link : NULL;
}

void arci_incoming_drop(struct arctic_agent *agent, const struct arctic_id *peer_id)
{
    struct arci_incoming *next;
    for (struct arci_incoming *item = agent->incoming; item; item = next) {
        next = item->next;
        if (arctic_id_equal(&item->peer_id, peer_id))
            close_incoming(item);
    }
}

void arci_incoming_finish(struct arctic_agent *agent)
{
    while (agent->incoming) {
        arci_link_finish(agent->incoming->link);
        drop_incoming(agent->incoming);
    }
}

void arci_incoming_stop(struct arctic_agent *agent)
{
    while (agent->incoming)
        close_incoming(agent->incoming);
}
