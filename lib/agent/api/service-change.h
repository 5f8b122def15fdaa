/*
 * Requests that change a service of this agent. A service with many routes is encoded, signed and stored on a thread of the pool, one at
 * a time; whatever else changes it waits its turn, and starts from what it finds then.
 */
#ifndef ARCI_AGENT_SERVICE_CHANGE_H
#define ARCI_AGENT_SERVICE_CHANGE_H

#include "agent/api/api.h"

/*
 * Makes of a copy of a service what a request asks for. *ret_result may be set to what `respond` gets as `extra`. May be called again for
 * one request, with the service as it is then.
 */
typedef int (*arci_service_edit)(struct arctic_agent *agent, const struct arci_request *request,
                                 struct arci_service *service, json_t **ret_result,
                                 struct arctic_error *error);

/*
 * Changes the service that {id} in the path names, and answers: with an error, or as arci_api_answer_after_change() does once the change
 * is on disk. Without `edit` (NULL) the service is deleted.
 */
void arci_service_change(struct arctic_agent *agent, struct arci_request *request, arci_service_edit edit,
                         int status, arci_api_respond respond);

/* Whether a change that is under way gives a service, other than `id`, that name. */
bool arci_service_change_names(const struct arctic_agent *agent, const char *name,
                               const struct arctic_id *id);

/* Fails what waits; what is under way on the pool is answered when it ends. */
void arci_service_changes_stop(struct arctic_agent *agent);

#endif
