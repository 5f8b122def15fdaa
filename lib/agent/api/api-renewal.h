/*
 * The watch over the files of API_TLS_CERT and API_TLS_KEY: what is renewed there is shown to the API's next clients, without a
 * restart, which would end the flows of all services.
 */
#ifndef ARCI_AGENT_API_RENEWAL_H
#define ARCI_AGENT_API_RENEWAL_H

#include "agent/agent-internal.h"

/* To be called before the files are read for the first time. */
void arci_api_renewal_note(struct arctic_agent *agent);

/* For a certificate that is in use, and has this end (milliseconds since 1970). Nothing is watched where none was given. */
int arci_api_renewal_start(struct arctic_agent *agent, int64_t expires_at, struct arctic_error *error);
void arci_api_renewal_stop(struct arctic_agent *agent);

#endif
