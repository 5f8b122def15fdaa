/*
 * The registry: every record this host knows, in memory and in the store. What is here was signed by its owner and is on disk.
 *
 * It belongs to one thread. Pointers to entries are good until the next call that changes the registry, unless arci_entry_ref().
 */
#ifndef ARCI_CLUSTER_REGISTRY_H
#define ARCI_CLUSTER_REGISTRY_H

#include "cluster/entry.h"

struct arci_registry;

/* What one owner may have: bytes of services and credentials with their tombstones (arci_entry.size), and revocations. */
#define ARCI_OWNER_BYTES_MAX (256 * 1024 * 1024)
#define ARCI_OWNER_REVOCATIONS_MAX 10000

#define ARCI_DIGEST_TEXT 44 /* SHA-256 as base64url, and NUL */

/* Checks a signature as arci_record_verify() does. */
typedef int (*arci_record_verifier)(const struct arci_record *record, const uint8_t owner_key[ARCI_KEY_SIZE],
                                    struct arctic_error *error);

/*
 * Makes an empty registry over a store; arci_registry_load() fills it. Both references stay the caller's. Without a store (NULL) it
 * lives in memory alone. Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_registry_create(struct arci_store *store, struct arci_registry **ret_registry,
                         struct arctic_error *error);
void arci_registry_free(struct arci_registry *registry);

/*
 * For simulations: another clock (milliseconds since 1970) than the host's, and another way to arrive at what arci_record_verify()
 * says.
 */
void arci_registry_simulate(struct arci_registry *registry, int64_t (*now)(void *context), void *context,
                            arci_record_verifier verify);

/* Forgets all that is in memory, for a transaction of the store that was undone. */
void arci_registry_clear(struct arci_registry *registry);

/*
 * Puts back in memory what stood for a record before a transaction of the store that was undone; `former` is NULL where there was
 * nothing.
 */
void arci_registry_restore(struct arci_registry *registry, enum arci_record_kind kind,
                           const struct arctic_id *id, const struct arci_entry *former);

/* Reads all records from the store. Errors: ARCTIC_E_CORRUPT, ARCTIC_E_NO_MEMORY, those of the store. */
int arci_registry_load(struct arci_registry *registry, struct arctic_error *error);

/* Sets who signs the local records; before that every change of a local record is an error. */
void arci_registry_set_owner(struct arci_registry *registry, const struct arci_identity *identity,
                             const struct arctic_id *local_id);

/*
 * Looks a living record up by id; NULL where there is none or it was deleted. Of several owners' records of one id, which only a member that
 * means harm signs, this host's own is meant, else that of the oldest member.
 */
const struct arci_entry *arci_registry_find(const struct arci_registry *registry, enum arci_record_kind kind,
                                            const struct arctic_id *id);

/* Looks a record up by id, tombstones included. */
const struct arci_entry *arci_registry_find_any(const struct arci_registry *registry,
                                                enum arci_record_kind kind, const struct arctic_id *id);

/* Walks all records of one id, whoever owns them, tombstones included: start with *cursor = 0; NULL at the end. */
const struct arci_entry *arci_registry_next_of_id(const struct arci_registry *registry,
                                                  enum arci_record_kind kind, const struct arctic_id *id,
                                                  size_t *cursor);

/* Walks the living records of a kind in the order of their ids: start with *cursor = 0; NULL at the end. */
const struct arci_entry *arci_registry_next(const struct arci_registry *registry, enum arci_record_kind kind,
                                            size_t *cursor);

/* Walks all records of one owner, tombstones included: start with *cursor = 0; NULL at the end. */
const struct arci_entry *arci_registry_next_owned(const struct arci_registry *registry,
                                                  const struct arctic_id *owner, size_t *cursor);

/*
 * The revocation of a key, or of a peer: by the key of its record, or, where that is not known, by what the revocation calls it. NULL
 * where there is none. What a revoked peer has signed counts for nothing, but for revocations that were known before its own.
 */
const struct arci_entry *arci_registry_revocation_of_key(const struct arci_registry *registry,
                                                         const uint8_t key[ARCI_KEY_SIZE]);
const struct arci_entry *arci_registry_revocation_of_peer(const struct arci_registry *registry,
                                                          const struct arctic_id *peer_id);

/*
 * The hash of the root of the tree of all records that count (hash-tree.h): two hosts with the same digest know the same. "" when memory
 * runs out. Good until the next call.
 */
const char *arci_registry_digest(struct arci_registry *registry);

/*
 * Walks the living records of a kind whose owners are members, that is, have neither left nor been revoked: start with *cursor = 0; NULL
 * at the end. All peers that hold the same records find the same.
 */
const struct arci_entry *arci_registry_next_of_members(const struct arci_registry *registry,
                                                       enum arci_record_kind kind, size_t *cursor);

/* Number of peers that are members, this one included. */
size_t arci_registry_count_members(const struct arci_registry *registry);

#define ARCI_RECORD_KINDS (ARCI_RECORD_REVOCATION + 1)

