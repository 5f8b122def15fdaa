/* From a plan and the records to the data plane's snapshot. */
#ifndef ARCI_AGENT_SNAPSHOT_H
#define ARCI_AGENT_SNAPSHOT_H

#include "agent/service-plan.h"

/*
 * Hands the workers a new snapshot: the services of `plan`, those of `former` (may be NULL) that are not in it any more, since the
 * kernel may still capture for them, and the services of others whose target is this host. A failure is logged and returned, and the
 * workers keep what they have.
 */
int arci_snapshot_publish(struct arctic_agent *agent, const struct arci_service_plan *plan,
                          const struct arci_service_plan *former);

#endif
