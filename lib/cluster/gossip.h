/*
 * Gossip: how any number of registries come to hold the same records, without one that coordinates.
 *
 * A change is offered to a few peers at once, who offer what is news to them to a few others (rumours); what that misses is found by
 * comparing hash trees with a few random peers in each round (anti-entropy). The first makes it fast, the second makes it sure. (Demers
 * et al., "Epidemic Algorithms for Replicated Database Maintenance", 1987.) A rumour reaches n peers in about log(n) steps; a round
 * without differences costs each peer 2 * ARCI_GOSSIP_FANOUT messages of 100 bytes, whatever n is.
 *
 * A state machine: messages, ticks and peers go in, messages go out; it has no clock, no socket and no thread. It belongs to the thread
 * of its registry. Whom it may talk to is the caller's decision: only peers that have proved that they are members. Messages:
 *
 *   {"type":"digest","root":hash}            the hash of the sender's tree; the same here: no answer
 *   {"type":"nodes","nodes":{path:hash}}     of nodes that differ: the hashes of their children
 *   {"type":"items","paths":[path],"items":[summary]}  below these nodes: all that the sender has
 *   {"type":"items","items":[summary]}       what the sender has to offer
 *   {"type":"want","items":[[kind,id]]}      asks for records
 *   {"type":"records","records":[record]}
 */
#ifndef ARCI_CLUSTER_GOSSIP_H
#define ARCI_CLUSTER_GOSSIP_H

#include "cluster/registry.h"

/* Peers that are spoken to in a round, and to whom a rumour is told. */
#define ARCI_GOSSIP_FANOUT 2
#define ARCI_GOSSIP_RUMOUR_FANOUT 4
#define ARCI_GOSSIP_TOLD_MAX 32

/*
 * Bytes of records that are asked for at a time from one peer, by their summaries, and at which an answer ends, unless it is a single one:
 * what waits on a link, and what is carried twice after it has broken, is bounded by them.
 */
#define ARCI_GOSSIP_BULK ((size_t)8 * 1024 * 1024)
#define ARCI_GOSSIP_ANSWER_MAX ((size_t)16 * 1024 * 1024)

struct arci_gossip;

/* Messages by type. */
enum arci_gossip_type {
    ARCI_GOSSIP_DIGEST = 0,
    ARCI_GOSSIP_NODES = 1,
    ARCI_GOSSIP_ITEMS = 2,
    ARCI_GOSSIP_WANT = 3,
    ARCI_GOSSIP_RECORDS = 4,
};

#define ARCI_GOSSIP_TYPES 5

/* Since the gossip was created. */
struct arci_gossip_counts {
    uint64_t sent[ARCI_GOSSIP_TYPES]; /* messages */
    uint64_t received[ARCI_GOSSIP_TYPES];
    uint64_t records_taken;   /* that were news */
    uint64_t records_refused; /* but for those whose owner is not known yet, which come again */
};

struct arci_gossip_options {
    struct arci_registry *registry; /* outlives the gossip */
    uint64_t seed;                  /* of its random choices */
    size_t bulk;   /* bytes of records asked for at a time from one peer; 0: ARCI_GOSSIP_BULK */
    void *context; /* for the callbacks; none of them may call back into the gossip */
    void (*send)(void *context, const struct arctic_id *peer_id, const json_t *message);
    /* The same of a message that is large and text already. May be NULL: `send` is called for it. */
    void (*send_text)(void *context, const struct arctic_id *peer_id, const char *text, size_t length);
    /* A record from elsewhere is in the registry now. */
    void (*changed)(void *context, const struct arci_entry *entry);
    /* A record or a message of a peer was not taken, and why. May be NULL. */
    void (*refused)(void *context, const struct arctic_id *peer_id, const struct arctic_error *error);
};

/* Errors: ARCTIC_E_NO_MEMORY. */
int arci_gossip_create(const struct arci_gossip_options *options, struct arci_gossip **ret_gossip,
                       struct arctic_error *error);
void arci_gossip_free(struct arci_gossip *gossip);

/* Good as long as the gossip. */
const struct arci_gossip_counts *arci_gossip_counts(const struct arci_gossip *gossip);

/* As it stands in messages. */
const char *arci_gossip_type_name(enum arci_gossip_type type);

/* A peer can be spoken to, or no more. A second connect is no error. Errors: ARCTIC_E_NO_MEMORY. */
int arci_gossip_connect(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                        struct arctic_error *error);
void arci_gossip_disconnect(struct arci_gossip *gossip, const struct arctic_id *peer_id);

/* A local record has changed: ARCI_GOSSIP_TOLD_MAX peers hear of it at once, the others by rumour. */
void arci_gossip_announce(struct arci_gossip *gossip, const struct arci_entry *entry);

/* A round: to be called about once a second. */
void arci_gossip_tick(struct arci_gossip *gossip);

/* Compares with one peer at once. */
void arci_gossip_compare(struct arci_gossip *gossip, const struct arctic_id *peer_id);

/*
 * A message of a connected peer: returns whether it was one of gossip's, be it a bad one. `now` is milliseconds of a monotonic clock.
 */
bool arci_gossip_receive(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *message,
                         int64_t now);

/*
 * A message of a connected peer that held one record, for which the caller has done what arci_registry_merge() does: `code` and `error` are
 * what came of it, `changed` is whether it was news.
 */
void arci_gossip_took(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                      const struct arci_record *record, bool changed, int code,
                      const struct arctic_error *error, int64_t now);

/*
 * A message with records, for who tells one peer of them out of turn: in the order given, without those that would make it larger than a
 * message of many records may be. NULL where none fits or memory runs out: a round tells of them.
 */
json_t *arci_gossip_records_message(const struct arci_entry *const *entries, size_t count);

/* Tells the rumours that have come up since the last call: to be called soon after each of the above, once for many of them. */
void arci_gossip_flush(struct arci_gossip *gossip);

#endif
