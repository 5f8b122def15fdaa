/* This agent's own peer record, and its bootstrap. */
#ifndef ARCI_AGENT_LOCAL_PEER_H
#define ARCI_AGENT_LOCAL_PEER_H

#include "agent/agent-internal.h"

struct arci_bootstrap_result {
    struct arctic_id client_id;
    char *client_secret; /* to be freed with arci_free_secret() */
};

/*
 * Makes identity, peer record, cluster id and the first admin credential, all of it on disk when this returns; what fails halfway
 * leaves the agent as it was. `name` and `description` may be "". Errors: ARCTIC_E_ALREADY_BOOTSTRAPPED, ARCTIC_E_LICENSE_INVALID,
 * ARCTIC_E_LICENSE_EXPIRED, ARCTIC_E_INVALID_REQUEST, those of the store.
 */
int arci_local_peer_bootstrap(struct arctic_agent *agent, const json_t *license, const char *name,
                              const char *description, struct arci_bootstrap_result *ret_result,
                              struct arctic_error *error);

/* Loads what a bootstrap has left; agent->bootstrapped says whether there was one. Errors: ARCTIC_E_CORRUPT, ARCTIC_E_LICENSE_INVALID. */
int arci_local_peer_load(struct arctic_agent *agent, struct arctic_error *error);

/* Signs a new version of the own record where what it says of this run, such as addresses and licence, has changed, and tells the others. */
int arci_local_peer_refresh(struct arctic_agent *agent, struct arctic_error *error);

/*
 * Lets the own record say what holds for this run, and follows what the records of the peers say of cluster and licence: some may have
 * come just before the last stop. Errors: those of the store.
 */
int arci_local_peer_take_up(struct arctic_agent *agent, struct arctic_error *error);

/* Signs a new version of the own record that says in which cluster this agent is. Errors: those of the store. */
int arci_local_peer_set_cluster(struct arctic_agent *agent, const struct arci_cluster_identity *cluster,
                                struct arctic_error *error);

/* Takes the name that an operator gave this agent elsewhere, unless it has one of its own. "" changes nothing. */
int arci_local_peer_suggest_name(struct arctic_agent *agent, const char *name, struct arctic_error *error);

/* Applies a PUT of this peer, and tells the others. Errors: those of the body, those of the store. */
int arci_local_peer_update(struct arctic_agent *agent, const json_t *object, struct arctic_error *error);

/* Forgets identity, licence and records in memory. */
void arci_local_peer_forget(struct arctic_agent *agent);

/* Removes identity, licence, records and notes from the disk. Errors: those of the store, ARCTIC_E_SYSTEM. */
int arci_local_peer_wipe(struct arctic_agent *agent, struct arctic_error *error);

#endif
