/* Peers: list, show, add. Adding resolves the address, asks the other agent who it is, and shakes hands with it. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arctic/client.h>

#include "agent/api.h"
#include "agent/peers.h"
#include "base/address.h"
#include "base/base64.h"
#include "base/error.h"

/* Handshakes are tried this often before the peer counts as unreachable. */
#define ADD_TRIES 3
#define ADD_RETRY_MS 500
#define IDENTITY_TIMEOUT_MS 5000
/* Look-ups at a time; libuv's pool has four threads, and the kernel's work must not wait for hosts that do not answer. */
#define LOOKUPS_MAX 2

static json_t *peer_json(struct arctic_agent *agent, const struct arci_entry *entry)
{
    const struct arci_agent_peer *known = arci_peers_find(agent, &entry->record.id);
    struct arci_peer_live live = {.state = ARCI_PEER_DISCOVERED, .rtt_us = -1};
    if (known)
        live = known->live;
    if (arctic_id_equal(&entry->record.id, &agent->local_id)) {
        live.is_local = true;
        live.state = ARCI_PEER_CONNECTED;
    }
    return arci_peer_to_json(&entry->content.peer, &live);
}

void arci_api_peers_list(void *context, struct arci_request *request)
{
    static const char *const names[] = {"is_local", NULL};
    struct arctic_agent *agent = context;
    struct arctic_error error;
    const struct arci_entry *entry;
    size_t cursor = 0;
    bool wanted = false;
    if (arci_request_check_query(request, names, &error) < 0 ||
        arci_request_query_boolean(request, "is_local", &wanted, &error) < 0) {
        arci_request_fail(request, &error);
        return;
    }
    json_t *list = json_array();
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_PEER, &cursor))) {
        bool is_local = arctic_id_equal(&entry->record.id, &agent->local_id);
        if (!arci_request_query(request, "is_local") || wanted == is_local)
            json_array_append_new(list, peer_json(agent, entry));
    }
    arci_request_respond_json(request, 200, json_pack("{s:o}", "peers", list));
}

void arci_api_peers_get(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    const char *text = arci_request_parameter(request, "id");
    const struct arci_entry *entry = NULL;
    struct arctic_error error;
    struct arctic_id id;
    if (arctic_id_parse(ARCTIC_ID_PEER, text, &id, NULL) >= 0)
        entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &id);
    if (entry) {
        arci_request_respond_json(request, 200, peer_json(agent, entry));
        return;
    }
    arci_fail(&error, ARCTIC_E_NOT_FOUND, NULL, "peer %.60s does not exist", text);
    arci_request_fail(request, &error);
}

/* --- Adding a peer. -------------------------------------------------------------------------------------------------------- */

enum add_phase { ADD_QUEUED, ADD_LOOKING_UP, ADD_FOUND_OUT };

struct arci_peer_addition {
    struct arci_peer_addition *next;
    struct arctic_agent *agent;
    enum add_phase phase;
    struct arci_dial *dial; /* NULL when not dialling */
    struct arci_request *request;
    struct arci_peer_request body;
    uint32_t socket_mark;
    int tries;
    uv_work_t work;
    uv_timer_t timer;

    /* Found out on the pool's thread. */
    int code;
    struct arctic_error error;
    struct arctic_id peer_id;
    uint8_t public_key[ARCI_KEY_SIZE];
    struct arctic_endpoint endpoints[ARCI_PEER_ENDPOINTS_MAX];
    size_t endpoint_count;
};

static int resolve(struct arci_peer_addition *add, const char *host, uint16_t port,
                   struct arctic_error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(host, NULL, &hints, &found);
    if (result != 0)
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, "address", "cannot resolve %s: %s", host,
                         gai_strerror(result));
    add->endpoint_count = 0;
    for (struct addrinfo *item = found; item && add->endpoint_count < ARCI_PEER_ENDPOINTS_MAX;
         item = item->ai_next) {
        struct arctic_endpoint endpoint = arci_endpoint_from_sockaddr(item->ai_addr);
        endpoint.port = port;
        if (endpoint.address.family != ARCTIC_FAMILY_NONE)
            add->endpoints[add->endpoint_count++] = endpoint;
    }
    freeaddrinfo(found);
    if (add->endpoint_count == 0)
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, "address", "%s has no IP address", host);
    return ARCTIC_OK;
}

