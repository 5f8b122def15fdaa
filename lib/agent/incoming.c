/* Control links from other peers. */
#include "agent/incoming.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/local-peer.h"
#include "agent/peers.h"
#include "agent/reconcile.h"
#include "base/error.h"
#include "base/time.h"
#include "cluster/link.h"

#define HELLO_TIMEOUT_MS 10000
/* Connections that have not shaken hands yet; a stranger who fills the places delays others for one time-out at most. */
#define INCOMING_MAX 256

struct arci_incoming {
    struct arci_incoming *next;
    struct arctic_agent *agent;
    struct arci_link *link;
    struct arctic_id peer_id; /* "" before the handshake */
    uv_timer_t timer;
};

static void free_incoming(uv_handle_t *handle)
{
    free(handle->data);
}

/* The link is closed by the caller or has ended by itself. */
static void drop_incoming(struct arci_incoming *incoming)
{
    struct arci_incoming **place = &incoming->agent->incoming;
    while (*place != incoming)
        place = &(*place)->next;
    *place = incoming->next;
    incoming->agent->incoming_count--;
    uv_close((uv_handle_t *)&incoming->timer, free_incoming);
}

static void refuse(struct arci_incoming *incoming, const struct arctic_error *reason)
{
    char remote[ARCTIC_ENDPOINT_TEXT];
    arci_log_warn(incoming->agent->log, "gossip", "refused a handshake",
                  ARCI_TEXT("remote", arctic_endpoint_format(arci_link_remote(incoming->link), remote)),
                  ARCI_ERROR(reason));
    ARCI_JSON *answer = arci_handshake_refusal(reason);
    if (answer)
        arci_link_send(incoming->link, answer, NULL);
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
    peer->retry_at = 0; /* it can be reached now: do not wait to hold a link of our own */
    return arci_local_peer_suggest_name(incoming->agent, remote->suggested_name, error);
}

static int judge_hello(struct arci_incoming *incoming, const json_t *hello, struct arctic_error *error)
{
    uint8_t exporter[ARCI_EXPORTER_SIZE];
    uint8_t key[ARCI_KEY_SIZE];
    struct arci_handshake_self self;
    struct arci_handshake_remote remote;
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

/* Only the sender's own records are taken from a link: the owner's signature is checked with the key that the peer has proved. */
static bool merge_one(struct arci_incoming *incoming, const json_t *object, struct arctic_error *error)
{
    struct arci_record record = {0};
    bool changed = false;
    uint8_t key[ARCI_KEY_SIZE];
    int code = arci_record_from_json(object, &record, error);
    if (code >= 0 && !arctic_id_equal(&record.owner, &incoming->peer_id))
        code = arci_fail(error, ARCTIC_E_FORBIDDEN, "owner", "%s sent a record of %s", incoming->peer_id.text,
                         record.owner.text);
    if (code >= 0 && record.kind == ARCI_RECORD_CREDENTIAL)
        code = arci_fail(error, ARCTIC_E_FORBIDDEN, "kind", "credentials are not taken from a link");
    if (code >= 0 && !arci_link_peer_key(incoming->link, key))
        code = arci_fail(error, ARCTIC_E_INTERNAL, NULL, "the link has no key");
    if (code >= 0)
        code = arci_registry_merge(incoming->agent->registry, &record, key, &changed, error);
    arci_record_release(&record);
    if (code < 0)
        arci_log_warn(incoming->agent->log, "gossip", "record dropped",
                      ARCI_TEXT("peer_id", incoming->peer_id.text), ARCI_ERROR(error));
    return code >= 0 && changed;
}

static void merge_records(struct arci_incoming *incoming, const json_t *message)
{
    const json_t *records = json_object_get(message, "records");
    struct arctic_error error;
    bool changed = false;
    size_t index;
    json_t *object;
    json_array_foreach(records, index, object)
    {
        if (merge_one(incoming, object, &error))
            changed = true;
    }
    if (changed)
        arci_reconcile_request(incoming->agent);
}

static void answer_ping(struct arci_incoming *incoming)
{
    ARCI_JSON *pong = json_pack("{s:s}", "type", "pong");
    struct arci_agent_peer *peer = arci_peers_find(incoming->agent, &incoming->peer_id);
    if (pong)
        arci_link_send(incoming->link, pong, NULL);
    if (peer)
        peer->live.last_seen_at = arci_time_now();
}

static void on_message(void *context, struct arci_link *link, const json_t *message)
{
    struct arci_incoming *incoming = context;
    struct arctic_error error;
    if (!incoming->peer_id.text[0]) {
        if (judge_hello(incoming, message, &error) < 0) {
            refuse(incoming, &error);
            return;
        }
        uv_timer_stop(&incoming->timer);
        arci_link_set_message_limit(link, ARCI_RECORD_MAX);
        return;
    }
    if (strcmp(arci_message_type(message), "records") == 0)
        merge_records(incoming, message);
    else if (strcmp(arci_message_type(message), "ping") == 0)
        answer_ping(incoming);
}

static void on_closed(void *context, struct arci_link *link, const struct arctic_error *error)
{
    struct arci_incoming *incoming = context;
    (void)link;
    arci_log_debug(incoming->agent->log, "gossip", "incoming link ended",
                   ARCI_TEXT("peer_id", incoming->peer_id.text), ARCI_ERROR(error));
    drop_incoming(incoming);
}

static const struct arci_link_events incoming_events = {.on_message = on_message, .on_closed = on_closed};

static void on_timeout(uv_timer_t *timer)
{
    struct arci_incoming *incoming = timer->data;
    arci_link_close(incoming->link);
    drop_incoming(incoming);
}

void arci_incoming_accept(struct arctic_agent *agent, SSL *ssl, int fd, const struct arctic_endpoint *remote)
{
    struct arci_link_options options;
    struct arctic_error error;
    struct arci_incoming *incoming =
        agent->incoming_count < INCOMING_MAX ? calloc(1, sizeof *incoming) : NULL;
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
    uv_timer_start(&incoming->timer, on_timeout, HELLO_TIMEOUT_MS, 0);
    incoming->next = agent->incoming;
    agent->incoming = incoming;
    agent->incoming_count++;
}

void arci_incoming_stop(struct arctic_agent *agent)
{
    while (agent->incoming) {
        arci_link_close(agent->incoming->link);
        drop_incoming(agent->incoming);
    }
}
