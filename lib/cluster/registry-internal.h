/* The registry's insides, for its own files. */
#ifndef ARCI_CLUSTER_REGISTRY_INTERNAL_H
#define ARCI_CLUSTER_REGISTRY_INTERNAL_H

#include "cluster/hash-tree.h"
#include "cluster/registry.h"

struct arci_registry {
    struct arci_store *store;
    int64_t (*now)(void *context);
    void *clock_context;
    arci_record_verifier verify;
    const struct arci_identity *identity;
    struct arctic_id local_id;
    struct arci_entry **entries; /* ordered by kind, then id */
    size_t count;
    size_t capacity;
    struct arci_hash_tree *tree; /* of what counts: without what former members own, and their peer records */
    char digest[ARCI_DIGEST_TEXT]; /* text of its root, when it was last asked for */
};

/* Index of an entry, or where it would stand. */
size_t arci_registry_place(const struct arci_registry *registry, enum arci_record_kind kind, const char *id,
                           bool *ret_found);

/* Whether a peer has left or was revoked: what it owns counts no more. */
bool arci_registry_is_gone(const struct arci_registry *registry, const struct arctic_id *peer_id);

/*
 * Whether a record is among those that peers compare: of a revoked peer's own record each may know another version, and of what gone
 * members own another part, or none.
 */
bool arci_registry_counts(const struct arci_registry *registry, const struct arci_record *record);

#endif
