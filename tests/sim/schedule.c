/* Schedules of faults, and what must hold after any of them. */
#include "tests/sim/schedule.h"

#include <stdio.h>
#include <string.h>

#include "tests/sim/world.h"

#define PEERS_MAX 24
#define PEERS_OFTEN_MAX 8
#define NUMBERS 4
/* By then all must agree, whatever has happened: tombstones end when each host's own clock says so. */
#define ROUNDS_TO_AGREE 60
#define MINUTES_A_DAY 1440

static const struct {
    const char *name;
    unsigned weight;
} actions[SIM_ACTIONS] = {
    [SIM_RUN] = {"run", 14},        [SIM_PUT] = {"put", 14},        [SIM_DELETE] = {"delete", 5},
    [SIM_SPLIT] = {"split", 3},     [SIM_HEAL] = {"heal", 3},       [SIM_LOSS] = {"loss", 2},
    [SIM_CRASH] = {"crash", 4},     [SIM_START] = {"start", 4},     [SIM_SKEW] = {"skew", 2},
    [SIM_BACK_UP] = {"back up", 2}, [SIM_RESTORE] = {"restore", 2}, [SIM_REVOKE] = {"revoke", 1},
    [SIM_LEAVE] = {"leave", 1},     [SIM_RENAME] = {"rename", 3},   [SIM_AGE] = {"age", 2},
};

/* --- Making --- */

static enum sim_action draw_action(struct test_random *random)
{
    unsigned sum = 0;
    for (size_t i = 0; i < SIM_ACTIONS; i++)
        sum += actions[i].weight;
    unsigned drawn = test_random_below(random, sum);
    unsigned action = 0;
    while (drawn >= actions[action].weight)
        drawn -= actions[action++].weight;
    return (enum sim_action)action;
}

static int draw_value(struct test_random *random, enum sim_action action, unsigned peers)
{
    switch (action) {
    case SIM_RUN:
        return 10 + (int)test_random_below(random, 3000);
    case SIM_SPLIT:
        return (int)test_random_below(random, 1u << peers);
    case SIM_LOSS:
        return (int)test_random_below(random, 60);
    case SIM_SKEW:
        return (int)test_random_below(random, 50000) - 25000;
    case SIM_AGE:
        return 30 * MINUTES_A_DAY + (int)test_random_below(random, 70 * MINUTES_A_DAY);
    case SIM_REVOKE:
        return (int)test_random_below(random, peers);
    default:
        return (int)test_random_below(random, NUMBERS);
    }
}

struct sim_schedule sim_schedule_make(uint64_t seed)
{
    struct test_random random = {.state = seed};
    const unsigned most = seed % 16 == 0 ? PEERS_MAX : PEERS_OFTEN_MAX;
    struct sim_schedule schedule = {.seed = seed, .peers = 2 + test_random_below(&random, most - 1)};
    schedule.count = 4 + test_random_below(&random, SIM_STEPS_MAX - 4);
    for (size_t i = 0; i < schedule.count; i++) {
        enum sim_action action = draw_action(&random);
        schedule.steps[i] = (struct sim_step){.action = action,
                                              .peer = test_random_below(&random, schedule.peers),
                                              .value = draw_value(&random, action, schedule.peers)};
    }
    return schedule;
}

/* --- What was acknowledged --- */

/* The last change of a credential that its owner has answered for. */
struct promise {
    bool made;
    bool deleted;
    char name[32];
};

struct run {
    struct sim_world world;
    struct promise promises[PEERS_MAX][NUMBERS];
    char names[PEERS_MAX][32]; /* that peers have given themselves; "" where nobody can promise one */
    const struct sim_peer *ended_by[PEERS_MAX]; /* who has ended a membership: its own, or another's */
    bool doubtful[PEERS_MAX];                   /* who did may have forgotten it */
    unsigned changes;
};

