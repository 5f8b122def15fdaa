/* What a cluster is like: its peers and services, as its API tells. */
#ifndef ARCI_COMPOSE_LIVE_H
#define ARCI_COMPOSE_LIVE_H

#include <arctic/client.h>

#include "model/peer.h"
#include "model/service.h"

struct arci_live_peer {
    struct arctic_id id;
    char name[ARCI_NAME_SIZE];
    char address[ARCI_PEER_ADDRESS_SIZE]; /* "" where it is not known, as of the agent that answers */
    bool is_local;
    bool has_met; /* its handshake with the agent that answers is done */
    bool revoked;
};

struct arci_live {
    struct arci_live_peer *peers;
    size_t peer_count;
    struct arci_service *services; /* by name, with their routes where those were asked for */
    size_t service_count;
};

/* Asks for peers and services, without routes. Errors: as arctic_client_request(), ARCTIC_E_PROTOCOL. */
int arci_live_read(struct arctic_client *client, struct arci_live *ret_live, struct arctic_error *error);

/* Asks for the routes of a service. Errors: the same. */
int arci_live_read_routes(struct arctic_client *client, struct arci_service *service,
                          struct arctic_error *error);

/* NULL where there is none. */
const struct arci_live_peer *arci_live_find_peer(const struct arci_live *live, const struct arctic_id *id);
struct arci_service *arci_live_find_service(const struct arci_live *live, const char *name);

void arci_live_release(struct arci_live *live);

/* One request, its answer parsed; `body` (may be NULL) stays the caller's, *ret_answer (may be NULL) is JSON null for no body. */
int arci_compose_request(struct arctic_client *client, const char *method, const char *path,
                         const json_t *body, json_t **ret_answer, struct arctic_error *error);

#endif
