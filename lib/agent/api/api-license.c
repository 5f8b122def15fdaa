/* The licence: status and replacement. */
#include <stdlib.h>

#include "agent/api/api.h"
#include "agent/api/auth.h"
#include "agent/license/license.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/json.h"

void arci_api_license_get(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arctic_error error;
    /* The agent may have left its cluster while the request waited. */
    if (arci_auth_check_bootstrapped(agent, &error) < 0)
        arci_request_fail(request, &error);
    else
        arci_request_respond_json(request, 200, arci_license_to_json(agent));
}

struct pending_license {
    struct arctic_agent *agent;
    struct arci_request *request;
};

static void send_answer(void *context)
{
    struct pending_license *pending = context;
    arci_api_license_get(pending->agent, pending->request);
    free(pending);
}

static int read_body(const json_t *object, const json_t **ret_license, struct arctic_error *error)
{
    static const char *const members[] = {"license", NULL};
    int code = arci_json_check_members(object, members, error);
    return code < 0 ? code : arci_json_object(object, "license", true, ret_license, error);
}

static int replace(struct arctic_agent *agent, const json_t *body, struct arctic_error *error)
{
    const json_t *license = NULL;
    int code = read_body(body, &license, error);
    if (code >= 0)
        code = arci_license_replace(agent, license, error);
    if (code >= 0)
        arci_license_watch_look(agent);
    return code;
}

/* Answered when services follow: those that were stopped run again, as far as they are reachable. */
void arci_api_license_update(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arctic_error error;
    struct pending_license *pending = malloc(sizeof *pending);
    int code = pending ? replace(agent, arci_request_json(request), &error) : arci_fail_memory(&error);
    if (code < 0) {
        arci_log_warn(agent->log, "license", "licence not replaced", ARCI_ERROR(&error));
        arci_request_fail(request, &error);
        free(pending);
        return;
    }
    arci_log_info(agent->log, "license", "licence in place",
                  ARCI_TEXT("license_id", agent->license->license_id.text),
                  ARCI_INT("max_nodes", agent->license->max_nodes),
                  ARCI_INT("max_services", agent->license->max_services),
                  ARCI_TEXT("by", arci_principal_name(arci_request_principal(request))));
    *pending = (struct pending_license){agent, request};
    arci_reconcile_then(agent, send_answer, pending);
}
