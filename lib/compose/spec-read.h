/* Reading members of a compose file. Private to what reads a specification. */
#ifndef ARCI_COMPOSE_SPEC_READ_H
#define ARCI_COMPOSE_SPEC_READ_H

#include "compose/spec.h"

struct arci_spec_reader {
    struct arci_faults *faults;
    bool no_memory;
};

/* Reports what a node is at fault for, in the words of the error's message. */
void arci_spec_fault(struct arci_spec_reader *reader, const struct arci_node *node,
                     const struct arctic_error *error);

/* Whether a node is a collection of a kind, with a fault where it is not. */
bool arci_spec_is(struct arci_spec_reader *reader, const struct arci_node *node, enum arci_node_kind kind);

/* Reports each key of a mapping that is not in `names` (ended by NULL). */
void arci_spec_check_keys(struct arci_spec_reader *reader, const struct arci_node *mapping,
                          const char *const *names);

/* The member of a key, with a fault at the mapping where it is not there. */
const struct arci_node *arci_spec_required(struct arci_spec_reader *reader, const struct arci_node *mapping,
                                           const char *key);

/* The text of a scalar; NULL, with a fault, where it is something else. */
const char *arci_spec_text(struct arci_spec_reader *reader, const struct arci_node *node);

/* {"member": value of the node}, for the readers of the model; NULL, with a fault, where the node is a collection. */
json_t *arci_spec_member(struct arci_spec_reader *reader, const char *member, const struct arci_node *node);

/* Reads one service, its peers by name from `spec`. */
void arci_spec_read_service(struct arci_spec_reader *reader, const struct arci_spec *spec,
                            const struct arci_node *node, struct arci_spec_service *service);

/* Reads the routes of a service. */
void arci_spec_read_routes(struct arci_spec_reader *reader, const struct arci_node *sequence,
                           struct arci_routes *routes);

#endif