static int read_identity(struct arci_peer_addition *add, const char *text, uint16_t *ret_tunnel_port,
                         struct arctic_error *error)
{
    const char *id = NULL;
    const char *key = NULL;
    int64_t port = 0;
    json_t *parsed = NULL;
    int code = arci_json_parse(text, strlen(text), &parsed, error);
    ARCI_JSON *object = parsed;
    if (code >= 0)
        code = arci_json_text(object, "peer_id", true, &id, error);
    if (code >= 0)
        code = arctic_id_parse(ARCTIC_ID_PEER, id, &add->peer_id, error);
    if (code >= 0)
        code = arci_json_text(object, "public_key", true, &key, error);
    if (code >= 0 && !arci_base64_decode_exact(key, add->public_key, sizeof add->public_key))
        code = arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "its public key is not 32 bytes");
    if (code >= 0)
        code = arci_json_integer(object, "tunnel_port", true, 1, 65535, &port, error);
    if (code < 0)
        return arci_fail_within(error, ARCTIC_E_HANDSHAKE_FAILED, "%s does not answer as an Arctic agent",
                                add->body.address);
    *ret_tunnel_port = (uint16_t)port;
    return ARCTIC_OK;
}

/* Asks the other agent for its public identity; that it is true is proved by the handshake. */
static int ask_identity(struct arci_peer_addition *add, uint16_t *ret_tunnel_port, struct arctic_error *error)
{
    char url[ARCI_PEER_ADDRESS_SIZE + 8];
    const char *const urls[] = {url, NULL};
    struct arctic_client *client = NULL;
    char *text = NULL;
    snprintf(url, sizeof url, "http://%s", add->body.address);
    const struct arctic_client_options options = {
        .size = sizeof options,
        .endpoints = urls,
        .timeout_ms = IDENTITY_TIMEOUT_MS,
        .socket_mark = add->socket_mark,
    };
    int code = arctic_client_create(&options, &client, error);
    if (code >= 0)
        code = arctic_client_request(client, "GET", "/v1/cluster/identity", NULL, NULL, &text, error);
    arctic_client_free(client);
    if (code == ARCTIC_E_NOT_BOOTSTRAPPED)
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, "address", "the agent at %s is not bootstrapped",
                         add->body.address);
    if (code < 0)
        return arci_fail_within(error, ARCTIC_E_PEER_UNREACHABLE, "cannot reach the agent at %s",
                                add->body.address);
    code = read_identity(add, text, ret_tunnel_port, error);
    arctic_client_free_text(text);
    return code;
}

static void find_out(uv_work_t *work)
{
    struct arci_peer_addition *add = work->data;
    char host[ARCI_PEER_ADDRESS_SIZE];
    uint16_t api_port = 0;
    uint16_t tunnel_port = 0;
    add->code = ARCTIC_OK;
    if (!arci_host_port_split(add->body.address, host, sizeof host, &api_port))
        add->code = arci_fail(&add->error, ARCTIC_E_INVALID_REQUEST, "address", "'%s' is not host:port",
                              add->body.address);
    if (add->code >= 0)
        add->code = ask_identity(add, &tunnel_port, &add->error);
    if (add->code >= 0)
        add->code = resolve(add, host, tunnel_port, &add->error);
}

static void free_add(uv_handle_t *handle)
{
    free(handle->data);
}

static void end_add(struct arci_peer_addition *add)
{
    struct arci_peer_addition **place = &add->agent->additions;
    while (*place != add)
        place = &(*place)->next;
    *place = add->next;
    uv_close((uv_handle_t *)&add->timer, free_add);
}

static void fail_add(struct arci_peer_addition *add, const struct arctic_error *error)
{
    arci_log_warn(add->agent->log, "gossip", "peer not added", ARCI_TEXT("address", add->body.address),
                  ARCI_ERROR(error));
    arci_request_fail(add->request, error);
    end_add(add);
}

static void start_try(struct arci_peer_addition *add);
static void start_look_ups(struct arctic_agent *agent);

static void on_retry(uv_timer_t *timer)
{
    start_try(timer->data);
}

/* Only what may pass by itself is worth another try. */
static void fail_try(struct arci_peer_addition *add, const struct arctic_error *error)
{
    bool passing = error->code == ARCTIC_E_PEER_UNREACHABLE || error->code == ARCTIC_E_HANDSHAKE_FAILED;
    if (!passing || ++add->tries >= ADD_TRIES || add->agent->stopping) {
        fail_add(add, error);
        return;
    }
    uv_timer_start(&add->timer, on_retry, ADD_RETRY_MS, 0);
}

static void add_self(void *context, struct arci_handshake_self *ret_self)
{
    struct arci_peer_addition *add = context;
    arci_peers_self(add->agent, ret_self);
}

