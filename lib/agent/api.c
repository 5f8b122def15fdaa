/* The table of endpoints, and what their handlers share. */
#include "agent/api.h"

#include <stdlib.h>
#include <string.h>

#include "agent/peer-links.h"
#include "agent/peers.h"
#include "agent/reconcile.h"
#include "base/error.h"

const struct arci_http_endpoint arci_api_endpoints[] = {
    {"GET", "/livez", NULL, arci_api_livez, 0, "Whether the agent runs"},
    {"GET", "/readyz", NULL, arci_api_readyz, 0, "Whether the agent does its work, with the checks"},
    {"GET", "/v1/cluster/identity", NULL, arci_api_cluster_identity, 0, "Who this peer is"},
    {"POST", "/v1/bootstrap", NULL, arci_api_bootstrap, ARCI_HTTP_JSON,
     "Give the agent its identity and licence, once"},
    {"POST", "/v1/oauth/token", NULL, arci_api_token, ARCI_HTTP_FORM,
     "Get an access token for client credentials"},
    {"GET", "/v1/peers", "peers.read", arci_api_peers_list, 0, "List peers"},
    {"POST", "/v1/peers", "peers.write", arci_api_peers_add, ARCI_HTTP_JSON, "Add a peer by its address"},
    {"GET", "/v1/peers/{id}", "peers.read", arci_api_peers_get, 0, "Show a peer"},
    {"GET", "/v1/services", "services.read", arci_api_services_list, 0, "List services"},
    {"POST", "/v1/services", "services.write", arci_api_services_create, ARCI_HTTP_JSON, "Create a service"},
    {"GET", "/v1/services/{id}", "services.read", arci_api_services_get, 0, "Show a service with its routes"},
    {"PUT", "/v1/services/{id}", "services.write", arci_api_services_update, ARCI_HTTP_JSON,
     "Change members of a service"},
    {"DELETE", "/v1/services/{id}", "services.write", arci_api_services_delete, 0,
     "Delete a service and its routes"},
    {"GET", "/v1/services/{id}/routes", "services.read", arci_api_routes_list, 0,
     "List the routes of a service"},
    {"POST", "/v1/services/{id}/routes", "services.write", arci_api_routes_add, ARCI_HTTP_JSON,
     "Add routes, all or none"},
    {"PUT", "/v1/services/{id}/routes/{route_id}", "services.write", arci_api_routes_update, ARCI_HTTP_JSON,
     "Change members of a route"},
    {"DELETE", "/v1/services/{id}/routes/{route_id}", "services.write", arci_api_routes_delete, 0,
     "Delete a route"},
    {NULL, NULL, NULL, NULL, 0, NULL},
};

int arci_api_find_service(struct arctic_agent *agent, const struct arci_request *request,
                          const struct arci_entry **ret_entry, struct arctic_error *error)
{
    const char *text = arci_request_parameter(request, "id");
    struct arctic_id id;
    const struct arci_entry *entry = NULL;
    if (arctic_id_parse(ARCTIC_ID_SERVICE, text, &id, NULL) >= 0)
        entry = arci_registry_find(agent->registry, ARCI_RECORD_SERVICE, &id);
    if (!entry)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "service %.60s does not exist", text);
    *ret_entry = entry;
    return ARCTIC_OK;
}

int arci_api_find_own_service(struct arctic_agent *agent, const struct arci_request *request,
                              const struct arci_entry **ret_entry, struct arctic_error *error)
{
    int code = arci_api_find_service(agent, request, ret_entry, error);
    if (code < 0)
        return code;
    const struct arctic_id *owner = &(*ret_entry)->record.owner;
    if (arctic_id_equal(owner, &agent->local_id))
        return ARCTIC_OK;
    const struct arci_agent_peer *peer = arci_peers_find(agent, owner);
    return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, NULL,
                     "service %s belongs to its source peer %s: make the change there, at %s",
                     (*ret_entry)->record.id.text, owner->text,
                     peer ? peer->live.address : "its own address");
}

/* An answer that waits for the next pass of the reconciler. */
struct pending_answer {
    struct arctic_agent *agent;
    struct arci_request *request;
    struct arctic_id service_id;
    int status;
    arci_api_make_body make_body;
    json_t *extra;
};

static void send_answer(void *context)
{
    struct pending_answer *answer = context;
    if (answer->make_body)
        arci_request_respond_json(answer->request, answer->status,
                                  answer->make_body(answer->agent, &answer->service_id, answer->extra));
    else
        arci_request_respond_empty(answer->request, answer->status);
    json_decref(answer->extra);
    free(answer);
}

void arci_api_answer_after_change(struct arctic_agent *agent, struct arci_request *request,
                                  const struct arctic_id *service_id, int status,
                                  arci_api_make_body make_body, json_t *extra)
{
    struct pending_answer *answer = calloc(1, sizeof *answer);
    if (!answer) {
        json_decref(extra);
        arci_request_fail(request,
                          &(struct arctic_error){.code = ARCTIC_E_NO_MEMORY, .message = "out of memory"});
        return;
    }
    *answer = (struct pending_answer){agent, request, *service_id, status, make_body, extra};
    arci_peers_publish(agent, ARCI_RECORD_SERVICE, service_id);
    arci_reconcile_then(agent, send_answer, answer);
}
