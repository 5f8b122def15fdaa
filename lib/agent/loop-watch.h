/* How long the control loop is busy at a stretch: as long waits whatever else it has to do. */
#ifndef ARCI_AGENT_LOOP_WATCH_H
#define ARCI_AGENT_LOOP_WATCH_H

#include <stdint.h>
#include <uv.h>

#define ARCI_LOOP_SLOW_MS 50

/* Zero-initialised it watches nothing. */
struct arci_loop_watch {
    uv_prepare_t prepare;
    uint64_t turn_began; /* nanoseconds of uv_hrtime() */
    uint64_t idle_before;
    uint64_t minute_began;
    uint64_t longest;        /* nanoseconds, in the minute under way */
    uint64_t longest_before; /* in the one before */
    uint64_t slow_turns;     /* longer than ARCI_LOOP_SLOW_MS since the start */
};

/* Begins to watch a loop that does not run yet. Returns 0 or an error of libuv's. */
int arci_loop_watch_start(struct arci_loop_watch *watch, uv_loop_t *loop);

/* Lets go of the loop. May be called again, and where it was not started. */
void arci_loop_watch_stop(struct arci_loop_watch *watch);

/* The longest turn of this minute and the one before, in seconds. */
double arci_loop_watch_longest(const struct arci_loop_watch *watch);

#endif
