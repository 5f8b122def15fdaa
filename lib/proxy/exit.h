/* The exit: flows that peers send, opened towards their destinations. */
#ifndef ARCI_PROXY_EXIT_H
#define ARCI_PROXY_EXIT_H

#include "proxy/flow.h"

/* A peer asks for a flow: checks what it may have, and begins to connect; or holds it until its service is known. */
void arci_exit_incoming(struct arci_worker *worker, struct arci_stream *stream,
                        const struct arctic_id *peer_id, const struct arci_stream_request *request);

/*
 * The same for a flow that is held: serves or refuses it and returns true; or false where a newer configuration may know more of it,
 * unless this is its `last` chance.
 */
bool arci_exit_try(struct arci_worker *worker, struct arci_stream *stream, const struct arctic_id *peer_id,
                   const struct arci_stream_request *request, bool last);

/* The destination has answered, or not: `errnum` is 0 where the socket itself is to be asked. */
void arci_exit_connected(struct arci_flow *flow, int errnum);

/* Ends a connect that takes too long. */
void arci_exit_tick(struct arci_flow *flow);

#endif
