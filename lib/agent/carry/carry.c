/* Requests of this agent's clients that wait for the answer of another peer. */
#include "agent/carry/carry-internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/api/api.h"
#include "agent/peers/incoming.h"
#include "agent/peers/membership.h"
#include "agent/peers/peers.h"
#include "base/error.h"
#include "base/time.h"
#include "cluster/handshake.h"

/* Less than the 30 s after which clients give up, so that they hear what it was. */
#define DEADLINE_MS 25000
/* With something to answer instead, nobody is kept waiting as long. */
#define FALLBACK_DEADLINE_MS 5000
#define CHECK_INTERVAL_MS 250

#define CALLS_MAX 256
#define CALLS_PER_PEER 64
/* Of requests without a token, which anybody can make. */
#define ANONYMOUS_CALLS_MAX 16

/* Of the 64 MiB that a link's queue takes; the rest is for records. */
#define QUEUE_SHARE ((size_t)32 * 1024 * 1024)

struct arci_carry_call {
    struct arci_carry_call *next;
    struct arci_request *request;
    struct arci_link *link; /* what it was sent over */
    struct arctic_id peer_id;
    int64_t id;
    int64_t deadline; /* monotonic milliseconds */
    bool fallback;
    bool anonymous;
};

#define PEER_LABEL (ARCI_NAME_SIZE + sizeof(struct arctic_id) + 4)

static const char *label(struct arctic_agent *agent, const struct arctic_id *id, char text[PEER_LABEL])
{
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, id);
    if (entry)
        snprintf(text, PEER_LABEL, "%s (%s)", entry->content.peer.name, id->text);
    else
        snprintf(text, PEER_LABEL, "%s", id->text);
    return text;
}

/* Once it has been sent, what a request changes may have changed. */
static const char *warning(const struct arci_carry_call *call)
{
    return arci_request_reads(call->request)
               ? ""
               : "; the change may have been carried out: look before you repeat it";
}

static void unlink_call(struct arctic_agent *agent, struct arci_carry_call *call)
{
    struct arci_carry_call **place = &agent->carrier->calls;
    while (*place != call)
        place = &(*place)->next;
    *place = call->next;
}

static void fail_call(struct arctic_agent *agent, struct arci_carry_call *call,
                      const struct arctic_error *error)
{
    char path[ARCI_PATH_LOG_SIZE];
    arci_log_info(agent->log, "api", "no answer to a carried request",
                  ARCI_TEXT("peer_id", call->peer_id.text),
                  ARCI_TEXT("method", arci_request_method(call->request)),
                  ARCI_TEXT("path", arci_request_path_for_log(call->request, path)), ARCI_ERROR(error));
    unlink_call(agent, call);
    if (call->fallback && !agent->stopping)
        arci_request_endpoint(call->request)->handler(agent, call->request);
    else
        arci_request_fail(call->request, error);
    free(call);
}

static void check_deadlines(uv_timer_t *timer)
{
    struct arctic_agent *agent = timer->data;
    struct arci_carry_call *next;
    int64_t now = arci_time_monotonic();
    for (struct arci_carry_call *call = agent->carrier->calls; call; call = next) {
        char name[PEER_LABEL];
        struct arctic_error error;
        next = call->next;
        if (now < call->deadline)
            continue;
        arci_fail(&error, ARCTIC_E_PEER_UNREACHABLE, NULL, "peer %s has not answered within %d s%s",
                  label(agent, &call->peer_id, name),
                  (call->fallback ? FALLBACK_DEADLINE_MS : DEADLINE_MS) / 1000, warning(call));
        fail_call(agent, call, &error);
    }
    if (!agent->carrier->calls)
        uv_timer_stop(timer);
}

static int check_peer(struct arctic_agent *agent, const struct arctic_id *id, struct arctic_error *error)
{
    const struct arci_agent_peer *peer = arci_peers_find(agent, id);
    const struct arci_entry *entry = arci_registry_find_any(agent->registry, ARCI_RECORD_PEER, id);
    char name[PEER_LABEL];
    char why[48];
    if (!entry)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, ARCI_CARRY_HEADER,
                         "peer %s does not exist, see arctic peers list", id->text);
    if (entry->record.deleted || arci_registry_revocation_of_peer(agent->registry, id))
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, ARCI_CARRY_HEADER, "peer %s %s",
                         label(agent, id, name), arci_membership_why_gone(agent, id, why, sizeof why));
    if (!peer)
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, ARCI_CARRY_HEADER,
                         "peer %s is known but has not completed a handshake yet", label(agent, id, name));
    return ARCTIC_OK;
}

