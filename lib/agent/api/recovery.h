/*
 * The recovery token: a new one at each start, in a file that root alone reads. Whoever has it, and so is root on this host, may do
 * what an administrator may, one request at a time, also when no credential is left.
 */
#ifndef ARCI_AGENT_RECOVERY_H
#define ARCI_AGENT_RECOVERY_H

#include "agent/agent-internal.h"

#define ARCI_RECOVERY_HEADER "X-Arctic-Recovery"

/* Makes the token and its file. Where that fails the log says so, and there is none until the next start. */
void arci_recovery_create(struct arctic_agent *agent);

/*
 * Judges the token of a request and logs it. It counts from the host itself or over TLS, and never in a request that another peer has
 * carried. Errors: ARCTIC_E_UNAUTHORIZED.
 */
int arci_recovery_check(struct arctic_agent *agent, const struct arci_request *request, const char *token,
                        struct arctic_error *error);

/* Removes the file and forgets the token. */
void arci_recovery_remove(struct arctic_agent *agent);

#endif