static void add_done(void *context, struct arci_link *link, const struct arci_handshake_remote *remote,
                     const struct arctic_error *error)
{
    struct arci_peer_addition *add = context;
    struct arci_agent_peer *peer;
    struct arctic_error problem;
    add->dial = NULL;
    if (!link) {
        fail_try(add, error);
        return;
    }
    if (arci_peers_admit(add->agent, remote, arci_link_remote(link), add->body.address, &peer, &problem) <
        0) {
        arci_link_close(link);
        fail_add(add, &problem);
        return;
    }
    arci_peers_set_link(peer, link);
    const struct arci_entry *entry = arci_registry_find(add->agent->registry, ARCI_RECORD_PEER, &peer->id);
    arci_log_info(add->agent->log, "gossip", "peer added", ARCI_TEXT("peer_id", peer->id.text),
                  ARCI_TEXT("address", add->body.address));
    arci_request_respond_json(add->request, 201, entry ? peer_json(add->agent, entry) : NULL);
    end_add(add);
}

static int check_found(struct arci_peer_addition *add, struct arctic_error *error)
{
    if (arctic_id_equal(&add->peer_id, &add->agent->local_id))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "address", "%s is this agent itself",
                         add->body.address);
    return arci_peers_check_room(add->agent, &add->peer_id, error);
}

static void dial_found(struct arci_peer_addition *add)
{
    struct arctic_error error;
    struct arci_dial_options options = {
        .endpoints = add->endpoints,
        .endpoint_count = add->endpoint_count,
        .expected_key = add->public_key,
        .suggested_name = add->body.name,
        .self = add_self,
        .done = add_done,
        .context = add,
    };
    arci_peers_link_options(add->agent, &options.link);
    if (arci_dial_start(&options, &add->dial, &error) < 0)
        fail_add(add, &error);
}

static void cancel_add(struct arci_peer_addition *add)
{
    arci_fail(&add->error, ARCTIC_E_CANCELLED, NULL, "the agent stops");
    fail_add(add, &add->error);
}

static void on_found_out(uv_work_t *work, int status)
{
    struct arci_peer_addition *add = work->data;
    if (status < 0 || add->agent->stopping) {
        cancel_add(add);
        return;
    }
    add->phase = ADD_FOUND_OUT;
    start_look_ups(add->agent);
    if (add->code < 0) {
        fail_try(add, &add->error);
        return;
    }
    if (check_found(add, &add->error) < 0)
        fail_add(add, &add->error);
    else
        dial_found(add);
}

/* Begins what waits, oldest first. */
static void start_look_ups(struct arctic_agent *agent)
{
    size_t running = 0;
    struct arci_peer_addition *next;
    for (struct arci_peer_addition *add = agent->additions; add; add = add->next)
        running += add->phase == ADD_LOOKING_UP;
    for (struct arci_peer_addition *add = agent->additions; add && running < LOOKUPS_MAX; add = next) {
        next = add->next;
        if (add->phase != ADD_QUEUED)
            continue;
        add->phase = ADD_LOOKING_UP;
        running++;
        if (uv_queue_work(&agent->loop, &add->work, find_out, on_found_out) < 0) {
            running--;
            arci_fail(&add->error, ARCTIC_E_INTERNAL, NULL, "cannot start a thread");
            fail_add(add, &add->error);
        }
    }
}

static void start_try(struct arci_peer_addition *add)
{
    add->phase = ADD_QUEUED;
    start_look_ups(add->agent);
}

void arci_api_peers_stop(struct arctic_agent *agent)
{
    struct arci_peer_addition *next;
    for (struct arci_peer_addition *add = agent->additions; add; add = next) {
        next = add->next;
        if (add->phase == ADD_LOOKING_UP)
            continue; /* ends when its thread comes back, which cannot be hurried */
        arci_dial_cancel(add->dial);
        cancel_add(add);
    }
}

static int check_ready(struct arctic_agent *agent, struct arctic_error *error)
{
    if (agent->tunnel_port == 0)
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, NULL,
                         "this agent's own tunnel does not run, see /readyz");
    return ARCTIC_OK;
}

void arci_api_peers_add(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arctic_error error;
    struct arci_peer_addition *add = calloc(1, sizeof *add);
    int code = add ? ARCTIC_OK : arci_fail_memory(&error);
    if (code >= 0)
        code = arci_peer_request_from_json(arci_request_json(request), &add->body, &error);
    if (code >= 0)
        code = check_ready(agent, &error);
    if (code < 0) {
        free(add);
        arci_request_fail(request, &error);
        return;
    }
    add->agent = agent;
    add->request = request;
    add->socket_mark = arci_kernel_bypass_mark(agent->kernel);
    add->work.data = add;
    uv_timer_init(&agent->loop, &add->timer);
    add->timer.data = add;
    struct arci_peer_addition **last = &agent->additions;
    while (*last)
        last = &(*last)->next;
    *last = add;
    start_try(add);
}