static int find_link(struct arctic_agent *agent, const struct arctic_id *id, struct arci_link **ret_link,
                     struct arctic_error *error)
{
    int code = check_peer(agent, id, error);
    if (code < 0)
        return code;
    struct arci_agent_peer *peer = arci_peers_find(agent, id);
    struct arci_link *link = peer->link ? peer->link : arci_incoming_find_link(agent, id);
    char name[PEER_LABEL];
    if (!link)
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, NULL,
                         "peer %s, which has to do this, does not answer now: nothing was done",
                         label(agent, id, name));
    *ret_link = link;
    return ARCTIC_OK;
}

static int check_room(struct arctic_agent *agent, const struct arctic_id *id, bool anonymous,
                      struct arctic_error *error)
{
    size_t all = 0;
    size_t of_peer = 0;
    size_t without_token = 0;
    for (const struct arci_carry_call *call = agent->carrier->calls; call; call = call->next) {
        all++;
        of_peer += arctic_id_equal(&call->peer_id, id);
        without_token += call->anonymous;
    }
    if (all < CALLS_MAX && of_peer < CALLS_PER_PEER && (!anonymous || without_token < ANONYMOUS_CALLS_MAX))
        return ARCTIC_OK;
    char name[PEER_LABEL];
    return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, NULL,
                     "%zu requests wait for other peers already, %zu of them for %s: nothing was done, try "
                     "again soon",
                     all, of_peer, label(agent, id, name));
}

int arci_carry_check_queue(size_t queued, size_t more, struct arctic_error *error)
{
    if (queued == 0 || queued + more <= QUEUE_SHARE)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, NULL,
                     "%zu bytes wait to be sent between the two peers already: try again soon", queued);
}

static int judge_sent(int code, struct arctic_error *error)
{
    return code == ARCTIC_E_LIMIT ? arci_fail_within(error, ARCTIC_E_PEER_UNREACHABLE, "link") : code;
}

int arci_carry_send(struct arci_link *link, const json_t *message, size_t body_size,
                    struct arctic_error *error)
{
    int code = arci_carry_check_queue(arci_link_queued(link), body_size, error);
    return code < 0 ? code : judge_sent(arci_link_send(link, message, error), error);
}

int arci_carry_send_text(struct arci_link *link, const char *text, size_t length, struct arctic_error *error)
{
    int code = arci_carry_check_queue(arci_link_queued(link), length, error);
    return code < 0 ? code : judge_sent(arci_link_send_text(link, text, length, error), error);
}

static int send_call(const struct arci_carry_call *call, struct arctic_error *error)
{
    char target[ARCI_CARRIED_TARGET_MAX + 1];
    const char *query = arci_request_raw_query(call->request);
    struct arci_carried_request request = {
        .id = call->id,
        .method = arci_request_method(call->request),
        .target = target,
        .authorization = arci_request_header(call->request, "Authorization"),
    };
    const char *body = arci_request_body(call->request, &request.body_length);
    json_t *made = NULL;
    request.body = request.body_length > 0 ? body : NULL;
    int length = snprintf(target, sizeof target, "%s%s%s", arci_request_path(call->request), query ? "?" : "",
                          query ? query : "");
    if (length < 0 || (size_t)length >= sizeof target)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "the request target is too long");
    if (request.authorization && strlen(request.authorization) > ARCI_CARRIED_AUTHORIZATION_MAX)
        return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL, "the token is too long");
    int code = arci_carried_request_to_json(&request, &made, error);
    ARCI_JSON *message = made;
    size_t size = request.body ? arci_carried_body_size(request.body, request.body_length) : 0;
    return code < 0 ? code : arci_carry_send(call->link, message, size, error);
}

int arci_carry_start(struct arctic_agent *agent, const struct arctic_id *peer_id,
                     struct arci_request *request, bool fallback, struct arctic_error *error)
{
    struct arci_carrier *carrier = agent->carrier;
    struct arci_link *link = NULL;
    /* A token that nobody has looked at, such as that of a request for a public resource, names nobody. */
    bool anonymous = !arci_request_principal(request);
    int code = find_link(agent, peer_id, &link, error);
    if (code >= 0)
        code = check_room(agent, peer_id, anonymous, error);
    if (code < 0)
        return code;
    ARCI_FREE struct arci_carry_call *call = calloc(1, sizeof *call);
    if (!call)
        return arci_fail_memory(error);
    *call = (struct arci_carry_call){
        .next = carrier->calls,
        .request = request,
        .link = link,
        .peer_id = *peer_id,
        .id = ++carrier->next_id,
        .deadline = arci_time_monotonic() + (fallback ? FALLBACK_DEADLINE_MS : DEADLINE_MS),
        .fallback = fallback,
        .anonymous = anonymous,
    };
    code = send_call(call, error);
    if (code < 0)
        return code;
    carrier->calls = arci_steal(call);
    if (!uv_is_active((uv_handle_t *)&carrier->timer))
        uv_timer_start(&carrier->timer, check_deadlines, CHECK_INTERVAL_MS, CHECK_INTERVAL_MS);
    return ARCTIC_OK;
}

