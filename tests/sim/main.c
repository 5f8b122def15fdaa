/*
 * The simulation's two questions.
 *   sim schedules FIRST COUNT   does the cluster agree, and keep what it has acknowledged, after any schedule of faults?
 *   sim spread LOSS PEERS...    in how many rounds does a change reach all, what does it cost, and how does that grow?
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/schedule.h"
#include "tests/sim/world.h"

#define ROUNDS_MAX 12
#define REST_ROUNDS 5

static int run_schedules(uint64_t first, uint64_t count)
{
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct sim_schedule schedule = sim_schedule_make(seed);
        const char *broken = sim_schedule_run(&schedule);
        if (!broken)
            continue;
        printf("after the schedule of seed %llu: %s\n", (unsigned long long)seed, broken);
        sim_schedule_shrink(&schedule);
        sim_schedule_print(&schedule);
        return 1;
    }
    printf("%llu schedules from seed %llu: all agree, nothing lost\n", (unsigned long long)count,
           (unsigned long long)first);
    return 0;
}

static size_t count_holders(struct sim_world *world)
{
    size_t holders = 0;
    for (size_t i = 0; i < world->peer_count; i++)
        holders += sim_peer_look_up(&world->peers[i], &world->peers[0], 0) != NULL;
    return holders;
}

static double bytes_per_peer(const struct sim_world *world)
{
    return (double)world->counts.bytes / (double)world->peer_count;
}

static void measure(struct sim_world *world, bool on)
{
    world->counts = (struct sim_counts){0};
    world->measure = on;
}

/* What a cluster of some size needs: rounds, and bytes that each peer sends, about. */
struct cost {
    size_t peers;
    int rounds;    /* until a change is everywhere */
    double spread; /* in all of them together */
    double rest;   /* in a round, when there is nothing to tell */
};

static struct cost measure_cost(size_t peers, unsigned loss)
{
    struct sim_world world;
    struct cost cost = {.peers = peers};
    sim_world_create(&world, 1, peers, true);
    world.loss_percent = loss;
    sim_world_run(&world, 2 * SIM_ROUND_MS);
    measure(&world, true);
    sim_world_run(&world, REST_ROUNDS * SIM_ROUND_MS);
    cost.rest = bytes_per_peer(&world) / REST_ROUNDS;
    measure(&world, true);
    sim_peer_put(&world.peers[0], 0, "news");
    for (; cost.rounds <= ROUNDS_MAX && count_holders(&world) < peers; cost.rounds++)
        sim_world_run(&world, SIM_ROUND_MS);
    cost.spread = bytes_per_peer(&world);
    sim_world_release(&world);
    return cost;
}

/* Rounds are bounded, and bytes grow no faster than the logarithm of the number of peers. */
static bool is_cheap(const struct cost *cost, const struct cost *smallest)
{
    const double growth = log((double)cost->peers) / log((double)smallest->peers);
    return cost->rounds <= ROUNDS_MAX && cost->rest <= smallest->rest * growth &&
           cost->spread <= smallest->spread * growth;
}

static int run_spread(unsigned loss, char *const *sizes, size_t count)
{
    struct cost smallest = {0};
    int result = 0;
    for (size_t i = 0; i < count; i++) {
        const struct cost cost = measure_cost(strtoull(sizes[i], NULL, 10), loss);
        if (i == 0)
            smallest = cost;
        printf(
            "%zu peers, %u %% loss: a change is everywhere after %d rounds, which cost each peer %.0f bytes, "
            "%.0f a round; a round at rest costs it %.0f bytes\n",
            cost.peers, loss, cost.rounds, cost.spread, cost.spread / cost.rounds, cost.rest);
        if (is_cheap(&cost, &smallest))
            continue;
        printf("that is over %d rounds, or grows faster than the logarithm of the number of peers\n",
               ROUNDS_MAX);
        result = 1;
    }
    return result;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "schedules") == 0)
        return run_schedules(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (argc >= 4 && strcmp(argv[1], "spread") == 0)
        return run_spread((unsigned)strtoul(argv[2], NULL, 10), argv + 3, (size_t)argc - 3);
    fprintf(stderr, "usage: %s schedules FIRST COUNT | spread LOSS_PERCENT PEERS...\n", argv[0]);
    return 2;
}
