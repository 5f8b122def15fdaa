/* Schedules of faults: lists of steps made from a seed, that can be run, cut down, and written for people. */
#ifndef ARCTIC_TESTS_SIM_SCHEDULE_H
#define ARCTIC_TESTS_SIM_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_STEPS_MAX 64

enum sim_action {
    SIM_RUN,     /* `value` milliseconds pass */
    SIM_PUT,     /* `peer` changes its credential `value` */
    SIM_DELETE,  /* `peer` deletes its credential `value` */
    SIM_SPLIT,   /* peers whose bit is set in `value` are cut off from the others */
    SIM_HEAL,    /* all are on one side again */
    SIM_LOSS,    /* `value` percent of the messages are lost */
    SIM_CRASH,   /* `peer` stops */
    SIM_START,   /* `peer` starts again */
    SIM_SKEW,    /* the clock of `peer` is `value` milliseconds ahead */
    SIM_BACK_UP, /* the disk of `peer` is copied */
    SIM_RESTORE, /* and comes back */
    SIM_RENAME,  /* `peer` changes its own record */
    SIM_AGE,     /* `value` minutes pass at once, by the clocks of all */
    SIM_REVOKE,  /* `peer` revokes peer `value` */
    SIM_LEAVE,   /* `peer` leaves */
    SIM_ACTIONS,
};

struct sim_step {
    enum sim_action action;
    unsigned peer;
    int value;
};

struct sim_schedule {
    uint64_t seed; /* of the network's behaviour too */
    unsigned peers;
    size_t count;
    struct sim_step steps[SIM_STEPS_MAX];
};

/* Follows from the seed alone. */
struct sim_schedule sim_schedule_make(uint64_t seed);

/* Runs it, heals everything, and waits. Returns what is wrong then, NULL: nothing. */
const char *sim_schedule_run(const struct sim_schedule *schedule);

/* Leaves out steps as long as something is still wrong. */
void sim_schedule_shrink(struct sim_schedule *schedule);

void sim_schedule_print(const struct sim_schedule *schedule);

#endif