static struct arci_carry_call *find_call(const struct arctic_agent *agent, const struct arci_link *link,
                                         int64_t id)
{
    struct arci_carry_call *call = agent->carrier->calls;
    while (call && (call->id != id || call->link != link))
        call = call->next;
    return call;
}

/* A peer that this agent has met has not met all that this agent has: it may not know who issued the token. */
static bool knows_no_better(const struct arci_carry_call *call, const struct arci_carried_response *response)
{
    return call->fallback && response->status == 401;
}

static void take_response(struct arctic_agent *agent, const struct arci_link *link,
                          const struct arctic_id *peer_id, const json_t *message)
{
    struct arci_carried_response response;
    struct arctic_error error = {0};
    int code = arci_carried_response_from_json(message, &response, &error);
    struct arci_carry_call *call = find_call(agent, link, response.id);
    if (!call) {
        arci_log_debug(agent->log, "api", "answer that nobody waits for", ARCI_TEXT("peer_id", peer_id->text),
                       ARCI_INT("id", response.id));
        return;
    }
    if (code < 0 || knows_no_better(call, &response)) {
        char name[PEER_LABEL];
        arci_fail(&error, ARCTIC_E_PEER_UNREACHABLE, NULL, "the answer of peer %s makes no sense here%s",
                  label(agent, peer_id, name), warning(call));
        fail_call(agent, call, &error);
        return;
    }
    unlink_call(agent, call);
    arci_request_respond_copy(call->request, response.status, response.content_type, response.body,
                              response.body_length);
    free(call);
}

bool arci_carry_take_message(struct arctic_agent *agent, struct arci_link *link,
                             const struct arctic_id *peer_id, const json_t *message)
{
    const char *type = arci_message_type(message);
    if (strcmp(type, "request") == 0)
        arci_served_take(agent, link, peer_id, message);
    else if (strcmp(type, "response") == 0)
        take_response(agent, link, peer_id, message);
    else
        return false;
    return true;
}

/* The word that a peer has left, on the one link, overtakes its answer to who told it to, on the other. */
static bool is_done_by_leaving(const struct arctic_agent *agent, const struct arci_carry_call *call)
{
    const struct arci_entry *entry =
        arci_registry_find_any(agent->registry, ARCI_RECORD_PEER, &call->peer_id);
    return arci_request_endpoint(call->request)->handler == arci_api_peers_leave && entry &&
           entry->record.deleted;
}

void arci_carry_link_ended(struct arctic_agent *agent, const struct arci_link *link)
{
    struct arci_carry_call *next;
    arci_served_forget(agent, link);
    for (struct arci_carry_call *call = agent->carrier->calls; call; call = next) {
        char name[PEER_LABEL];
        struct arctic_error error;
        next = call->next;
        if (call->link != link)
            continue;
        if (is_done_by_leaving(agent, call)) {
            unlink_call(agent, call);
            arci_request_respond_empty(call->request, 204);
            free(call);
            continue;
        }
        arci_fail(&error, ARCTIC_E_PEER_UNREACHABLE, NULL, "the link to peer %s was lost before its answer%s",
                  label(agent, &call->peer_id, name), warning(call));
        fail_call(agent, call, &error);
    }
}

int arci_carry_create(struct arctic_agent *agent, struct arctic_error *error)
{
    agent->carrier = calloc(1, sizeof *agent->carrier);
    if (!agent->carrier)
        return arci_fail_memory(error);
    uv_timer_init(&agent->loop, &agent->carrier->timer);
    agent->carrier->timer.data = agent;
    return ARCTIC_OK;
}

void arci_carry_stop(struct arctic_agent *agent)
{
    struct arctic_error error;
    if (!agent->carrier)
        return;
    arci_fail(&error, ARCTIC_E_CANCELLED, NULL, "the agent stops");
    arci_served_forget(agent, NULL);
    while (agent->carrier->calls)
        fail_call(agent, agent->carrier->calls, &error);
    uv_close((uv_handle_t *)&agent->carrier->timer, NULL);
}

void arci_carry_free(struct arctic_agent *agent)
{
    free(agent->carrier);
    agent->carrier = NULL;
}
