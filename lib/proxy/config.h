/* A snapshot with the counters of everything it names: what the control loop sends to the workers. Counted references. */
#ifndef ARCI_PROXY_CONFIG_H
#define ARCI_PROXY_CONFIG_H

#include "proxy/counters.h"
#include "proxy/snapshot.h"

struct arci_config {
    atomic_uint references;
    struct arci_snapshot *snapshot;
    struct arci_counters **entries; /* by the index of the service in the snapshot */
    struct arci_counters **exits;
    struct arci_counters **peers;
    size_t entry_count, exit_count, peer_count;
};

/* Makes it with one reference, taking blocks from the registries. Errors: ARCTIC_E_NO_MEMORY. */
int arci_config_create(struct arci_snapshot *snapshot, struct arci_counter_registry *services,
                       struct arci_counter_registry *peers, struct arci_config **ret_config,
                       struct arctic_error *error);

struct arci_config *arci_config_ref(struct arci_config *config);
void arci_config_unref(struct arci_config *config); /* NULL is allowed */

ARCI_DEFINE_CLEANUP(struct arci_config *, arci_config_unref, arci_config_cleanup)

/* The transport's view of the peers for one worker: those that are connected. An array to be freed; NULL when memory runs out. */
struct arci_transport_peer *arci_config_transport_peers(const struct arci_config *config, size_t worker,
                                                        size_t *ret_count);

#endif
