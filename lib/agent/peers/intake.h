/*
 * Large messages of peers, such as a record of many routes: read, checked and stored on a thread of the pool, one at a time, while the link
 * that one has come over is not read further. So what waits is bounded by the number of links, and most of it by what a socket holds.
 */
#ifndef ARCI_AGENT_INTAKE_H
#define ARCI_AGENT_INTAKE_H

#include "agent/agent-internal.h"
#include "cluster/link.h"

/*
 * Takes a large message of a peer (see on_large in cluster/link.h), whose link goes on when it has been dealt with. False where it could
 * not be taken: it is the caller's then.
 */
bool arci_intake_take(struct arctic_agent *agent, struct arci_link *link, const struct arctic_id *peer_id,
                      char *text, size_t length);

/* A control link has ended or is about to be closed: what came over it and was not read yet is dropped. */
void arci_intake_link_ended(struct arctic_agent *agent, const struct arci_link *link);

#endif
