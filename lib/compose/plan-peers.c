/*
 * Who of the document's peers is in the cluster: by name, by the address under which the cluster knows it, and else by what the agent
 * at the address says of itself.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "compose/changes.h"
#include "compose/plan.h"
#include "model/members.h"

ARCI_DEFINE_CLEANUP(struct arctic_client *, arctic_client_free, client_cleanup)

static const struct arci_live_peer *find_by_name(const struct arctic_compose_plan *plan,
                                                 const struct arci_spec_peer *peer)
{
    const struct arci_live_peer *found = NULL;
    for (size_t i = 0; i < plan->live.peer_count; i++) {
        const struct arci_live_peer *live = &plan->live.peers[i];
        if (live->revoked || strcmp(live->name, peer->name) != 0)
            continue;
        /* Names of peers need not be unique in a cluster; then the address says who is meant. */
        if (!found || strcmp(live->address, peer->address) == 0)
            found = live;
    }
    return found;
}

static const struct arci_live_peer *find_by_address(const struct arctic_compose_plan *plan,
                                                    const struct arci_spec_peer *peer)
{
    for (size_t i = 0; i < plan->live.peer_count; i++) {
        const struct arci_live_peer *live = &plan->live.peers[i];
        if (!live->revoked && strcmp(live->address, peer->address) == 0)
            return live;
    }
    return NULL;
}

int arci_plan_stranger(const struct arctic_compose_plan *plan, const struct arci_spec_peer *peer,
                       struct arctic_client **ret_client, struct arctic_error *error)
{
    ARCI_FREE char *url = NULL;
    if (asprintf(&url, "http://%s", peer->address) < 0) {
        url = NULL;
        return arci_fail_memory(error);
    }
    const char *const endpoints[] = {url, NULL};
    struct arctic_client_options options = {
        .size = sizeof options, .endpoints = endpoints, .timeout_ms = plan->timeout_ms};
    return arctic_client_create(&options, ret_client, error);
}

/* *ret_id stays "" where the agent is not bootstrapped. */
static int ask_identity(const struct arctic_compose_plan *plan, const struct arci_spec_peer *peer,
                        struct arctic_id *ret_id, struct arctic_error *error)
{
    ARCI_CLEANUP(client_cleanup) struct arctic_client *client = NULL;
    ARCI_JSON *answer = NULL;
    struct arctic_error inner = {0};
    int code = arci_plan_stranger(plan, peer, &client, &inner);
    if (code == ARCTIC_OK)
        code = arci_compose_request(client, "GET", "/v1/cluster/identity", NULL, &answer, &inner);
    if (code == ARCTIC_E_NOT_BOOTSTRAPPED)
        return ARCTIC_OK;
    if (code == ARCTIC_OK)
        code = arci_read_id(answer, "peer_id", true, ARCTIC_ID_PEER, ret_id, &inner);
    return code < 0 ? arci_fail(error, code, inner.field, "peer '%s' (%s): %s", peer->name, peer->address,
                                inner.message)
                    : code;
}

static int plan_rename(struct arctic_compose_plan *plan, size_t index, const struct arci_live_peer *live,
                       struct arctic_error *error)
{
    const struct arci_spec_peer *peer = &plan->spec->peers[index];
    struct arci_step *step = arci_plan_add(plan, ARCI_ACTION_RENAME, peer->name);
    if (!step)
        return arci_fail_memory(error);
    step->peer = index;
    step->id = live->id;
    step->changes = json_array();
    step->body = json_pack("{s:s}", "name", peer->name);
    if (!step->changes || !step->body ||
        !arci_changes_add(step->changes, "name", json_string(live->name), json_string(peer->name)))
        return arci_fail_memory(error);
    return ARCTIC_OK;
}

static int plan_addition(struct arctic_compose_plan *plan, size_t index, struct arctic_error *error)
{
    struct arci_step *step = arci_plan_add(plan, ARCI_ACTION_ADD, plan->spec->peers[index].name);
    if (!step)
        return arci_fail_memory(error);
    step->peer = index;
    step->id = plan->peer_ids[index];
    return ARCTIC_OK;
}

static int plan_known(struct arctic_compose_plan *plan, size_t index, const struct arci_live_peer *live,
                      struct arctic_error *error)
{
    int code = ARCTIC_OK;
    plan->peer_ids[index] = live->id;
    if (!live->has_met)
        code = plan_addition(plan, index, error);
    if (code == ARCTIC_OK && strcmp(live->name, plan->spec->peers[index].name) != 0)
        code = plan_rename(plan, index, live, error);
    return code;
}

