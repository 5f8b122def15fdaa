/* The API's two listeners, in the clear and over TLS, and the certificate of the second. */
#ifndef ARCI_AGENT_API_LISTENERS_H
#define ARCI_AGENT_API_LISTENERS_H

#include "agent/agent-internal.h"

/*
 * Starts both, or the one in the clear alone where TLS is off. The certificate is the configured one, else that of
 * DATA_DIR/api.pem, which is made where it is missing. Errors: ARCTIC_E_SYSTEM (port, file), ARCTIC_E_CORRUPT and
 * ARCTIC_E_NOT_FOUND (certificate or key, with what to do), ARCTIC_E_FORBIDDEN (others may read the key).
 */
int arci_api_listeners_start(struct arctic_agent *agent, struct arctic_error *error);

/* Closes both and drops their connections. */
void arci_api_listeners_stop(struct arctic_agent *agent);

/* The TLS port in use, 0 where TLS is off. */
uint16_t arci_api_tls_port(const struct arctic_agent *agent);

/* Fills in what this peer says of its API: ports and fingerprint. */
void arci_api_listeners_describe(const struct arctic_agent *agent, struct arci_peer *peer);

/* Adds api_tls_port, api_fingerprint and api_fingerprint_signature, each null where TLS is off. Needs an identity. */
int arci_api_listeners_put(const struct arctic_agent *agent, json_t *object, struct arctic_error *error);

#endif
