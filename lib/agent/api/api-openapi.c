/* GET /v1/openapi.json. Anybody may ask for it, and to make it costs more than all else that anybody may ask for: it is made once. */
#include <string.h>

#include "agent/api/api.h"
#include "agent/api/openapi.h"
#include "base/error.h"
#include "base/json.h"

static int make_text(struct arctic_agent *agent, struct arctic_error *error)
{
    json_t *made = NULL;
    if (agent->openapi_text)
        return ARCTIC_OK;
    int code = arci_openapi_make(arci_api_endpoints, &made, error);
    ARCI_JSON *document = made;
    if (code < 0)
        return code;
    agent->openapi_text = arci_json_dump(document, JSON_COMPACT);
    return agent->openapi_text ? ARCTIC_OK : arci_fail_memory(error);
}

void arci_api_openapi(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arctic_error error;
    if (make_text(agent, &error) < 0)
        arci_request_fail(request, &error);
    else
        arci_request_respond_copy(request, 200, "application/json", agent->openapi_text,
                                  strlen(agent->openapi_text));
}
