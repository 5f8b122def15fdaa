/* The credentials that this agent knows: making, revoking, rotating, and the one that a cluster shares. */
#ifndef ARCI_AGENT_CREDENTIALS_H
#define ARCI_AGENT_CREDENTIALS_H

#include "agent/agent-internal.h"

/* Credentials of one agent; more are a mistake of a script. */
#define ARCI_CREDENTIALS_MAX 1000

/*
 * Gives `credential`, whose name and scopes are set, its id, its time and a secret, and stores it. *ret_secret is to be freed with
 * arci_free_secret(). Usable inside a transaction of the store, after which arci_gossiping_announce() is the caller's to do. Errors:
 * ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY, those of the registry.
 */
int arci_credentials_put_new(struct arctic_agent *agent, struct arci_credential *credential,
                             char **ret_secret, struct arctic_error *error);

/* As arci_credentials_put_new(), within ARCI_CREDENTIALS_MAX, and tells the peers. Errors: ARCTIC_E_INVALID_REQUEST as well. */
int arci_credentials_create(struct arctic_agent *agent, struct arci_credential *credential, char **ret_secret,
                            struct arctic_error *error);

/*
 * Revokes a credential: its secret and its tokens are worth nothing from here on. Errors: ARCTIC_E_CANNOT_REVOKE_CURRENT for the
 * last one with the scope admin, ARCTIC_E_PEER_UNREACHABLE for one of another peer, those of the registry.
 */
int arci_credentials_revoke(struct arctic_agent *agent, const struct arci_entry *entry,
                            struct arctic_error *error);

/* Whether somebody can administer the cluster still when a peer is revoked. Errors: ARCTIC_E_CANNOT_REVOKE_CURRENT. */
int arci_credentials_check_without(struct arctic_agent *agent, const struct arctic_id *peer_id,
                                   struct arctic_error *error);

/* The credential of the cluster's first bootstrap, as far as it is known here. Errors: ARCTIC_E_NOT_FOUND. */
int arci_credentials_find_shared(struct arctic_agent *agent, const struct arci_entry **ret_entry,
                                 struct arctic_error *error);

/*
 * Gives a credential a new secret; the former one works for another 24 h. *ret_secret is to be freed
 * with arci_free_secret(). Errors: ARCTIC_E_PEER_UNREACHABLE for a credential of another peer, those of the registry.
 */
int arci_credentials_rotate(struct arctic_agent *agent, const struct arci_entry *entry, char **ret_secret,
                            struct arctic_error *error);

/* Whether `secret` is the credential's present or, in its time, one of its former ones. NULL stands for a client that does not exist. */
bool arci_credentials_match(const struct arci_credential *credential, const char *secret);

#endif
