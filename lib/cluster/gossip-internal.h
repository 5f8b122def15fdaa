/*
 * The insides of gossip, for its own files: gossip.c (rounds and rumours), gossip-compare.c (trees), gossip-wants.c (what is asked for),
 * gossip-records.c (records given and taken).
 */
#ifndef ARCI_CLUSTER_GOSSIP_INTERNAL_H
#define ARCI_CLUSTER_GOSSIP_INTERNAL_H

#include "cluster/gossip.h"
#include "cluster/registry-internal.h"
#include "cluster/summary.h"

/* Nodes of a tree in one message, and summaries. What is left over shows in the next round. */
#define ARCI_GOSSIP_NODES_MAX 256
#define ARCI_GOSSIP_ITEMS_MAX 1024
/* Below a node with no more records than this, summaries are shorter than hashes. */
#define ARCI_GOSSIP_FEW_ITEMS 16
/* Text of records in one message, unless it is a single one. */
#define ARCI_GOSSIP_RECORDS_SIZE ((size_t)256 * 1024)
/* Records in a message that is taken: each costs a check of its signature. None has 1000 bytes or less, as far as summaries know. */
#define ARCI_GOSSIP_RECORDS_MAX 512
/* A rumour of a small record is the record, which saves asking for it. */
#define ARCI_GOSSIP_SMALL_RECORD 8192
/* Records asked for at one time: of all peers, and of one, so that one that does not deliver leaves room for others. */
#define ARCI_GOSSIP_WANTS_MAX 4096
#define ARCI_GOSSIP_PEER_WANTS_MAX 1024
/*
 * For how long nobody else is asked for them: milliseconds, and bytes that come in one at least. What is small is asked for again soon: a
 * second copy costs less than the wait.
 */
#define ARCI_GOSSIP_WANT_MS 3000
#define ARCI_GOSSIP_SMALL_WANT_MS 1000
#define ARCI_GOSSIP_SLOW_PATH 32
/* For how long nobody is asked for a record for which there was no room. */
#define ARCI_GOSSIP_REFUSED_MS 60000
/* What the record of a peer takes, about. */
#define ARCI_GOSSIP_OWNER_SIZE 1500
/* Rumours that wait to be told; more are left to the rounds. */
#define ARCI_GOSSIP_HOT_MAX 256

struct arci_gossip_peer {
    struct arctic_id id;
    bool unfinished; /* it has offered more than could be asked for at a time */
    bool fruitful;   /* something that was asked for since has come and was news */
};

/* What was asked for: a version of a record. What is told of it otherwise is about another, or a lie, and may be asked for too. */
struct arci_gossip_want {
    uint8_t place[ARCI_SHA256_SIZE];
    uint8_t hash[ARCI_SHA256_SIZE];
    uint32_t size;
    bool came; /* but was refused: it is not waited for, and not asked for again before its time */
    struct arctic_id peer_id; /* who was asked */
    int64_t until;
    int64_t deadline; /* `until` moves on as long as records come, but not beyond */
};

struct arci_gossip_rumour {
    const struct arci_entry *entry; /* a reference */
    struct arctic_id heard_from;    /* "" for a local change */
};

struct arci_gossip {
    struct arci_gossip_options options;
    struct arci_gossip_counts counts;
    uint64_t random;
    struct arci_gossip_peer *peers; /* ordered by id */
    size_t peer_count;
    size_t peer_capacity;
    struct arci_gossip_want *wants;
    size_t want_count;
    struct arci_gossip_rumour hot[ARCI_GOSSIP_HOT_MAX];
    size_t hot_count;
};

/* --- gossip.c --- */

/* Sends a message, which is taken over; NULL (no memory) sends nothing. */
void arci_gossip_send(struct arci_gossip *gossip, const struct arctic_id *peer_id, json_t *message);
/* The same for a message that is text already. */
void arci_gossip_send_text(struct arci_gossip *gossip, enum arci_gossip_type type,
                           const struct arctic_id *peer_id, const char *text, size_t length);
void arci_gossip_refuse(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                        const struct arctic_error *error);

/* A number of 0 .. limit - 1. */
size_t arci_gossip_random(struct arci_gossip *gossip, size_t limit);

/* NULL where a peer is not connected. */
struct arci_gossip_peer *arci_gossip_find_peer(struct arci_gossip *gossip, const struct arctic_id *peer_id);
void arci_gossip_make_hot(struct arci_gossip *gossip, const struct arci_entry *entry,
                          const struct arctic_id *heard_from);

/* --- gossip-compare.c --- */

void arci_gossip_send_digest(struct arci_gossip *gossip, const struct arctic_id *peer_id);
int arci_gossip_take_digest(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                            const json_t *message, int64_t now, struct arctic_error *error);
int arci_gossip_take_nodes(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *message,
                           int64_t now, struct arctic_error *error);
int arci_gossip_take_items(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *message,
                           int64_t now, struct arctic_error *error);

/* --- gossip-wants.c --- */

/*
 * Asks a peer for records, but for those that somebody has just been asked for, and as far as there is room: the peer is `unfinished`
 * where there was not.
 */
void arci_gossip_want(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                      const struct arci_summary *summaries, size_t count, int64_t now);
void arci_gossip_forget_wants(struct arci_gossip *gossip, const struct arctic_id *peer_id);

/*
 * Asks a peer for the record of an owner that is not known, of whom it has sent another record; when it is there, they are compared again.
 * Else many records of one owner might keep those from being told of that they wait for.
 */
void arci_gossip_want_owner(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                            const struct arctic_id *owner, int64_t now);

/* A record has come from a peer: `code` is what became of it, `entry` what is known of it now (NULL: nothing). */
void arci_gossip_settle_want(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                             const struct arci_record *record, const struct arci_entry *entry, int code,
                             int64_t now);

/*
 * A message of records has been taken: what else the peer was asked for has more time; and where nothing is left, it is compared with
 * again.
 */
void arci_gossip_end_of_records(struct arci_gossip *gossip, const struct arctic_id *peer_id, int64_t now);

/* --- gossip-records.c --- */

int arci_gossip_take_want(struct arci_gossip *gossip, const struct arctic_id *peer_id, const json_t *message,
                          int64_t now, struct arctic_error *error);
int arci_gossip_take_records(struct arci_gossip *gossip, const struct arctic_id *peer_id,
                             const json_t *message, int64_t now, struct arctic_error *error);

#endif
