/* From a plan to the data plane's snapshot. */
#ifndef ARCI_AGENT_SNAPSHOT_H
#define ARCI_AGENT_SNAPSHOT_H

#include "agent/services/service-plan.h"

/*
 * Makes a new snapshot for the workers: the services of `plan`, those of `former` (may be NULL) that are not in it any more, since the
 * kernel may still capture for them, and the services of others whose target is this host. `earlier` (may be NULL) is a snapshot
 * from which the routes of services that have not changed are taken. It reads the plans and that, and so runs on any thread: with many
 * routes it takes long. Errors: those of arci_snapshot_add_entry().
 */
int arci_snapshot_make(const struct arci_service_plan *plan, const struct arci_service_plan *former,
                       const struct arci_snapshot *earlier, struct arci_snapshot **ret_snapshot,
                       struct arctic_error *error);

#endif
