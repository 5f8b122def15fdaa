/* What a compose file asks for: peers, and the services between them. */
#ifndef ARCI_COMPOSE_SPEC_H
#define ARCI_COMPOSE_SPEC_H

#include "compose/faults.h"
#include "compose/tree.h"
#include "model/peer.h"
#include "model/service.h"

#define ARCI_SPEC_PEERS_MAX 1000
#define ARCI_SPEC_SERVICES_MAX 100000

struct arci_spec_peer {
    char name[ARCI_NAME_SIZE];
    char address[ARCI_PEER_ADDRESS_SIZE];
    const struct arci_node *node;
};

struct arci_spec_service {
    struct arci_service service; /* its ids are those of nobody: see `source` and `target` */
    size_t source;               /* index of a peer; count of peers where there is none of that name */
    size_t target;
    const struct arci_node *node;
};

struct arci_spec {
    const char *license; /* a path as it stands in the file; NULL: none */
    struct arci_spec_peer *peers;
    size_t peer_count;
    struct arci_spec_service *services;
    size_t service_count;
};

/*
 * Reads a tree without faults; what is wrong with what it says goes to `faults`, all of it. The tree has to outlive the result.
 * Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_spec_read(const struct arci_tree *tree, struct arci_spec *ret_spec, struct arci_faults *faults,
                   struct arctic_error *error);

void arci_spec_release(struct arci_spec *spec);

/* The peer of a name; `peer_count` where there is none. */
size_t arci_spec_find_peer(const struct arci_spec *spec, const char *name);

#endif
