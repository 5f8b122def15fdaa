/*
 * Flows that a peer asks for before the exit has heard of their service. The record of a service, and the flows that follow it, come
 * over different connections, and the record is often the later one. Such a flow is held for a moment, and tried again whenever the
 * configuration changes.
 */
#ifndef ARCI_PROXY_PENDING_H
#define ARCI_PROXY_PENDING_H

#include "transport/transport.h"

#define ARCI_PENDING_MAX 1024 /* for one worker; what comes beyond is refused at once */
#define ARCI_PENDING_MS 1000

struct arci_worker;

/* Takes the stream of an OPEN. False, and it stays the caller's, when too many wait or memory runs out. */
bool arci_pending_add(struct arci_worker *worker, struct arci_stream *stream, const struct arctic_id *peer_id,
                      const struct arci_stream_request *request);

/* A new configuration is there. */
void arci_pending_retry(struct arci_worker *worker);

/* Refuses those whose time is over. */
void arci_pending_tick(struct arci_worker *worker);

/* Refuses all. */
void arci_pending_refuse_all(struct arci_worker *worker, enum arci_stream_reason reason);

#endif
