/* What the files of carrying share: calls that wait for other peers (carry.c), and what is served for them (carry-serve.c). */
#ifndef ARCI_AGENT_CARRY_INTERNAL_H
#define ARCI_AGENT_CARRY_INTERNAL_H

#include "agent/carry/carry.h"
#include "cluster/carried.h"

struct arci_carry_call;
struct arci_served;

/* As many as requests are served at a time. */
#define ARCI_CARRY_CHANGES_MAX 256

/* Which records have changed here of late; the ring's next place is `count` modulo its size. */
struct arci_carry_changes {
    struct {
        enum arci_record_kind kind;
        struct arctic_id id;
    } recent[ARCI_CARRY_CHANGES_MAX];
    uint64_t count; /* of all changes since the start */
};

struct arci_carrier {
    struct arci_carry_call *calls; /* requests of clients of this agent */
    int64_t next_id;
    uv_timer_t timer;           /* deadlines of calls; runs while there are any */
    struct arci_served *served; /* requests that other peers have carried here */
    size_t writing;             /* bytes of answers that are being made into messages on the pool */
    struct arci_carry_changes changes;
};

/*
 * Queues a message whose body takes `body_size` bytes, unless so much waits already that records would find no room. Errors:
 * ARCTIC_E_PEER_UNREACHABLE, ARCTIC_E_NO_MEMORY.
 */
int arci_carry_send(struct arci_link *link, const json_t *message, size_t body_size,
                    struct arctic_error *error);

/* The same for a message that is text already. */
int arci_carry_send_text(struct arci_link *link, const char *text, size_t length, struct arctic_error *error);

/* Whether so many bytes more may wait to be sent, of which `queued` do. Errors: ARCTIC_E_PEER_UNREACHABLE. */
int arci_carry_check_queue(size_t queued, size_t more, struct arctic_error *error);

/* --- carry-changes.c --- */

/*
 * Sends the records that have changed since there were `since` changes over a link, as far as they fit into one message. What is not
 * sent comes by gossip.
 */
void arci_carry_tell_changes(struct arctic_agent *agent, struct arci_link *link, uint64_t since);

/* --- carry-serve.c --- */

void arci_served_take(struct arctic_agent *agent, struct arci_link *link, const struct arctic_id *peer_id,
                      const json_t *message);

/* Nobody waits any more for the answers to what came over a link (NULL: over any). */
void arci_served_forget(struct arctic_agent *agent, const struct arci_link *link);

#endif