/* An owner that comes back from a backup may have lost what no other peer had heard of: nobody can promise that. */
static void forget_promises(struct run *run, unsigned peer)
{
    memset(run->promises[peer], 0, sizeof run->promises[peer]);
    run->names[peer][0] = '\0';
    for (size_t i = 0; i < PEERS_MAX; i++)
        run->doubtful[i] = run->doubtful[i] || run->ended_by[i] == &run->world.peers[peer];
}

static void change(struct run *run, const struct sim_step *step)
{
    struct sim_peer *peer = &run->world.peers[step->peer];
    struct promise *promise = &run->promises[step->peer][step->value];
    if (!peer->gossip || peer->gone)
        return;
    if (step->action == SIM_DELETE) {
        sim_peer_delete(peer, (unsigned)step->value);
        promise->deleted = true;
        return;
    }
    *promise = (struct promise){.made = true};
    snprintf(promise->name, sizeof promise->name, "change %u", ++run->changes);
    sim_peer_put(peer, (unsigned)step->value, promise->name);
}

static void rename_peer(struct run *run, unsigned number)
{
    struct sim_peer *peer = &run->world.peers[number];
    if (!peer->gossip || peer->gone)
        return;
    snprintf(run->names[number], sizeof run->names[number], "name %u", ++run->changes);
    sim_peer_rename(peer, run->names[number]);
}

static size_t count_members(const struct sim_world *world)
{
    size_t members = 0;
    for (size_t i = 0; i < world->peer_count; i++)
        members += !world->peers[i].gone;
    return members;
}

static void end_membership(struct run *run, const struct sim_step *step)
{
    struct sim_peer *peer = &run->world.peers[step->peer];
    struct sim_peer *other = step->action == SIM_REVOKE ? &run->world.peers[step->value] : peer;
    if (!peer->gossip || peer->gone || other->gone || count_members(&run->world) <= 2)
        return;
    if (step->action == SIM_LEAVE)
        sim_peer_leave(peer);
    else if (peer != other)
        sim_peer_revoke(peer, other);
    else
        return;
    other->gone = true;
    run->ended_by[step->action == SIM_LEAVE ? step->peer : (unsigned)step->value] = peer;
}

static void split(struct sim_world *world, unsigned bits)
{
    for (size_t i = 0; i < world->peer_count; i++)
        world->peers[i].side = bits >> i & 1;
}

static void take_step(struct run *run, const struct sim_step *step)
{
    struct sim_peer *peer = &run->world.peers[step->peer];
    switch (step->action) {
    case SIM_RUN:
        sim_world_run(&run->world, step->value);
        return;
    case SIM_PUT:
    case SIM_DELETE:
        change(run, step);
        return;
    case SIM_SPLIT:
        split(&run->world, (unsigned)step->value);
        return;
    case SIM_HEAL:
        split(&run->world, 0);
        return;
    case SIM_LOSS:
        run->world.loss_percent = (unsigned)step->value;
        return;
    case SIM_CRASH:
        sim_peer_crash(peer);
        return;
    case SIM_START:
        sim_peer_start(peer);
        return;
    case SIM_SKEW:
        /* A clock that is put back while versions have been lost with it is more than anybody promises to survive. */
        if (!peer->backup)
            peer->skew_ms = step->value;
        return;
    case SIM_BACK_UP:
        sim_peer_back_up(peer);
        return;
    case SIM_RESTORE:
        if (peer->backup && !peer->gone) {
            /* It takes time: versions are milliseconds, and the former one must be over. */
            sim_world_run(&run->world, 2);
            sim_peer_restore(peer);
            forget_promises(run, step->peer);
        }
        return;
    case SIM_RENAME:
        rename_peer(run, step->peer);
        return;
    case SIM_AGE:
        sim_world_age(&run->world, (int64_t)step->value * 60 * 1000);
        return;
    case SIM_REVOKE:
    case SIM_LEAVE:
        end_membership(run, step);
        return;
    case SIM_ACTIONS:
        return;
    }
}

