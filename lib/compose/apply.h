/* Carrying out single steps. */
#ifndef ARCI_COMPOSE_APPLY_H
#define ARCI_COMPOSE_APPLY_H

#include "compose/plan.h"

/* What the steps of peers share: the cluster's agent, once there is one, and what the caller wants to know. */
struct arci_apply_peers {
    struct arctic_compose_plan *plan;
    const struct arctic_compose_apply_options *options;
    struct arctic_client *client; /* the plan's, or `made` */
    struct arctic_client *made;   /* of the first peer that was bootstrapped here */
};

/* Bootstraps, adds or renames a peer. Errors: those of arctic_compose_apply(). */
int arci_apply_peer(struct arci_apply_peers *peers, const struct arci_step *step, struct arctic_error *error);

/* Deletes, replaces, creates or changes a service. Errors: those of arctic_client_request(). */
int arci_apply_service(struct arctic_client *client, const struct arctic_compose_plan *plan,
                       const struct arci_step *step, struct arctic_error *error);

#endif
