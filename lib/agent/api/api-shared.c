/* What the handlers of services and routes share: finding a service, and answering once a change is in effect. */
#include "agent/api/api.h"

#include <stdlib.h>

#include "agent/api/auth.h"
#include "agent/peers/gossiping.h"
#include "agent/peers/peer-links.h"
#include "agent/peers/peers.h"
#include "agent/services/reconcile.h"
#include "base/error.h"

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
    arci_api_respond respond;
    json_t *extra;
};

/* Another client may have deleted the service before the pass has ended, or the agent have left its cluster. */
static int find_again(const struct pending_answer *answer, const struct arci_entry **ret_entry,
                      struct arctic_error *error)
{
    const struct arctic_id *id = &answer->service_id;
    *ret_entry = arci_registry_find(answer->agent->registry, ARCI_RECORD_SERVICE, id);
    if (*ret_entry)
        return ARCTIC_OK;
    int code = arci_auth_check_bootstrapped(answer->agent, error);
    return code < 0 ? code
                    : arci_fail(error, ARCTIC_E_NOT_FOUND, NULL,
                                "service %s has been deleted by another request in the meantime", id->text);
}

static void send_answer(void *context)
{
    struct pending_answer *answer = context;
    const struct arci_entry *entry = NULL;
    struct arctic_error error;
    if (!answer->respond)
        arci_request_respond_empty(answer->request, answer->status);
    else if (find_again(answer, &entry, &error) < 0)
        arci_request_fail(answer->request, &error);
    else
        answer->respond(answer->agent, answer->request, entry, answer->status, answer->extra);
    json_decref(answer->extra);
    free(answer);
}

void arci_api_answer_after_change(struct arctic_agent *agent, struct arci_request *request,
                                  const struct arctic_id *service_id, int status, arci_api_respond respond,
                                  json_t *extra)
{
    struct pending_answer *answer = calloc(1, sizeof *answer);
    if (!answer) {
        json_decref(extra);
        arci_request_fail(request,
                          &(struct arctic_error){.code = ARCTIC_E_NO_MEMORY, .message = "out of memory"});
        return;
    }
    *answer = (struct pending_answer){agent, request, *service_id, status, respond, extra};
    if (service_id->text[0])
        arci_gossiping_announce(agent, ARCI_RECORD_SERVICE, service_id);
    arci_reconcile_then(agent, send_answer, answer);
}

void arci_api_answer_after_pass(struct arctic_agent *agent, struct arci_request *request, int status)
{
    static const struct arctic_id none = {{0}};
    arci_api_answer_after_change(agent, request, &none, status, NULL, NULL);
}
