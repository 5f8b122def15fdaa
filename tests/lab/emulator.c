/*
 * lab-emulator: a WAN link between two network interfaces. It carries Ethernet frames through packet sockets
 * and gives each direction a delay, a rate, a droptail queue and mishaps of its own, repeatable by seed.
 *
 *   lab-emulator CONTROL_SOCKET FIRST_INTERFACE SECOND_INTERFACE [NAME=VALUE...]
 *
 * prints "ready" when frames are carried. Settings given here hold for both directions; control.h tells how
 * to change them at run time. One thread waits in ppoll() while the link is empty and works in steps of
 * STEP_NS while it is not: arrivals are stamped by the kernel, so reading them a step late costs no accuracy,
 * and a frame leaves at most a step late.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "clock.h"
#include "control.h"
#include "direction.h"
#include "port.h"

#define STEP_NS (100 * NS_PER_US)
/* 512 MiB: 1 Gbit/s of full frames for three seconds, as delay and queue together. */
#define FRAME_LIMIT (256u << 10)
/* So that a flood in one direction can not hold up the other, the timers and the control channel. */
#define BATCHES_A_TURN 8

struct emulator {
    struct frame_pool pool;
    struct link link;
    struct control control;
};

static void frame_arrived(void *user, struct frame *frame, int64_t arrival_ns)
{
    direction_arrive(user, frame, arrival_ns);
}

/* Returns whether anything came, or -1 when the interface is gone. */
static int receive(struct emulator *emulator, unsigned int i)
{
    bool any = false;

    for (int batch = 0; batch < BATCHES_A_TURN; batch++) {
        int count = port_receive(&emulator->link.ports[i], &emulator->pool, frame_arrived,
                                 &emulator->link.directions[i]);

        if (count < 0)
            return -1;
        any = any || count > 0;
        if (count < PORT_BATCH)
            break;
    }
    return any;
}

static unsigned int take_due(struct direction *direction, int64_t now, struct frame **frames)
{
    unsigned int count = 0;

    while (count < PORT_BATCH) {
        frames[count] = direction_take_due(direction, now);
        if (!frames[count])
            break;
        count++;
    }
    return count;
}

static bool send_due(struct emulator *emulator, unsigned int i, int64_t now)
{
    struct port *port = &emulator->link.ports[DIRECTIONS - 1 - i];
    struct frame *frames[PORT_BATCH];
    unsigned int count;
    bool any = false;

    do {
        count = take_due(&emulator->link.directions[i], now, frames);
        port_send(port, frames, count);
        for (unsigned int k = 0; k < count; k++)
            frame_pool_give(&emulator->pool, frames[k]);
        any = any || count > 0;
    } while (count == PORT_BATCH);
    return any;
}

static int64_t next_deadline(const struct emulator *emulator)
{
    int64_t deadline = TIME_NEVER;

    for (unsigned int i = 0; i < DIRECTIONS; i++) {
        int64_t one = direction_deadline(&emulator->link.directions[i]);

        deadline = one < deadline ? one : deadline;
    }
    return deadline;
}

static int wait_for_event(const struct emulator *emulator, struct pollfd *fds)
{
    int64_t deadline = next_deadline(emulator), left;
    struct timespec timeout;

    for (unsigned int i = 0; i < DIRECTIONS; i++)
        fds[i] = (struct pollfd){.fd = emulator->link.ports[i].fd, .events = POLLIN};
    control_poll(&emulator->control, fds + DIRECTIONS);
    left = deadline == TIME_NEVER ? 0 : deadline - clock_ns(CLOCK_MONOTONIC);
    timeout = timespec_from_ns(left > 0 ? left : 0);
    return ppoll(fds, DIRECTIONS + CONTROL_FDS, deadline == TIME_NEVER ? NULL : &timeout, NULL);
}

/* Moves everything that can move now. Returns whether anything did, or -1 when an interface is gone. */
static int turn(struct emulator *emulator)
{
    bool moved = false;

    for (unsigned int i = 0; i < DIRECTIONS; i++) {
        int received = receive(emulator, i);

        if (received < 0)
            return -1;
        moved = moved || received;
    }
    for (unsigned int i = 0; i < DIRECTIONS; i++)
        moved = send_due(emulator, i, clock_ns(CLOCK_MONOTONIC)) || moved;
    return moved;
}

static int run(struct emulator *emulator)
{
    const struct timespec step = timespec_from_ns(STEP_NS);

    for (;;) {
        struct pollfd fds[DIRECTIONS + CONTROL_FDS];
        int moved;

        if (wait_for_event(emulator, fds) < 0 && errno != EINTR)
            return -1;
        moved = turn(emulator);
        if (moved < 0)
            return -1;
        control_serve(&emulator->control, fds + DIRECTIONS, &emulator->link, clock_ns(CLOCK_MONOTONIC));
        if (moved)
            clock_nanosleep(CLOCK_MONOTONIC, 0, &step, NULL);
    }
}

static int apply_arguments(struct link *link, char **assignments)
{
    struct settings settings = settings_default;
    char why[256];

    for (; *assignments; assignments++) {
        if (settings_assign(&settings, *assignments, why, sizeof(why))) {
            fprintf(stderr, "lab-emulator: %s\n", why);
            return -1;
        }
    }
    for (unsigned int i = 0; i < DIRECTIONS; i++)
        direction_set(&link->directions[i], &settings, true, 0);
    return 0;
}

/* A link does not wait for a processor that others use. Where this is not permitted, the lab is as exact as
 * the machine is idle. */
static void keep_time(void)
{
    const struct sched_param lowest = {.sched_priority = 1};

    (void)sched_setscheduler(0, SCHED_FIFO, &lowest);
    /* The default slack of 50 us would add to every delivery. */
    prctl(PR_SET_TIMERSLACK, 1L);
}

int main(int argc, char **argv)
{
    struct emulator *emulator = calloc(1, sizeof(*emulator));

    if (argc < 4) {
        fprintf(stderr,
                "usage: lab-emulator CONTROL_SOCKET FIRST_INTERFACE SECOND_INTERFACE [NAME=VALUE...]\n");
        return 2;
    }
    if (!emulator || frame_pool_init(&emulator->pool, FRAME_LIMIT)) {
        perror("lab-emulator: memory");
        return 1;
    }
    for (unsigned int i = 0; i < DIRECTIONS; i++)
        direction_init(&emulator->link.directions[i], &emulator->pool, i);
    if (apply_arguments(&emulator->link, argv + 4))
        return 2;
    for (unsigned int i = 0; i < DIRECTIONS; i++)
        if (port_open(&emulator->link.ports[i], argv[2 + i], &emulator->pool))
            return 1;
    if (control_open(&emulator->control, argv[1]))
        return 1;
    keep_time();
    puts("ready");
    fflush(stdout);
    if (run(emulator))
        perror("lab-emulator: interface gone");
    free(emulator);
    return 1;
}
