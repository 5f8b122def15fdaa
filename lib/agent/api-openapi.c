/* GET /v1/openapi.json. */
#include "agent/api.h"
#include "agent/openapi.h"

void arci_api_openapi(void *context, struct arci_request *request)
{
    struct arctic_error error;
    json_t *document = NULL;
    (void)context;
    if (arci_openapi_make(arci_api_endpoints, &document, &error) < 0)
        arci_request_fail(request, &error);
    else
        arci_request_respond_json(request, 200, document);
}
