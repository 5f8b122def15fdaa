/*
 * Entries of the registry: a record with what its body says. An entry never changes; a new version of a record is a new entry, so
 * that whoever holds a reference may read the old one for as long as it likes, on another thread too. References are counted on the
 * registry's thread alone.
 */
#ifndef ARCI_CLUSTER_ENTRY_H
#define ARCI_CLUSTER_ENTRY_H

#include "base/cleanup.h"
#include "cluster/record.h"
#include "crypto/digest.h"
#include "model/credential.h"
#include "model/peer.h"
#include "model/revocation.h"
#include "model/service.h"

#define ARCI_ENTRY_MEMOS 2

struct arci_entry {
    unsigned references;
    struct arci_record record;       /* packed where it has many routes */
    uint8_t place[ARCI_SHA256_SIZE]; /* arci_record_place(): which record it is */
    uint8_t hash[ARCI_SHA256_SIZE];  /* of kind, id, version and signature: what it is there */
    uint32_t size; /* of the record's text in bytes and what it takes beside that; at most ARCI_RECORD_MAX */
    /* Nothing for a tombstone, but for the id and the key of a peer. */
    union {
        struct arci_peer peer;
        struct arci_service service;
        struct arci_credential credential;
        struct arci_revocation revocation;
    } content;
    /* For whoever shows entries over and over: texts made of them, freed with the entry. Of the registry's thread alone. */
    void *memos[ARCI_ENTRY_MEMOS];
};

/*
 * Makes an entry with one reference from a record, which is taken over (also on failure). Errors: those of the body's reader,
 * ARCTIC_E_INVALID_REQUEST for a body that names another id or owner than the record, ARCTIC_E_NO_MEMORY.
 */
int arci_entry_create(struct arci_record *record, struct arci_entry **ret_entry, struct arctic_error *error);

/*
 * The same of a living service's packed record, whose text was made of `service`, so that it need not be read again. Both are taken over,
 * also on failure. Errors: as above, ARCTIC_E_INVALID_REQUEST for a record that is too long.
 */
int arci_entry_create_of_service(struct arci_record *record, struct arci_service *service,
                                 struct arci_entry **ret_entry, struct arctic_error *error);

const struct arci_entry *arci_entry_ref(const struct arci_entry *entry);

/* NULL is allowed. */
void arci_entry_unref(const struct arci_entry *entry);

ARCI_DEFINE_CLEANUP(struct arci_entry *, arci_entry_unref, arci_entry_cleanup)

#endif
