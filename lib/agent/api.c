/* The table of endpoints, and what their handlers share. */
#include "agent/api.h"

#include <stdlib.h>
#include <string.h>

#include "agent/auth.h"
#include "agent/peer-links.h"
#include "agent/peers.h"
#include "agent/reconcile.h"
#include "base/error.h"

const struct arci_http_endpoint arci_api_endpoints[] = {
    {.method = "GET",
     .path = "/livez",
     .handler = arci_api_livez,
     .summary = "Whether the agent runs",
     .response = "Health"},
    {.method = "GET",
     .path = "/readyz",
     .handler = arci_api_readyz,
     .summary = "Whether the agent does its work, with the checks",
     .response = "Readiness"},
    {.method = "GET",
     .path = "/v1/openapi.json",
     .handler = arci_api_openapi,
     .summary = "This API, as an OpenAPI 3.1 document",
     .response = "OpenApi"},
    {.method = "GET",
     .path = "/metrics",
     .scope = "admin",
     .handler = arci_api_metrics,
     .flags = ARCI_HTTP_PUBLIC_ON_LOOPBACK | ARCI_HTTP_TEXT,
     .summary = "Counters and gauges for Prometheus"},
    {.method = "GET",
     .path = "/v1/cluster/identity",
     .handler = arci_api_cluster_identity,
     .summary = "Who this peer is",
     .response = "Identity"},
    {.method = "POST",
     .path = "/v1/cluster/init",
     .scope = "admin",
     .handler = arci_api_cluster_init,
     .flags = ARCI_HTTP_JSON_OPTIONAL,
     .summary = "Give this agent's cluster a new id",
     .request = "ClusterInitRequest",
     .response = "Identity"},
    {.method = "POST",
     .path = "/v1/cluster/sync",
     .scope = "admin",
     .handler = arci_api_cluster_sync,
     .flags = ARCI_HTTP_JSON_OPTIONAL | ARCI_HTTP_READS,
     .summary = "Exchange records with all peers and bring kernel and data plane in line, now",
     .request = "NoMembers",
     .response = "ClusterSync"},
    {.method = "GET",
     .path = "/v1/cluster/status",
     .scope = "admin",
     .handler = arci_api_cluster_status,
     .summary = "Show what is known of each peer, and totals",
     .response = "ClusterStatus"},
    {.method = "POST",
     .path = "/v1/bootstrap",
     .handler = arci_api_bootstrap,
     .flags = ARCI_HTTP_JSON | ARCI_HTTP_NEVER_CARRIED,
     .summary = "Give the agent its identity and licence, once",
     .request = "BootstrapRequest",
     .response = "Bootstrap",
     .status = 201},
    {.method = "POST",
     .path = "/v1/oauth/token",
     .handler = arci_api_token,
     .flags = ARCI_HTTP_FORM | ARCI_HTTP_NEVER_CARRIED,
     .summary = "Get an access token for client credentials",
     .request = "TokenRequest",
     .response = "Token"},
    {.method = "GET",
     .path = "/.well-known/openid-configuration",
     .handler = arci_api_openid_configuration,
     .summary = "How access tokens are got and checked (OpenID Connect Discovery)",
     .response = "OpenidConfiguration"},
    {.method = "GET",
     .path = "/.well-known/jwks.json",
     .handler = arci_api_jwks,
     .summary = "Public keys that sign access tokens",
     .response = "KeySet"},
    {.method = "GET",
     .path = "/v1/license",
     .scope = "admin",
     .handler = arci_api_license_get,
     .flags = ARCI_HTTP_ALWAYS,
     .summary = "Show the licence, its state and what is in use of it",
     .response = "License"},
    {.method = "PUT",
     .path = "/v1/license",
     .scope = "admin",
     .handler = arci_api_license_update,
     .flags = ARCI_HTTP_JSON | ARCI_HTTP_ALWAYS,
     .summary = "Replace the licence by a later one of the same customer",
     .request = "LicenseRequest",
     .response = "License"},
    {.method = "GET",
     .path = "/v1/credentials",
     .scope = "credentials.read",
     .handler = arci_api_credentials_list,
     .summary = "List credentials, without their secrets",
     .response = "CredentialList"},
    {.method = "POST",
     .path = "/v1/credentials",
     .scope = "credentials.write",
     .handler = arci_api_credentials_create,
     .flags = ARCI_HTTP_JSON,
     .summary = "Create a credential; its secret is shown once",
     .request = "CredentialRequest",
     .response = "CredentialWithSecret",
     .status = 201},
    {.method = "DELETE",
     .path = "/v1/credentials/{client_id}",
     .scope = "credentials.write",
     .handler = arci_api_credentials_revoke,
     .owner = arci_api_owner_of_credential,
     .summary = "Revoke a credential",
     .status = 204},
    {.method = "GET",
     .path = "/v1/cluster/credentials",
     .scope = "admin",
     .handler = arci_api_cluster_credentials_get,
     .summary = "Show the credential that the cluster shares, without its secret",
     .response = "Credential"},
    {.method = "POST",
     .path = "/v1/cluster/credentials/rotate",
     .scope = "admin",
     .handler = arci_api_cluster_credentials_rotate,
     .flags = ARCI_HTTP_JSON_OPTIONAL,
     .owner = arci_api_owner_of_cluster_credential,
     .summary = "Give the credential that the cluster shares a new secret; the former one works for 24 h",
     .request = "NoMembers",
     .response = "CredentialWithSecret"},
    {.method = "GET",
     .path = "/v1/peers",
     .scope = "peers.read",
     .handler = arci_api_peers_list,
     .summary = "List peers",
     .query = "is_local",
     .response = "PeerList"},
    {.method = "POST",
     .path = "/v1/peers",
     .scope = "peers.write",
     .handler = arci_api_peers_add,
     .flags = ARCI_HTTP_JSON,
     .summary = "Add a peer by its address",
     .request = "PeerRequest",
     .response = "Peer",
     .status = 201},
    {.method = "GET",
     .path = "/v1/peers/{id}",
     .scope = "peers.read",
     .handler = arci_api_peers_get,
     .summary = "Show a peer",
     .response = "Peer"},
    {.method = "PUT",
     .path = "/v1/peers/{id}",
     .scope = "peers.write",
     .handler = arci_api_peers_update,
     .flags = ARCI_HTTP_JSON,
     .owner = arci_api_owner_of_peer,
     .summary = "Change name or description of a peer",
     .request = "PeerUpdate",
     .response = "Peer"},
    {.method = "DELETE",
     .path = "/v1/peers/{id}",
     .scope = "peers.write",
     .handler = arci_api_peers_revoke,
     .summary = "Revoke another peer, for good",
     .status = 204},
    {.method = "DELETE",
     .path = "/v1/peers/self",
     .scope = "peers.write",
     .handler = arci_api_peers_leave,
     .summary = "Leave the cluster and forget the identity",
     .status = 204},
    {.method = "GET",
     .path = "/v1/services",
     .scope = "services.read",
     .handler = arci_api_services_list,
     .summary = "List services",
     .query = "source_peer_id,target_peer_id,requires_interface",
     .response = "ServiceList"},
    {.method = "POST",
     .path = "/v1/services",
     .scope = "services.write",
     .handler = arci_api_services_create,
     .flags = ARCI_HTTP_JSON,
     .owner = arci_api_owner_of_new_service,
     .summary = "Create a service",
     .request = "ServiceRequest",
     .response = "Service",
     .status = 201},
    {.method = "GET",
     .path = "/v1/services/{id}",
     .scope = "services.read",
     .handler = arci_api_services_get,
     .owner = arci_api_owner_of_service,
     .summary = "Show a service with its routes",
     .response = "Service"},
    {.method = "PUT",
     .path = "/v1/services/{id}",
     .scope = "services.write",
     .handler = arci_api_services_update,
     .flags = ARCI_HTTP_JSON,
     .owner = arci_api_owner_of_service,
     .summary = "Change members of a service",
     .request = "ServiceUpdate",
     .response = "Service"},
    {.method = "DELETE",
     .path = "/v1/services/{id}",
     .scope = "services.write",
     .handler = arci_api_services_delete,
     .owner = arci_api_owner_of_service,
     .summary = "Delete a service and its routes",
     .status = 204},
    {.method = "GET",
     .path = "/v1/services/{id}/routes",
     .scope = "services.read",
     .handler = arci_api_routes_list,
     .owner = arci_api_owner_of_service,
     .summary = "List the routes of a service",
     .response = "RouteList"},
    {.method = "POST",
     .path = "/v1/services/{id}/routes",
     .scope = "services.write",
     .handler = arci_api_routes_add,
     .flags = ARCI_HTTP_JSON,
     .owner = arci_api_owner_of_service,
     .summary = "Add routes, all or none",
     .request = "RoutesRequest",
     .response = "RoutesAdded",
     .status = 201},
    {.method = "PUT",
     .path = "/v1/services/{id}/routes/{route_id}",
     .scope = "services.write",
     .handler = arci_api_routes_update,
     .flags = ARCI_HTTP_JSON,
     .owner = arci_api_owner_of_service,
     .summary = "Change members of a route",
     .request = "RouteUpdate",
     .response = "Route"},
    {.method = "DELETE",
     .path = "/v1/services/{id}/routes/{route_id}",
     .scope = "services.write",
     .handler = arci_api_routes_delete,
     .owner = arci_api_owner_of_service,
     .summary = "Delete a route",
     .status = 204},
    {.method = "POST",
     .path = "/v1/routes/explain",
     .scope = "services.read",
     .handler = arci_api_routes_explain,
     .flags = ARCI_HTTP_JSON | ARCI_HTTP_READS,
     .summary = "Show which route takes a flow, and why the others do not",
     .request = "ExplainRequest",
     .response = "Explanation"},
    {.method = NULL},
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

/* Another client may have deleted the service before the pass has ended, or the agent have left its cluster. */
static int check_still_there(const struct pending_answer *answer, struct arctic_error *error)
{
    const struct arctic_id *id = &answer->service_id;
    if (!answer->make_body || arci_registry_find(answer->agent->registry, ARCI_RECORD_SERVICE, id))
        return ARCTIC_OK;
    int code = arci_auth_check_bootstrapped(answer->agent, error);
    return code < 0 ? code
                    : arci_fail(error, ARCTIC_E_NOT_FOUND, NULL,
                                "service %s has been deleted by another request in the meantime", id->text);
}

static void send_answer(void *context)
{
    struct pending_answer *answer = context;
    struct arctic_error error;
    if (check_still_there(answer, &error) < 0)
        arci_request_fail(answer->request, &error);
    else if (answer->make_body)
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
    if (service_id->text[0])
        arci_peers_publish(agent, ARCI_RECORD_SERVICE, service_id);
    arci_reconcile_then(agent, send_answer, answer);
}

void arci_api_answer_after_pass(struct arctic_agent *agent, struct arci_request *request, int status)
{
    static const struct arctic_id none = {{0}};
    arci_api_answer_after_change(agent, request, &none, status, NULL, NULL);
}
