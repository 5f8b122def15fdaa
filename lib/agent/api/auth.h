/* Who may do what: access tokens of this agent, and the callback that checks them for the REST server. */
#ifndef ARCI_AGENT_AUTH_H
#define ARCI_AGENT_AUTH_H

#include "agent/agent-internal.h"

#define ARCI_TOKEN_LIFETIME_S 3600

/* The arci_http_authorize callback; its context is the agent. Keeps a struct arci_principal in the request. */
int arci_auth_authorize(void *context, struct arci_request *request, const char *scope,
                        struct arctic_error *error);

/* Fails for an agent that has no identity yet, with the command that gives it one. Errors: ARCTIC_E_NOT_BOOTSTRAPPED. */
int arci_auth_check_bootstrapped(const struct arctic_agent *agent, struct arctic_error *error);

/*
 * Whether what this peer signs counts here, tokens and credentials: this agent, or a peer that has proved that it is a member, in a
 * handshake or by its record, and was not revoked.
 */
bool arci_auth_is_member(struct arctic_agent *agent, const struct arctic_id *id);

/* Who makes a request. */
struct arci_principal {
    struct arctic_id client_id; /* "" for the recovery token */
    uint32_t scopes;
};

/* For the log. Text of the principal. */
const char *arci_principal_name(const struct arci_principal *principal);

/*
 * Checks a client's secret and issues a token. `scopes` is what the client asks for, 0 for all it has; it gets what it asks for or
 * an error. *ret_token is to be freed with arci_free_secret(). Errors: ARCTIC_E_UNAUTHORIZED, ARCTIC_E_FORBIDDEN.
 */
int arci_auth_issue(struct arctic_agent *agent, const char *client_id, const char *client_secret,
                    uint32_t scopes, char **ret_token, uint32_t *ret_scopes, struct arctic_error *error);

#endif
