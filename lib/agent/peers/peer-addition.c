/* Additions of peers that are under way, one for each request. */
#include "agent/peers/peer-addition.h"

#include <stdlib.h>

#include "agent/peers/look-up.h"
#include "agent/peers/membership.h"
#include "agent/peers/peer-links.h"
#include "base/error.h"

/* Handshakes are tried this often before the peer counts as unreachable. */
#define ADD_TRIES 3
#define ADD_RETRY_MS 500
/* Look-ups at a time, each on a thread. */
#define LOOK_UPS_MAX 8
/* Under way at a time, beside carried ones, which have a limit of their own. Each holds its client's connection, also where the client
 * has gone; others need some too. */
#define ADDITIONS_MAX 32

struct arci_peer_addition {
    struct arci_peer_addition *next;
    struct arctic_agent *agent;
    bool queued;                  /* waits for its look-up to begin */
    struct arci_look_up *look_up; /* NULL when not looking up */
    struct arci_dial *dial;       /* NULL when not dialling */
    struct arci_request *request;
    struct arci_peer_request body;
    int tries;
    uv_timer_t timer;
};

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
    const json_t *revocation = arci_dial_revocation(add->dial);
    add->dial = NULL;
    if (!link) {
        arci_membership_hear(add->agent, revocation);
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
    arci_request_respond_json(add->request, 201, entry ? arci_api_peer_json(add->agent, entry) : NULL);
    end_add(add);
}

static int check_found(struct arci_peer_addition *add, const struct arci_looked_up *found,
                       struct arctic_error *error)
{
    if (arctic_id_equal(&found->peer_id, &add->agent->local_id))
        return arci_fail(
            error, ARCTIC_E_INVALID_REQUEST, "address",
            "%s is this agent itself or a copy of it: an agent on another host needs an empty data "
            "directory and a bootstrap of its own",
            add->body.address);
    int code = arci_membership_check(add->agent, &found->peer_id, found->public_key, error);
    if (code < 0)
        return arci_fail_at(error, code, "address");
    return arci_peers_check_room(add->agent, &found->peer_id, error);
}

static int dial_found(struct arci_peer_addition *add, const struct arci_looked_up *found,
                      struct arctic_error *error)
{
    struct arci_dial_options options = {
        .endpoints = found->endpoints,
        .endpoint_count = found->endpoint_count,
        .expected_key = found->public_key,
        .suggested_name = add->body.name,
        .self = add_self,
        .done = add_done,
        .context = add,
    };
    arci_peers_link_options(add->agent, &options.link);
    return arci_dial_start(&options, &add->dial, error);
}

static void on_found(void *context, const struct arci_looked_up *found)
{
    struct arci_peer_addition *add = context;
    struct arctic_error error;
    add->look_up = NULL;
    start_look_ups(add->agent);
    if (found->code < 0) {
        fail_try(add, &found->error);
        return;
    }
    int code = check_found(add, found, &error);
    if (code >= 0)
        code = dial_found(add, found, &error);
    if (code < 0)
        fail_add(add, &error);
}

static void start_look_up(struct arci_peer_addition *add)
{
    struct arctic_agent *agent = add->agent;
    struct arctic_error error;
    add->queued = false;
    if (arci_look_up_start(&agent->loop, add->body.address, arci_kernel_bypass_mark(agent->kernel), on_found,
                           add, &add->look_up, &error) < 0)
        fail_add(add, &error);
}

/* Begins what waits, oldest first. */
static void start_look_ups(struct arctic_agent *agent)
{
    size_t running = 0;
    struct arci_peer_addition *next;
    for (struct arci_peer_addition *add = agent->additions; add; add = add->next)
        running += add->look_up != NULL;
    for (struct arci_peer_addition *add = agent->additions; add && running < LOOK_UPS_MAX; add = next) {
        next = add->next;
        if (!add->queued)
            continue;
        start_look_up(add);
        running++;
    }
}

static void start_try(struct arci_peer_addition *add)
{
    add->queued = true;
    start_look_ups(add->agent);
}

void arci_peer_additions_stop(struct arctic_agent *agent)
{
    struct arctic_error error;
    if (agent->stopping)
        arci_fail(&error, ARCTIC_E_CANCELLED, NULL, "the agent stops");
    else
        arci_fail(&error, ARCTIC_E_NOT_BOOTSTRAPPED, NULL, "this agent has left its cluster in the meantime");
    while (agent->additions) {
        arci_look_up_cancel(agent->additions->look_up);
        arci_dial_cancel(agent->additions->dial);
        fail_add(agent->additions, &error);
    }
}

static int check_room(const struct arctic_agent *agent, const struct arci_request *request,
                      struct arctic_error *error)
{
    size_t count = 0;
    for (const struct arci_peer_addition *add = agent->additions; add; add = add->next)
        count += !arci_request_is_carried(add->request);
    if (count < ADDITIONS_MAX || arci_request_is_carried(request))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, NULL,
                     "%zu peers are being added already: nothing was done, try again soon", count);
}

int arci_peer_addition_start(struct arctic_agent *agent, struct arci_request *request,
                             const struct arci_peer_request *body, struct arctic_error *error)
{
    int code = check_room(agent, request, error);
    if (code < 0)
        return code;
    struct arci_peer_addition *add = calloc(1, sizeof *add);
    if (!add)
        return arci_fail_memory(error);
    add->agent = agent;
    add->request = request;
    add->body = *body;
    uv_timer_init(&agent->loop, &add->timer);
    add->timer.data = add;
    struct arci_peer_addition **last = &agent->additions;
    while (*last)
        last = &(*last)->next;
    *last = add;
    start_try(add);
    return ARCTIC_OK;
}
