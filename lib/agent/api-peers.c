/* Peers: list, show, add. */
#include "agent/api.h"
#include "agent/peer-addition.h"
#include "agent/peers.h"
#include "base/error.h"

json_t *arci_api_peer_json(struct arctic_agent *agent, const struct arci_entry *entry)
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
            json_array_append_new(list, arci_api_peer_json(agent, entry));
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
        arci_request_respond_json(request, 200, arci_api_peer_json(agent, entry));
        return;
    }
    arci_fail(&error, ARCTIC_E_NOT_FOUND, NULL, "peer %.60s does not exist", text);
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
