/*
 * Summaries: which version of which record a peer has, in 160 bytes instead of a record. In messages a summary is the array
 * [kind, id, place, version, deleted, hash, size].
 */
#ifndef ARCI_CLUSTER_SUMMARY_H
#define ARCI_CLUSTER_SUMMARY_H

#include "cluster/entry.h"

struct arci_summary {
    enum arci_record_kind kind;
    struct arctic_id id;
    uint64_t version;
    bool deleted;
    uint8_t place[ARCI_SHA256_SIZE]; /* as arci_entry.place; only the record itself shows whether it is so */
    uint8_t hash[ARCI_SHA256_SIZE];  /* as arci_entry.hash */
    uint32_t size;                   /* as arci_entry.size: how long it may take */
};

struct arci_summary arci_summary_of(const struct arci_entry *entry);

/* NULL when memory runs out. */
json_t *arci_summary_to_json(const struct arci_summary *summary);

/* Errors: ARCTIC_E_PROTOCOL, ARCTIC_E_NO_MEMORY. */
int arci_summary_from_json(const json_t *array, struct arci_summary *ret_summary, struct arctic_error *error);

/* Which of two versions of one record holds. */
enum arci_newer { ARCI_NEWER_NEITHER, ARCI_NEWER_LEFT, ARCI_NEWER_RIGHT, ARCI_NEWER_UNKNOWN };

/*
 * Compares as arci_record_supersedes() does. Of two with one version, which an honest owner never signs, only the records themselves
 * tell: ARCI_NEWER_UNKNOWN.
 */
enum arci_newer arci_summary_compare(const struct arci_summary *left, const struct arci_summary *right);

#endif
