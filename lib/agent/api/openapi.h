/*
 * The API as an OpenAPI 3.1 document: paths, methods, scopes and bodies from the table of endpoints, schemas and parameters from
 * openapi.json, which is built in.
 */
#ifndef ARCI_AGENT_OPENAPI_H
#define ARCI_AGENT_OPENAPI_H

#include "base/json.h"
#include "rest/server.h"

/* openapi.json */
extern const char arci_openapi_text[];

/*
 * Makes the document of a table. Errors: ARCTIC_E_INTERNAL for a row that names no schema where it needs one, or a schema or parameter
 * that openapi.json does not have; ARCTIC_E_NO_MEMORY.
 */
int arci_openapi_make(const struct arci_http_endpoint *table, json_t **ret_document,
                      struct arctic_error *error);

#endif
