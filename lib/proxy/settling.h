/*
 * Flows that have ended in order while the kernel still sends their last bytes: kept until these have arrived, so that their packets
 * are counted, and no longer than some seconds.
 */
#ifndef ARCI_PROXY_SETTLING_H
#define ARCI_PROXY_SETTLING_H

#include "proxy/flow.h"

/* Takes over a flow that is in no other list of the worker's, with its open socket. */
void arci_settling_add(struct arci_worker *worker, struct arci_flow *flow);

/* Ends those that have settled, or wait too long. */
void arci_settling_tick(struct arci_worker *worker);

/* Ends all, as they are. */
void arci_settling_end_all(struct arci_worker *worker);

#endif