/*
 * Numbers of living records by kind, of those alone that the digest is made of, so that two hosts with one digest count alike. Walks
 * them all.
 */
void arci_registry_count_compared(const struct arci_registry *registry,
                                  uint32_t ret_counts[ARCI_RECORD_KINDS]);

/* Number of living records of a kind. */
size_t arci_registry_count(const struct arci_registry *registry, enum arci_record_kind kind);

/*
 * Signs and stores a new version of a local record; on success it is on disk. The content is copied.
 * Errors: ARCTIC_E_FORBIDDEN for a record of another owner, ARCTIC_E_NOT_BOOTSTRAPPED without an identity, ARCTIC_E_LIMIT for more than
 * one owner may have, those of the store.
 */
int arci_registry_put_peer(struct arci_registry *registry, const struct arci_peer *peer,
                           struct arctic_error *error);
int arci_registry_put_service(struct arci_registry *registry, const struct arci_service *service,
                              struct arctic_error *error);
int arci_registry_put_credential(struct arci_registry *registry, const struct arci_credential *credential,
                                 struct arctic_error *error);

int arci_registry_put_revocation(struct arci_registry *registry, const struct arci_revocation *revocation,
                                 struct arctic_error *error);

/* Signs and stores a new version of each local record, with the same content. Errors: as above; some may have been renewed then. */
int arci_registry_renew(struct arci_registry *registry, struct arctic_error *error);

/* Replaces a local record by a tombstone. Errors: ARCTIC_E_NOT_FOUND, ARCTIC_E_FORBIDDEN, those of the store. */
int arci_registry_delete(struct arci_registry *registry, enum arci_record_kind kind,
                         const struct arctic_id *id, struct arctic_error *error);

/*
 * Drops services and credentials of an owner that is no member any more (NULL: of all those that were revoked or have left), without
 * a tombstone. They are gone from memory even after an error, and from the disk otherwise. Errors: those of the store.
 */
int arci_registry_forget_owned(struct arci_registry *registry, const struct arctic_id *owner,
                               struct arctic_error *error);

/* How long the tombstone of a service or a credential is kept, in milliseconds; departures and revocations stay for good. */
#define ARCI_TOMBSTONE_MS ((int64_t)90 * 24 * 60 * 60 * 1000)

/*
 * Removes tombstones that are older than that, by their versions, without a trace: at most some thousands in one call. To be called
 * every minute or so. Errors: those of the store; nothing has changed then.
 */
int arci_registry_sweep(struct arci_registry *registry, struct arctic_error *error);

/*
 * A time, in milliseconds since 1970, of which changes by this host may be missing here, because its database came back from a backup
 * of its beginning. `until` 0: there is none.
 */
struct arci_registry_gap {
    int64_t from;
    int64_t until;
};

void arci_registry_set_gap(struct arci_registry *registry, const struct arci_registry_gap *gap);
struct arci_registry_gap arci_registry_gap(const struct arci_registry *registry);

/*
 * To be called with the records loaded, the owner and an earlier gap set: when the database was in use last, in milliseconds since 1970.
 * Where that is longer ago than tombstones are kept, it may hold what has been deleted since and nobody remembers: the services and
 * credentials of others are forgotten (those that live come again by gossip), and the time between is the new gap. *ret_outdated says
 * whether it was so. Errors: those of the store; nothing has changed then.
 */
int arci_registry_resume(struct arci_registry *registry, int64_t alive_at, bool *ret_outdated,
                         struct arctic_error *error);

/* What a record from elsewhere may be ahead of this host's clock. */
#define ARCI_CLOCK_SKEW_MS ((int64_t)60 * 1000)

/*
 * Takes over a record from elsewhere if it is newer than what is known: checks the owner's signature by the key of its peer record
 * (for a peer that is not known, by the key that the record names), and the body, and stores it. *ret_changed says whether it was
 * news: an expired tombstone is none, but where there is something living here that it deletes. A record that fails changes nothing.
 * Errors: ARCTIC_E_CORRUPT (signature), ARCTIC_E_INVALID_REQUEST (body), ARCTIC_E_NOT_FOUND (an owner that is not known yet),
 * ARCTIC_E_FORBIDDEN (the owner is this host, or no member any more; a date in the future; the end of a revocation), ARCTIC_E_LIMIT
 * (the owner has all that one may have), those of the store.
 */
int arci_registry_merge(struct arci_registry *registry, const struct arci_record *record, bool *ret_changed,
                        struct arctic_error *error);

/*
 * Takes over a record of this host itself that is newer than what is known: one that a backup did not have. Like
 * arci_registry_merge(), but for the owner, which must be this host, and its departure, which is no record to come back to.
 * A service or credential that is older than ARCI_TOMBSTONE_MS, unknown here, and not of a gap, must have been deleted, by a tombstone
 * that has gone since: it gets a new one.
 */
int arci_registry_recover(struct arci_registry *registry, const struct arci_record *record, bool *ret_changed,
                          struct arctic_error *error);

#endif
