/* The key and certificate that the API over TLS is to show. */
#ifndef ARCI_AGENT_API_CERTIFICATE_H
#define ARCI_AGENT_API_CERTIFICATE_H

#include "agent/agent-internal.h"
#include "crypto/api-certificate.h"

/*
 * Reads those of API_TLS_CERT and API_TLS_KEY, else those of DATA_DIR/api.pem, which is made where it is missing. Errors:
 * ARCTIC_E_SYSTEM, ARCTIC_E_CORRUPT and ARCTIC_E_NOT_FOUND (with what to do), ARCTIC_E_FORBIDDEN (others may read the key).
 */
int arci_api_certificate_load(const struct arctic_agent *agent, struct arci_api_certificate *ret_certificate,
                              struct arctic_error *error);

#endif
