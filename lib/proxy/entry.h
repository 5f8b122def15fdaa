/* The entry: captured connections that arrive at the TPROXY listeners. */
#ifndef ARCI_PROXY_ENTRY_H
#define ARCI_PROXY_ENTRY_H

#include "proxy/flow.h"

struct arci_entry_listener;
struct arci_worker;

/* Begins to accept on a listening socket, which is the listener's from here on. Returns 0 or a negative libuv error. */
int arci_entry_start(struct arci_entry_listener *listener, struct arci_worker *worker, int fd);

/* Stops; allowed on one that was never started. */
void arci_entry_stop(struct arci_entry_listener *listener);

/* Accepts again after descriptors ran out. */
void arci_entry_tick(struct arci_entry_listener *listener);

/*
 * The other end has refused, reset or lost a flow: says so where somebody wants to know, in the log as a warning where an operator can
 * do something about it. The flow is ended by the caller.
 */
void arci_entry_failed(struct arci_flow *flow, enum arci_stream_reason reason, bool refused);

#endif
