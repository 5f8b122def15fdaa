/*
 * The REST API: one table of endpoints and the handlers behind it, a file for each subject. Handlers get the agent as context.
 */
#ifndef ARCI_AGENT_API_H
#define ARCI_AGENT_API_H

#include "agent/agent-internal.h"

/* The table; ends with a row whose method is NULL. */
extern const struct arci_http_endpoint arci_api_endpoints[];

/* api-health.c */
void arci_api_livez(void *context, struct arci_request *request);
void arci_api_readyz(void *context, struct arci_request *request);
void arci_api_cluster_identity(void *context, struct arci_request *request);

/* api-access.c */
void arci_api_bootstrap(void *context, struct arci_request *request);
void arci_api_token(void *context, struct arci_request *request);

/* api-credentials.c */
void arci_api_credentials_list(void *context, struct arci_request *request);
void arci_api_credentials_create(void *context, struct arci_request *request);
void arci_api_credentials_revoke(void *context, struct arci_request *request);
void arci_api_cluster_credentials_get(void *context, struct arci_request *request);
void arci_api_cluster_credentials_rotate(void *context, struct arci_request *request);

/* api-license.c */
void arci_api_license_get(void *context, struct arci_request *request);
void arci_api_license_update(void *context, struct arci_request *request);

/* api-oidc.c */
void arci_api_openid_configuration(void *context, struct arci_request *request);
void arci_api_jwks(void *context, struct arci_request *request);

/* api-peers.c */
void arci_api_peers_list(void *context, struct arci_request *request);
void arci_api_peers_get(void *context, struct arci_request *request);
void arci_api_peers_add(void *context, struct arci_request *request);
void arci_api_peers_update(void *context, struct arci_request *request);
void arci_api_peers_revoke(void *context, struct arci_request *request);
void arci_api_peers_leave(void *context, struct arci_request *request);

/* api-cluster.c */
void arci_api_cluster_init(void *context, struct arci_request *request);
void arci_api_cluster_sync(void *context, struct arci_request *request);
void arci_api_cluster_status(void *context, struct arci_request *request);

/* api-services.c */
void arci_api_services_list(void *context, struct arci_request *request);
void arci_api_services_get(void *context, struct arci_request *request);
void arci_api_services_create(void *context, struct arci_request *request);
void arci_api_services_update(void *context, struct arci_request *request);
void arci_api_services_delete(void *context, struct arci_request *request);

/* api-routes.c */
void arci_api_routes_list(void *context, struct arci_request *request);
void arci_api_routes_add(void *context, struct arci_request *request);
void arci_api_routes_update(void *context, struct arci_request *request);
void arci_api_routes_delete(void *context, struct arci_request *request);

/* api-owner.c: for the rows of the table whose subject may be another peer's. They look at {id}, {client_id} or the body. */
void arci_api_owner_of_service(void *context, const struct arci_request *request,
                               struct arctic_id *ret_owner);
void arci_api_owner_of_new_service(void *context, const struct arci_request *request,
                                   struct arctic_id *ret_owner);
void arci_api_owner_of_peer(void *context, const struct arci_request *request, struct arctic_id *ret_owner);
void arci_api_owner_of_credential(void *context, const struct arci_request *request,
                                  struct arctic_id *ret_owner);
void arci_api_owner_of_cluster_credential(void *context, const struct arci_request *request,
                                          struct arctic_id *ret_owner);

/* api-explain.c */
void arci_api_routes_explain(void *context, struct arci_request *request);

/* api-openapi.c */
void arci_api_openapi(void *context, struct arci_request *request);

/* api-metrics.c */
void arci_api_metrics(void *context, struct arci_request *request);

/* --- Shared by the handlers (api-shared.c). --------------------------------------------------------------------------------- */

/* The service that {id} in the path names. Errors: ARCTIC_E_NOT_FOUND. */
int arci_api_find_service(struct arctic_agent *agent, const struct arci_request *request,
                          const struct arci_entry **ret_entry, struct arctic_error *error);

/* As arci_api_find_service(), and the service must be this agent's own to change. Errors: ARCTIC_E_PEER_UNREACHABLE as well. */
int arci_api_find_own_service(struct arctic_agent *agent, const struct arci_request *request,
                              const struct arci_entry **ret_entry, struct arctic_error *error);

/* Answers a request about a service that is there; `extra` is what the handler has kept for it, borrowed. */
typedef void (*arci_api_respond)(struct arctic_agent *agent, struct arci_request *request,
                                 const struct arci_entry *entry, int status, json_t *extra);

/*
 * After a change that is on disk: tells the peers, lets kernel and data plane follow, and only then answers, so that what a client
 * does next finds the change in effect. Without `respond` (NULL) the answer has no body. `extra` is taken over.
 */
void arci_api_answer_after_change(struct arctic_agent *agent, struct arci_request *request,
                                  const struct arctic_id *service_id, int status, arci_api_respond respond,
                                  json_t *extra);

/* Answers without a body when kernel and data plane have followed a change that is on disk. */
void arci_api_answer_after_pass(struct arctic_agent *agent, struct arci_request *request, int status);

#endif
