/*
 * Changes of records so large that the registry's thread would be kept by encoding, signing or checking, and storing them. A change is
 * begun and ended on that thread, and worked in between on any other. What is written to the record in the meantime counts, and the
 * change does not: the store takes it only over the version that it was begun on, and the registry shows it only in the place of that.
 */
#ifndef ARCI_CLUSTER_REGISTRY_CHANGE_H
#define ARCI_CLUSTER_REGISTRY_CHANGE_H

#include "cluster/registry.h"

struct arci_registry_change;

/*
 * Begins what arci_registry_put_service() does. The service is taken over, also on failure. Errors: ARCTIC_E_FORBIDDEN,
 * ARCTIC_E_NOT_BOOTSTRAPPED, ARCTIC_E_NO_MEMORY, ARCTIC_E_INTERNAL.
 */
int arci_registry_change_service(struct arci_registry *registry, struct arci_service *service,
                                 struct arci_registry_change **ret_change, struct arctic_error *error);

/*
 * The same from its begin to its end, on the registry's thread: it overtakes a change of the record that is worked elsewhere. The service
 * is taken over, also on failure. Errors: those of arci_registry_put_service().
 */
int arci_registry_change_at_once(struct arci_registry *registry, struct arci_service *service,
                                 struct arctic_error *error);

/*
 * Signs and stores a new version of a service of this host whose record is packed, with the same text, at once. Errors: as above.
 */
int arci_registry_change_renew(struct arci_registry *registry, const struct arci_entry *entry,
                               struct arctic_error *error);

/*
 * Begins what arci_registry_merge() does, of a service of another peer that has been read already. The entry is taken over, also on
 * failure. *ret_change is NULL where it is no news. Errors: those of arci_registry_merge().
 */
int arci_registry_change_take(struct arci_registry *registry, struct arci_entry *entry,
                              struct arci_registry_change **ret_change, struct arctic_error *error);

/* Signs or checks the record, and stores it: once for a change, on any thread. What fails is told at the end. */
void arci_registry_change_work(struct arci_registry_change *change);

/*
 * Ends a change, which is freed: on success its record is on disk and shown. Errors: ARCTIC_E_CANCELLED where another change of the record
 * came first, and those of what was begun; nothing has changed then.
 */
int arci_registry_change_end(struct arci_registry *registry, struct arci_registry_change *change,
                             struct arctic_error *error);

/* Gives up a change that was not worked. NULL is allowed. */
void arci_registry_change_free(struct arci_registry_change *change);

#endif
