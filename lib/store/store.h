/*
 * Durable state in one SQLite file (WAL, synchronous=FULL): what a call has answered with success is on disk.
 *
 * Two kinds of content: records, which have an owner, a version and a signature and are shared between peers; and notes, which are
 * this host's own (identity, licence, what it has observed of others).
 *
 * Any thread may use a store; a call waits for that of another thread, and for a transaction as a whole.
 */
#ifndef ARCI_STORE_STORE_H
#define ARCI_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/error.h>
#include <arctic/log.h>

struct arci_store;

/* A record as it is stored. Texts are borrowed: by a write until it returns, in a callback until that returns. */
struct arci_stored_record {
    const char *kind;
    const char *id;
    const char *owner;
    const char *subject; /* what else tells it from others of one kind, id and owner; "" */
    uint64_t version;    /* at most 2^63-1 */
    bool deleted;
    int64_t updated_at;
    const char *body; /* JSON text */
    const char *signature;
};

/* A negative return ends the iteration with that code; the callback fills `error` then. It must not write to the store. */
typedef int (*arci_store_record_callback)(void *context, const struct arci_stored_record *record,
                                          struct arctic_error *error);
typedef int (*arci_store_note_callback)(void *context, const char *key, const char *value,
                                        struct arctic_error *error);
typedef int (*arci_store_work)(void *context, struct arctic_error *error);

/*
 * Opens the file, makes it (mode 0600) where there is none, and brings its schema up to date in one transaction.
 * Errors: ARCTIC_E_CORRUPT for a damaged file, ARCTIC_E_UNSUPPORTED for one written by a newer version, ARCTIC_E_SYSTEM.
 */
int arci_store_open(const char *path, struct arctic_log *log, struct arci_store **ret_store,
                    struct arctic_error *error);
void arci_store_close(struct arci_store *store);

/*
 * Whether changes can be stored: where the last write has failed, it is tried by another one. Errors: those of a write, such as
 * ARCTIC_E_SYSTEM for a full disk.
 */
int arci_store_check(struct arci_store *store, struct arctic_error *error);

/* Runs `work` within one transaction: committed to disk when it returns >= 0, undone otherwise. Not nested. */
int arci_store_transaction(struct arci_store *store, arci_store_work work, void *context,
                           struct arctic_error *error);

/* Inserts or replaces the record of this kind, id, owner and subject. Outside of a transaction it is one of its own. */
int arci_store_put_record(struct arci_store *store, const struct arci_stored_record *record,
                          struct arctic_error *error);

/*
 * Replaces the record of this kind, id, owner and subject where it still has that version (0: where there is none), in a transaction of
 * its own. Errors: ARCTIC_E_CANCELLED where another writer came first, with nothing changed, and those of a write.
 */
int arci_store_replace_record(struct arci_store *store, const struct arci_stored_record *record,
                              uint64_t former_version, struct arctic_error *error);

/* Removes a record of this kind, id, owner and subject without a trace; one that is not there is no error. */
int arci_store_delete_record(struct arci_store *store, const struct arci_stored_record *record,
                             struct arctic_error *error);

/* Removes all records and notes in one transaction, and what was left of them in the file. */
int arci_store_clear(struct arci_store *store, struct arctic_error *error);

/* Calls back for every record, tombstones included, ordered by kind and id. */
int arci_store_each_record(struct arci_store *store, arci_store_record_callback callback, void *context,
                           struct arctic_error *error);

/* Sets a note; a NULL value removes it. Names of spaces: "agent", "lease" (of DHCP, by service), "peer". */
int arci_store_put_note(struct arci_store *store, const char *space, const char *key, const char *value,
                        struct arctic_error *error);

/* Reads a note into *ret_value (to be freed); NULL where there is none. */
int arci_store_get_note(struct arci_store *store, const char *space, const char *key, char **ret_value,
                        struct arctic_error *error);

/* Calls back for every note of a space, ordered by key. */
int arci_store_each_note(struct arci_store *store, const char *space, arci_store_note_callback callback,
                         void *context, struct arctic_error *error);

#endif