static bool is_kept(const struct promise *promise, const struct arci_entry *entry)
{
    if (!promise->made)
        return true;
    if (promise->deleted)
        return !entry || entry->record.deleted;
    return entry && !entry->record.deleted && strcmp(entry->content.credential.name, promise->name) == 0;
}

static const char *check_owner(struct run *run, const struct sim_peer *member, unsigned owner)
{
    const struct sim_peer *other = &run->world.peers[owner];
    bool gone = sim_peer_knows_gone(member, other);
    /* What a former member has said of another, with its last breath, may have reached nobody. */
    if (run->ended_by[owner] && !run->doubtful[owner] && !run->ended_by[owner]->gone && !gone)
        return "a revocation was lost";
    if (!run->ended_by[owner] && gone)
        return "a member counts as gone";
    if (!other->gone && run->names[owner][0] &&
        strcmp(sim_peer_name_of(member, other), run->names[owner]) != 0)
        return "a name was lost";
    for (unsigned number = 0; number < NUMBERS; number++) {
        const struct arci_entry *entry = sim_peer_look_up(member, other, number);
        if (gone && entry)
            return "a member holds what a former one owned";
        if (!other->gone && !is_kept(&run->promises[owner][number], entry))
            return "an acknowledged change was lost";
    }
    return NULL;
}

static const char *check_promises(struct run *run)
{
    struct sim_world *world = &run->world;
    for (size_t i = 0; i < world->peer_count; i++) {
        for (unsigned owner = 0; owner < world->peer_count && !world->peers[i].gone; owner++) {
            const char *broken = check_owner(run, &world->peers[i], owner);
            if (broken)
                return broken;
        }
    }
    return NULL;
}

static const char *check_end(struct run *run)
{
    struct sim_world *world = &run->world;
    split(world, 0);
    world->loss_percent = 0;
    for (size_t i = 0; i < world->peer_count; i++)
        sim_peer_start(&world->peers[i]);
    for (int round = 0; round < ROUNDS_TO_AGREE; round++) {
        sim_world_run(world, SIM_ROUND_MS);
        const char *broken = sim_world_agrees(world) ? check_promises(run) : "the members do not agree";
        if (!broken || round == ROUNDS_TO_AGREE - 1)
            return broken;
    }
    return NULL;
}

const char *sim_schedule_run(const struct sim_schedule *schedule)
{
    struct run run = {.changes = 0};
    sim_world_create(&run.world, schedule->seed, schedule->peers, schedule->seed % 2 == 0);
    for (size_t i = 0; i < schedule->count; i++)
        take_step(&run, &schedule->steps[i]);
    const char *broken = check_end(&run);
    sim_world_release(&run.world);
    return broken;
}

/* --- For people --- */

static struct sim_schedule without(const struct sim_schedule *schedule, size_t first, size_t count)
{
    struct sim_schedule shorter = *schedule;
    if (first + count > schedule->count)
        count = schedule->count - first;
    memmove(shorter.steps + first, shorter.steps + first + count,
            (shorter.count - first - count) * sizeof shorter.steps[0]);
    shorter.count -= count;
    return shorter;
}

/* Delta debugging (Zeller, Hildebrandt: "Simplifying and Isolating Failure-Inducing Input", 2002), by halves. */
void sim_schedule_shrink(struct sim_schedule *schedule)
{
    for (size_t size = schedule->count; size > 0; size /= 2) {
        for (size_t first = 0; first < schedule->count;) {
            const struct sim_schedule shorter = without(schedule, first, size);
            if (sim_schedule_run(&shorter))
                *schedule = shorter;
            else
                first += size;
        }
    }
}

void sim_schedule_print(const struct sim_schedule *schedule)
{
    printf("seed %llu, %u peers\n", (unsigned long long)schedule->seed, schedule->peers);
    for (size_t i = 0; i < schedule->count; i++)
        printf("  %-8s peer %u  %d\n", actions[schedule->steps[i].action].name, schedule->steps[i].peer,
               schedule->steps[i].value);
}
