/* What the files of carrying share: calls that wait for other peers (carry.c), and what is served for them (carry-serve.c). */
#ifndef ARCI_AGENT_CARRY_INTERNAL_H
#define ARCI_AGENT_CARRY_INTERNAL_H

#include "agent/carry.h"
#include "cluster/carried.h"

struct arci_carry_call;
struct arci_served;

struct arci_carrier {
    struct arci_carry_call *calls; /* requests of clients of this agent */
    int64_t next_id;
    uv_timer_t timer;           /* deadlines of calls; runs while there are any */
    struct arci_served *served; /* requests that other peers have carried here */
};

/*
 * Queues a message whose body takes `body_size` bytes, unless so much waits already that records would find no room. Errors:
 * ARCTIC_E_PEER_UNREACHABLE, ARCTIC_E_NO_MEMORY.
 */
int arci_carry_send(struct arci_link *link, const json_t *message, size_t body_size,
                    struct arctic_error *error);

/* --- carry-serve.c --- */

void arci_served_take(struct arctic_agent *agent, struct arci_link *link, const struct arctic_id *peer_id,
                      const json_t *message);

/* Nobody waits any more for the answers to what came over a link (NULL: over any). */
void arci_served_forget(struct arctic_agent *agent, const struct arci_link *link);

#endif
