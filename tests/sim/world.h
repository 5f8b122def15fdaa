/*
 * A cluster in one process: registries and gossip of the real library over a virtual network with a virtual clock. All that happens
 * follows from the seed.
 */
#ifndef ARCTIC_TESTS_SIM_WORLD_H
#define ARCTIC_TESTS_SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cluster/gossip.h"
#include "tests/unit/random.h"

#define SIM_ROUND_MS 1000

struct sim_world;

struct sim_peer {
    struct sim_world *world;
    struct arctic_id id;
    struct arci_identity *identity;
    struct arci_registry *registry; /* as if on disk: it outlives a crash */
    struct arci_gossip *gossip;     /* NULL while the peer is down */
    struct arci_gossip_options gossip_options;
    int64_t skew_ms; /* of its real-time clock */
    unsigned side;   /* peers of different sides do not reach each other */
    bool gone;       /* has left or was revoked, whoever has heard of it */
    bool flush_due;
    unsigned generation; /* messages to an earlier one are lost */
    int64_t alive_at;    /* by its own clock: when it last stopped */
    json_t *backup;      /* records of an earlier time; NULL: none */
    int64_t backup_alive_at;
    struct arci_registry_gap backup_gap;
};

struct sim_event; /* a message under way, a round, rumours to be told */

struct sim_counts {
    uint64_t messages;
    uint64_t bytes; /* counted only where `measure` is on */
    uint64_t refused;
};

struct sim_world {
    struct test_random random;
    int64_t now; /* milliseconds */
    int64_t age; /* milliseconds by which real-time clocks are ahead of that */
    struct sim_peer *peers;
    size_t peer_count;
    struct sim_event *events; /* a heap, the next one first */
    size_t event_count;
    size_t event_capacity;
    uint64_t event_number;
    unsigned loss_percent;
    bool measure;
    struct sim_counts counts;
};

/*
 * Peers that know each other's records already where `acquainted`, and their own alone otherwise. Those of every third seed ask for some
 * records at a time only, so that most of what they do takes several turns.
 */
void sim_world_create(struct sim_world *world, uint64_t seed, size_t peers, bool acquainted);
void sim_world_release(struct sim_world *world);

/* Lets time pass. */
void sim_world_run(struct sim_world *world, int64_t milliseconds);

/* All real-time clocks jump ahead, as if nothing had happened meanwhile. */
void sim_world_age(struct sim_world *world, int64_t milliseconds);

/* Whether all members that are up and on one side hold the same. */
bool sim_world_agrees(struct sim_world *world);

/* A peer stops as by kill -9, and starts with what is on its disk. */
void sim_peer_crash(struct sim_peer *peer);
void sim_peer_start(struct sim_peer *peer);

/* A copy of a peer's disk, and the peer as it was then. */
void sim_peer_back_up(struct sim_peer *peer);
void sim_peer_restore(struct sim_peer *peer);

/* A change of this peer's own records: `number` says which of its credentials, `name` what it is called then. */
void sim_peer_put(struct sim_peer *peer, unsigned number, const char *name);
void sim_peer_delete(struct sim_peer *peer, unsigned number);
void sim_peer_rename(struct sim_peer *peer, const char *name);
void sim_peer_revoke(struct sim_peer *peer, struct sim_peer *other);
void sim_peer_leave(struct sim_peer *peer);

/* What `peer` knows of a credential of `owner`; NULL: nothing. Tombstones count. */
const struct arci_entry *sim_peer_look_up(const struct sim_peer *peer, const struct sim_peer *owner,
                                          unsigned number);

/* What `peer` takes for the name of a member; "" where it does not know it. */
const char *sim_peer_name_of(const struct sim_peer *peer, const struct sim_peer *other);

/* Whether `peer` knows that another one is no member any more. */
bool sim_peer_knows_gone(const struct sim_peer *peer, const struct sim_peer *other);

/* Ids that follow from numbers. */
struct arctic_id sim_id(const char *prefix, size_t number);

#endif
