/* Plans: the steps from what a cluster is to what a document says. */
#ifndef ARCI_COMPOSE_PLAN_H
#define ARCI_COMPOSE_PLAN_H

#include <arctic/compose.h>

#include "compose/live.h"
#include "compose/routes.h"
#include "compose/spec.h"

enum arci_action {
    ARCI_ACTION_BOOTSTRAP = 0, /* a peer gets its identity */
    ARCI_ACTION_ADD = 1,       /* a peer meets the cluster */
    ARCI_ACTION_RENAME = 2,    /* a peer gets the name of the document */
    ARCI_ACTION_DELETE = 3,    /* a service goes */
    ARCI_ACTION_REPLACE = 4,   /* a service between other peers takes its place */
    ARCI_ACTION_CREATE = 5,
    ARCI_ACTION_UPDATE = 6,
};
#define ARCI_ACTION_COUNT 7

struct arci_step {
    enum arci_action action;
    const char *name;                       /* of the peer or the service */
    size_t peer;                            /* index in the document, where it is a peer's step */
    const struct arci_spec_service *wanted; /* where the step makes or changes a service */
    struct arctic_id id;                    /* of the peer or service that there is; "" for none */
    json_t *changes;                        /* [{"field", "old", "new"}]; NULL for none */
    json_t *body;                           /* of the PUT; NULL for none */
    struct arci_route_difference routes;
    enum arctic_compose_state state;
};

struct arctic_compose_plan {
    const struct arci_spec *spec;
    struct arctic_client *client; /* the caller's; NULL: none yet */
    int32_t timeout_ms;
    bool applied;
    struct arci_live live;
    struct arctic_id *peer_ids; /* of the document's peers, "" where they have none yet */
    struct arci_step *steps;
    size_t step_count;
    size_t capacity;
    json_t *kept; /* names of services that the document does not have and that stay */
};

/* "bootstrap", "add", "update", "delete", "replace", "create"; "peer" or "service". */
const char *arci_action_name(enum arci_action action);
const char *arci_action_kind(enum arci_action action);

/* Adds a step to fill in; NULL when memory runs out. It is good until the next one is added. */
struct arci_step *arci_plan_add(struct arctic_compose_plan *plan, enum arci_action action, const char *name);

/* The part of a plan about peers: finds who is who, and what has to be done so that all are in the cluster. */
int arci_plan_peers(struct arctic_compose_plan *plan, struct arctic_error *error);

/* The part about services. */
int arci_plan_services(struct arctic_compose_plan *plan, bool prune, struct arctic_error *error);

/* A client for an agent without credentials. */
int arci_plan_stranger(const struct arctic_compose_plan *plan, const struct arci_spec_peer *peer,
                       struct arctic_client **ret_client, struct arctic_error *error);

#endif
