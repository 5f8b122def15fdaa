/*
 * Destinations that an exit could not reach: for five seconds new connections to them are reset at their first packet, so that a
 * client that tries again learns at once what the first one learned late. Of an exit without IPv6 that is all of IPv6, for half a
 * minute.
 */
#ifndef ARCI_AGENT_REFUSALS_H
#define ARCI_AGENT_REFUSALS_H

#include "agent/agent-internal.h"

/* Puts a destination into the kernel's set, from the pool's thread; what comes too fast is dropped. `all_ipv6`: the exit has none. */
void arci_refusals_add(struct arctic_agent *agent, const struct arctic_id *service,
                       const struct arctic_endpoint *destination, bool all_ipv6);

void arci_refusals_free(struct arctic_agent *agent);

#endif
