/*
 * The simulation's two questions.
 *   sim schedules FIRST COUNT   does the cluster agree, and keep what it has acknowledged, after any schedule of faults?
 *   sim spread PEERS LOSS       in how many rounds does a change reach all, and what does it cost?
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/schedule.h"
#include "tests/sim/world.h"

#define ROUNDS_MAX 60

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

static double bytes_per_peer(struct sim_world *world, unsigned rounds)
{
    world->counts = (struct sim_counts){0};
    world->measure = true;
    sim_world_run(world, (int64_t)rounds * SIM_ROUND_MS);
    world->measure = false;
    return (double)world->counts.bytes / (double)world->peer_count / rounds;
}

static int run_spread(size_t peers, unsigned loss)
{
    struct sim_world world;
    int rounds = 0;
    sim_world_create(&world, 1, peers, true);
    world.loss_percent = loss;
    sim_world_run(&world, 2 * SIM_ROUND_MS);
    double idle = bytes_per_peer(&world, 5);
    world.counts = (struct sim_counts){0};
    world.measure = true;
    sim_peer_put(&world.peers[0], 0, "news");
    for (; rounds < ROUNDS_MAX && count_holders(&world) < peers; rounds++)
        sim_world_run(&world, SIM_ROUND_MS);
    printf("%zu peers, %u %% loss: a change is everywhere after %d rounds, with %.0f bytes a peer; "
           "%.0f bytes a peer and round at rest\n",
           peers, loss, rounds, (double)world.counts.bytes / (double)peers, idle);
    bool reached = count_holders(&world) == peers;
    sim_world_release(&world);
    return reached && rounds <= 12 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "schedules") == 0)
        return run_schedules(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "spread") == 0)
        return run_spread(strtoull(argv[2], NULL, 10), (unsigned)strtoul(argv[3], NULL, 10));
    fprintf(stderr, "usage: %s schedules FIRST COUNT | spread PEERS LOSS_PERCENT\n", argv[0]);
    return 2;
}
