/* Peers: list, show, add, change, revoke, leave. */
#include <string.h>

#include "agent/api/api.h"
#include "agent/api/credentials.h"
#include "agent/local-peer.h"
#include "agent/peers/departure.h"
#include "agent/peers/membership.h"
#include "agent/peers/own-endpoints.h"
#include "agent/peers/peer-addition.h"
#include "agent/peers/peer-links.h"
#include "agent/peers/peer-word.h"
#include "agent/peers/peers.h"
#include "base/error.h"
#include "model/members.h"

json_t *arci_api_peer_json(struct arctic_agent *agent, const struct arci_entry *entry)
{
    const struct arci_agent_peer *known = arci_peers_find(agent, &entry->record.id);
    struct arci_peer_live live = {.state = ARCI_PEER_DISCOVERED, .rtt_us = -1};
    if (known)
        live = known->live;
    if (arctic_id_equal(&entry->record.id, &agent->local_id)) {
        live.is_local = true;
        live.state = ARCI_PEER_CONNECTED;
        arci_own_endpoints(agent, &live);
    }
    if (arci_registry_revocation_of_key(agent->registry, entry->content.peer.public_key))
        live.state = ARCI_PEER_REVOKED;
    ARCI_JSON *object = arci_peer_to_json(&entry->content.peer, &live);
    if (!object ||
        !arci_put_boolean(object, "reachable", live.is_local || (known && arci_peers_reachable(known))) ||
        !arci_put_boolean(object, "converged", live.is_local || (known && arci_peer_word_agrees(known))))
        return NULL;
    return arci_steal(object);
}

/* A revoked one is not listed, and is shown to who asks for it: services may still name it. */
static bool is_listed(const struct arctic_agent *agent, const struct arci_entry *entry)
{
    return arctic_id_equal(&entry->record.id, &agent->local_id) ||
           !arci_registry_revocation_of_key(agent->registry, entry->content.peer.public_key);
}

void arci_api_peers_list(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arctic_error error;
    const struct arci_entry *entry = NULL;
    size_t cursor = 0;
    bool wanted = false;
    if (arci_request_query_boolean(request, "is_local", &wanted, &error) < 0) {
        arci_request_fail(request, &error);
        return;
    }
    json_t *list = json_array();
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_PEER, &cursor))) {
        bool is_local = arctic_id_equal(&entry->record.id, &agent->local_id);
        bool passes = !arci_request_query(request, "is_local") || wanted == is_local;
        if (passes && is_listed(agent, entry))
            json_array_append_new(list, arci_api_peer_json(agent, entry));
    }
    arci_request_respond_json(request, 200, json_pack("{s:o}", "peers", list));
}

static int find_peer(struct arctic_agent *agent, const struct arci_request *request,
                     const struct arci_entry **ret_entry, struct arctic_error *error)
{
    const char *text = arci_request_parameter(request, "id");
    const struct arci_entry *entry = NULL;
    struct arctic_id id;
    if (arctic_id_parse(ARCTIC_ID_PEER, text, &id, NULL) >= 0)
        entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &id);
    if (!entry)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "peer %.60s does not exist", text);
    *ret_entry = entry;
    return ARCTIC_OK;
}

void arci_api_peers_get(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    const struct arci_entry *entry = NULL;
    struct arctic_error error;
    if (find_peer(agent, request, &entry, &error) < 0)
        arci_request_fail(request, &error);
    else
        arci_request_respond_json(request, 200, arci_api_peer_json(agent, entry));
}

/* A peer's record is its own to sign. */
static int check_own_peer(struct arctic_agent *agent, const struct arci_entry *entry,
                          struct arctic_error *error)
{
    if (arctic_id_equal(&entry->record.id, &agent->local_id))
        return ARCTIC_OK;
    const struct arci_agent_peer *peer = arci_peers_find(agent, &entry->record.id);
    return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, NULL,
                     "name and description of peer %s are its own to change: send this request to %s",
                     entry->record.id.text, peer ? peer->live.address : "that peer");
}

/* Two peers that were named elsewhere may have one name; here nobody is given another's, which would then name neither. */
static int check_name(const struct arctic_agent *agent, const json_t *body, struct arctic_error *error)
{
    const char *name = json_string_value(json_object_get(body, "name"));
    const struct arci_entry *entry = NULL;
    size_t cursor = 0;
    while (name && (entry = arci_registry_next(agent->registry, ARCI_RECORD_PEER, &cursor))) {
        if (!arctic_id_equal(&entry->record.id, &agent->local_id) && is_listed(agent, entry) &&
            strcmp(entry->content.peer.name, name) == 0)
            return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, "name", "peer %s is named '%s' already",
                             entry->record.id.text, name);
    }
    return ARCTIC_OK;
}

void arci_api_peers_update(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    const struct arci_entry *entry = NULL;
    struct arctic_error error;
    int code = find_peer(agent, request, &entry, &error);
    if (code >= 0)
        code = check_own_peer(agent, entry, &error);
    if (code >= 0)
        code = check_name(agent, arci_request_json(request), &error);
    if (code >= 0)
        code = arci_local_peer_update(agent, arci_request_json(request), &error);
    if (code < 0) {
        arci_request_fail(request, &error);
        return;
    }
    entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id);
    arci_request_respond_json(request, 200, entry ? arci_api_peer_json(agent, entry) : NULL);
}

void arci_api_peers_revoke(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    const struct arci_entry *entry = NULL;
    struct arctic_error error;
    int code = find_peer(agent, request, &entry, &error);
    if (code >= 0 && arctic_id_equal(&entry->record.id, &agent->local_id))
        code = arci_fail(&error, ARCTIC_E_INVALID_REQUEST, "id",
                         "peer %s is this agent itself, which leaves the cluster by DELETE /v1/peers/self "
                         "(arctic peers remove-self)",
                         entry->record.id.text);
    if (code >= 0)
        code = arci_credentials_check_without(agent, &entry->record.id, &error);
    if (code >= 0)
        code = arci_membership_revoke(agent, entry, &error);
    if (code < 0)
        arci_request_fail(request, &error);
    else
        arci_api_answer_after_pass(agent, request, 204);
}

void arci_api_peers_leave(void *context, struct arci_request *request)
{
    struct arctic_error error;
    if (arci_departure_start(context, request, &error) < 0)
        arci_request_fail(request, &error);
}

static int check_ready(struct arctic_agent *agent, struct arctic_error *error)
{
    if (agent->tunnel_port == 0)
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, NULL, "this agent's own tunnel does not run: %s",
                         agent->data_plane_problem.message[0] ? agent->data_plane_problem.message
                                                              : "see the checks of /readyz");
    return ARCTIC_OK;
}

void arci_api_peers_add(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arci_peer_request body;
    struct arctic_error error;
    int code = arci_peer_request_from_json(arci_request_json(request), &body, &error);
    if (code >= 0)
        code = check_ready(agent, &error);
    if (code >= 0)
        code = arci_peer_addition_start(agent, request, &body, &error);
    if (code < 0)
        arci_request_fail(request, &error);
}
