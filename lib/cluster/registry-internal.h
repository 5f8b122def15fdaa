/* The registry's insides, for its own files. */
#ifndef ARCI_CLUSTER_REGISTRY_INTERNAL_H
#define ARCI_CLUSTER_REGISTRY_INTERNAL_H

#include "cluster/hash-tree.h"
#include "cluster/registry.h"

struct arci_registry_owner {
    struct arctic_id id;
    size_t records;
    uint64_t bytes; /* of services and credentials, tombstones included: the sum of arci_entry.size */
    size_t revocations;
};

/* Ordered by id; an owner without records has no row. */
struct arci_registry_owners {
    struct arci_registry_owner *items;
    size_t count;
    size_t capacity;
};

struct arci_registry {
    struct arci_store *store;
    int64_t (*now)(void *context);
    void *clock_context;
    arci_record_verifier verify;
    const struct arci_identity *identity;
    struct arctic_id local_id;
    struct arci_entry **entries; /* ordered by kind, id and place */
    size_t count;
    size_t capacity;
    struct arci_registry_owners owners;
    struct arci_registry_gap gap;
    struct arci_hash_tree *tree; /* of what counts: without what former members own, and their peer records */
    char digest[ARCI_DIGEST_TEXT]; /* text of its root, when it was last asked for */
};

/*
 * Index of an entry, or where it would stand: entries are ordered by kind, id and place. Without a place (NULL) that of the first one of
 * an id.
 */
size_t arci_registry_place(const struct arci_registry *registry, enum arci_record_kind kind, const char *id,
                           const uint8_t *place, bool *ret_found);

/* The entry of one place; NULL where there is none. */
const struct arci_entry *arci_registry_find_place(const struct arci_registry *registry,
                                                  enum arci_record_kind kind, const struct arctic_id *id,
                                                  const uint8_t place[ARCI_SHA256_SIZE]);

/* What is known of the record that this is a version of; NULL: nothing. Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_INTERNAL. */
int arci_registry_find_version(const struct arci_registry *registry, const struct arci_record *record,
                               const struct arci_entry **ret_known, struct arctic_error *error);

/* Whether a peer has left or was revoked: what it owns counts no more. */
bool arci_registry_is_gone(const struct arci_registry *registry, const struct arctic_id *peer_id);

/*
 * Whether a record is among those that peers compare: of a revoked peer's own record each may know another version, and of what gone
 * members own another part, or none.
 */
bool arci_registry_counts(const struct arci_registry *registry, const struct arci_record *record);

/* Shows a record that was on disk: it is taken over (also on failure) and believed. Errors: those of arci_entry_create(). */
int arci_registry_take_stored(struct arci_registry *registry, struct arci_record *record,
                              struct arctic_error *error);

/*
 * Shows an entry, with a reference of its own: one that is stored already or, for simulations, that another registry of this thread shows.
 * Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_registry_share(struct arci_registry *registry, const struct arci_entry *entry,
                        struct arctic_error *error);

/* Replaces a record of this host by a tombstone, whether it is known or not. Errors: as arci_registry_delete(). */
int arci_registry_bury(struct arci_registry *registry, enum arci_record_kind kind, const struct arctic_id *id,
                       struct arctic_error *error);

typedef bool (*arci_registry_test)(const struct arci_registry *registry, const struct arci_record *record);

/*
 * Removes the services and credentials that pass the test, or the first `limit` of them, without a trace and in one transaction.
 * Errors: those of the store; nothing has changed then.
 */
int arci_registry_remove_where(struct arci_registry *registry, arci_registry_test test, size_t limit,
                               struct arctic_error *error);

/* --- registry.c --- */

/*
 * Stores a record, which is taken over, and then shows it: the order that makes an acknowledged change a durable one. Errors: those of
 * arci_entry_create() and of the store, ARCTIC_E_LIMIT.
 */
int arci_registry_commit(struct arci_registry *registry, struct arci_record *record,
                         struct arctic_error *error);

/* Takes an entry out of memory. */
void arci_registry_remove_entry(struct arci_registry *registry, size_t place);

/* --- registry-local.c --- */

/*
 * Checks that a record of this host may be written and gives its next version. Errors: ARCTIC_E_NOT_BOOTSTRAPPED, ARCTIC_E_FORBIDDEN for
 * a record of another owner.
 */
int arci_registry_next_version(const struct arci_registry *registry, enum arci_record_kind kind,
                               const struct arctic_id *id, int64_t now, uint64_t *ret_version,
                               struct arctic_error *error);

/* --- registry-merge.c --- */

/*
 * Judges a record from elsewhere by all but its signature and its body. *ret_known is what is known of it; *ret_news says whether it
 * may be news at all, and *ret_key is then the key that must have signed it. Errors: those of arci_registry_merge().
 */
int arci_registry_judge(const struct arci_registry *registry, const struct arci_record *record,
                        const struct arci_entry **ret_known, bool *ret_news, uint8_t ret_key[ARCI_KEY_SIZE],
                        struct arctic_error *error);

/* --- registry-owners.c --- */

/* Makes room for one more owner, so that the next arci_registry_owners_add() cannot fail. Errors: ARCTIC_E_NO_MEMORY. */
int arci_registry_owners_reserve(struct arci_registry_owners *owners, struct arctic_error *error);
void arci_registry_owners_release(struct arci_registry_owners *owners);

/* A record comes, or goes; it must have come before it goes. */
void arci_registry_owners_add(struct arci_registry_owners *owners, const struct arci_entry *entry);
void arci_registry_owners_remove(struct arci_registry_owners *owners, const struct arci_entry *entry);

/* How many records an owner has here. */
size_t arci_registry_owners_count(const struct arci_registry_owners *owners, const struct arctic_id *id);

/*
 * Whether a record that takes the place of `known` (NULL: of none) leaves its owner within its limits. What needs no more than before
 * does, and so do peers' own records and what this host deletes of its own.
 * Errors: ARCTIC_E_LIMIT.
 */
int arci_registry_check_share(const struct arci_registry *registry, const struct arci_entry *entry,
                              const struct arci_entry *known, struct arctic_error *error);

/* --- registry-age.c --- */

/* Whether what a summary or a record says is a tombstone that nobody keeps any more. */
bool arci_registry_is_expired(const struct arci_registry *registry, enum arci_record_kind kind, bool deleted,
                              uint64_t version);

/* Whether a record that comes is such a tombstone, and there is nothing here that it would delete. */
bool arci_registry_is_old_news(const struct arci_registry *registry, const struct arci_record *record,
                               const struct arci_entry *known);

/* Whether a record of this host that comes from another must have been deleted here; `known` is what is known of it. */
bool arci_registry_was_deleted(const struct arci_registry *registry, const struct arci_record *record,
                               const struct arci_entry *known);

#endif
