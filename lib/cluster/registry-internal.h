/* The registry's insides, for its own files. */
#ifndef ARCI_CLUSTER_REGISTRY_INTERNAL_H
#define ARCI_CLUSTER_REGISTRY_INTERNAL_H

#include "cluster/registry.h"

struct arci_registry {
    struct arci_store *store;
    const struct arci_identity *identity;
    struct arctic_id local_id;
    struct arci_entry **entries; /* ordered by kind, then id */
    size_t count;
    size_t capacity;
    char digest[ARCI_DIGEST_TEXT]; /* "" when something has changed since it was made */
};

/* Index of an entry, or where it would stand. */
size_t arci_registry_place(const struct arci_registry *registry, enum arci_record_kind kind, const char *id,
                           bool *ret_found);

#endif