/* Peers that were revoked are not in the list of the cluster, and shown to who asks for one. */
static int check_not_revoked(const struct arctic_compose_plan *plan, const struct arci_spec_peer *peer,
                             const struct arctic_id *id, struct arctic_error *error)
{
    char path[64];
    ARCI_JSON *answer = NULL;
    const char *state = "";
    if (!plan->client)
        return ARCTIC_OK;
    snprintf(path, sizeof path, "/v1/peers/%s", id->text);
    int code = arci_compose_request(plan->client, "GET", path, NULL, &answer, error);
    if (code == ARCTIC_E_NOT_FOUND)
        return ARCTIC_OK;
    if (code == ARCTIC_OK)
        code = arci_json_text(answer, "state", false, &state, error);
    if (code < 0 || strcmp(state, "revoked") != 0)
        return code;
    return arci_fail(error, ARCTIC_E_FORBIDDEN, NULL,
                     "peer '%s' (%s) is %s, which was revoked: it needs a new identity (on its host: arctic "
                     "peers remove-self), or take it out of the document",
                     peer->name, peer->address, id->text);
}

static int plan_stranger(struct arctic_compose_plan *plan, size_t index, struct arctic_error *error)
{
    const struct arci_spec_peer *peer = &plan->spec->peers[index];
    struct arctic_id *id = &plan->peer_ids[index];
    int code = ask_identity(plan, peer, id, error);
    if (code < 0)
        return code;
    const struct arci_live_peer *live = *id->text ? arci_live_find_peer(&plan->live, id) : NULL;
    if (live && !live->revoked)
        return plan_known(plan, index, live, error);
    /* One that is good is added once it is known who meets it. */
    if (*id->text)
        return check_not_revoked(plan, peer, id, error);
    struct arci_step *step = arci_plan_add(plan, ARCI_ACTION_BOOTSTRAP, peer->name);
    if (!step)
        return arci_fail_memory(error);
    step->peer = index;
    return ARCTIC_OK;
}

/*
 * Without credentials the first peer that is bootstrapped here is the one that others are added to: its credentials are new. So a
 * run that lost those of one peer goes on by way of another.
 */
static int plan_meetings(struct arctic_compose_plan *plan, struct arctic_error *error)
{
    size_t first = plan->spec->peer_count;
    if (!plan->client && plan->step_count == 0)
        return arci_fail(
            error, ARCTIC_E_UNAUTHORIZED, NULL,
            "the peers of this document are bootstrapped, and there are no credentials for any of them");
    if (!plan->client)
        first = plan->steps[0].peer;
    int code = ARCTIC_OK;
    for (size_t i = 0; i < plan->spec->peer_count && code == ARCTIC_OK; i++) {
        bool in_cluster = *plan->peer_ids[i].text && arci_live_find_peer(&plan->live, &plan->peer_ids[i]);
        if (i != first && !in_cluster)
            code = plan_addition(plan, i, error);
    }
    return code;
}

/* Two names for one agent would take turns, and services between them have the same source and target. */
static int check_unique(const struct arctic_compose_plan *plan, size_t index, struct arctic_error *error)
{
    const struct arctic_id *id = &plan->peer_ids[index];
    for (size_t i = 0; i < index && *id->text; i++) {
        if (arctic_id_equal(&plan->peer_ids[i], id))
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL,
                             "the peers '%s' and '%s' of the document are one agent, %s: leave one out",
                             plan->spec->peers[i].name, plan->spec->peers[index].name, id->text);
    }
    return ARCTIC_OK;
}

static int plan_peer(struct arctic_compose_plan *plan, size_t index, struct arctic_error *error)
{
    const struct arci_spec_peer *peer = &plan->spec->peers[index];
    const struct arci_live_peer *live = find_by_name(plan, peer);
    if (!live)
        live = find_by_address(plan, peer);
    int code = live ? plan_known(plan, index, live, error) : plan_stranger(plan, index, error);
    return code < 0 ? code : check_unique(plan, index, error);
}

int arci_plan_peers(struct arctic_compose_plan *plan, struct arctic_error *error)
{
    int code = ARCTIC_OK;
    for (size_t i = 0; i < plan->spec->peer_count && code == ARCTIC_OK; i++)
        code = plan_peer(plan, i, error);
    return code < 0 ? code : plan_meetings(plan, error);
}
