/*
 * Why a route wins: all routes of the local services against one flow. Services that take traffic now compete for it; those that do
 * not are looked at as well, so that an operator sees the route that would win if its service ran. The work is done on a thread of the
 * pool, one explanation at a time: 100,000 routes take a moment.
 */
#ifndef ARCI_AGENT_EXPLAIN_H
#define ARCI_AGENT_EXPLAIN_H

#include <arctic/match.h>

#include "agent/agent-internal.h"
#include "agent/services/reconcile.h"

/* A local service as it was when the explanation was asked for. */
struct arci_explained_service {
    const struct arci_entry *entry; /* holds a reference */
    enum arci_capture capture;
    char interface[ARCTIC_INTERFACE_NAME]; /* "": none */
};

struct arci_explanation {
    int code;
    struct arctic_error error; /* where `code` is negative */
    struct arctic_flow flow;
    struct arci_explained_service *services; /* ordered by id */
    size_t service_count;
    struct arctic_match *rows; /* of services that take traffic; the winner is the first, if there is one */
    size_t row_count;
    struct arctic_match *idle_rows; /* of services that do not */
    size_t idle_count;
};

/* `explanation` is borrowed. */
typedef void (*arci_explain_done)(void *context, const struct arci_explanation *explanation);

/* Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_SYSTEM; else the callback comes, later. */
int arci_explain_start(struct arctic_agent *agent, const struct arctic_flow *flow, arci_explain_done done,
                       void *context, struct arctic_error *error);

#endif
