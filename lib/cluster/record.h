/*
 * Records: what peers share about themselves. A record has one owner, whose Ed25519 signature alone gives it authority, and a
 * version that its owner raises with each change. A deleted record stays as a tombstone.
 */
#ifndef ARCI_CLUSTER_RECORD_H
#define ARCI_CLUSTER_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/id.h>

#include "base/buffer.h"
#include "base/json.h"
#include "crypto/digest.h"
#include "crypto/identity.h"
#include "crypto/sign-json.h"
#include "store/store.h"

/* Text of one record on the wire or on disk; 200,000 routes fit. */
#define ARCI_RECORD_MAX (32u * 1024 * 1024)

enum arci_record_kind {
    ARCI_RECORD_PEER = 0,       /* id: the peer itself, which is also the owner */
    ARCI_RECORD_SERVICE = 1,    /* owner: the service's source peer */
    ARCI_RECORD_CREDENTIAL = 2, /* owner: the peer that made it */
    ARCI_RECORD_REVOCATION = 3, /* owner: the peer that revokes another; never changed and never deleted */
};

struct arci_record {
    enum arci_record_kind kind;
    struct arctic_id id;
    struct arctic_id owner;
    uint64_t version; /* 1..2^63-1 */
    bool deleted;
    int64_t updated_at; /* milliseconds since 1970, for people; merging looks at the version alone */
    json_t *body;       /* owned; an empty object in a tombstone; NULL when it is packed */
    char *packed;       /* owned; the canonical text of the body in its place, NULL when it is not packed */
    char signature[ARCI_SIGNATURE_TEXT];
};

/* Drops the body; the record is zero afterwards. */
void arci_record_release(struct arci_record *record);

/* Another reference to the same body, which nobody changes; not of a packed record. */
struct arci_record arci_record_ref(const struct arci_record *record);

/*
 * Keeps the body as text, which takes a seventh of the memory where there are many routes. Whoever needs members has to read them before.
 * Where memory runs out the record stays as it is.
 */
void arci_record_pack(struct arci_record *record);

/* A reference to the body, which is read from its text where it is packed. NULL when memory runs out. */
json_t *arci_record_body(const struct arci_record *record);

const char *arci_record_kind_name(enum arci_record_kind kind);

/* Reads a kind and an id of that kind, each in its one form. Errors: ARCTIC_E_INVALID_REQUEST. */
int arci_record_name_parse(const char *kind, const char *id, enum arci_record_kind *ret_kind,
                           struct arctic_id *ret_id, struct arctic_error *error);

/*
 * What tells a record from others of its kind, id and owner: the key that a revocation names, "" for other kinds. Two revocations of one
 * id that name different keys are two, so that neither takes the place of the other. Borrowed from the body.
 */
const char *arci_record_subject(const struct arci_record *record);

/*
 * The SHA-256 of kind, id, owner and subject: which record it is, of all versions and for all hosts, and where it stands in the hash tree.
 * An id alone does not tell: somebody who has seen one may sign another record under it. Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_INTERNAL.
 */
int arci_record_place(const struct arci_record *record, uint8_t ret_place[ARCI_SHA256_SIZE],
                      struct arctic_error *error);

/* Signs all members with the owner's identity. Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_INTERNAL. */
int arci_record_sign(struct arci_record *record, const struct arci_identity *identity,
                     struct arctic_error *error);

/* Checks the signature against the owner's key. Errors: ARCTIC_E_CORRUPT, ARCTIC_E_NO_MEMORY. */
int arci_record_verify(const struct arci_record *record, const uint8_t owner_key[ARCI_KEY_SIZE],
                       struct arctic_error *error);

/* Wire form, with the signature. NULL when memory runs out. */
json_t *arci_record_to_json(const struct arci_record *record);

/* Appends the canonical text of the same, without reading a packed body. */
void arci_record_text_append(const struct arci_record *record, struct arci_buffer *text);

/* Reads the wire form: every member is checked, none is trusted before arci_record_verify(). Errors: ARCTIC_E_INVALID_REQUEST. */
int arci_record_from_json(const json_t *object, struct arci_record *ret_record, struct arctic_error *error);

/* Writes a record to the store. */
int arci_record_store(const struct arci_record *record, struct arci_store *store, struct arctic_error *error);

/* As arci_record_store(), where the store holds that version of it (0: none), else ARCTIC_E_CANCELLED. */
int arci_record_store_over(const struct arci_record *record, uint64_t former_version,
                           struct arci_store *store, struct arctic_error *error);

/* Removes a record from the store, whatever version is there. */
int arci_record_unstore(const struct arci_record *record, struct arci_store *store,
                        struct arctic_error *error);

/* Reads a stored record. Errors: ARCTIC_E_CORRUPT. */
int arci_record_from_stored(const struct arci_stored_record *stored, struct arci_record *ret_record,
                            struct arctic_error *error);

/*
 * Whether `a` takes the place of `b` (of one place): a higher version does; of two with one version, which an honest owner never
 * signs, the one with the greater signature, so that all peers choose alike whatever came first. A peer's departure is final: no
 * version of its record takes the place of the tombstone.
 */
bool arci_record_supersedes(const struct arci_record *a, const struct arci_record *b);

#endif
