/* Who may do what: access tokens of this agent, and the callback that checks them for the REST server. */
#ifndef ARCI_AGENT_AUTH_H
#define ARCI_AGENT_AUTH_H

#include "agent/agent-internal.h"

#define ARCI_TOKEN_LIFETIME_S 3600

/* The arci_http_authorize callback; its context is the agent. Keeps a struct arci_principal in the request. */
int arci_auth_authorize(void *context, struct arci_request *request, const char *scope,
                        struct arctic_error *error);

struct arci_principal {
    struct arctic_id client_id;
    uint32_t scopes;
};

/*
 * Checks a client's secret and issues a token. `scopes` is what the client asks for, 0 for all it has; it gets what it asks for or
 * an error. *ret_token is to be freed with arci_free_secret(). Errors: ARCTIC_E_UNAUTHORIZED, ARCTIC_E_FORBIDDEN.
 */
int arci_auth_issue(struct arctic_agent *agent, const char *client_id, const char *client_secret,
                    uint32_t scopes, char **ret_token, uint32_t *ret_scopes, struct arctic_error *error);

#endif
