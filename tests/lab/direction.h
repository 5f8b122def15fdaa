/*
 * One direction of the link: a droptail queue, a transmitter of a given rate, and a line of a given delay. It
 * takes frames and a time and gives frames and a deadline; sockets and clocks stay outside.
 *
 * Guarantee: a frame that finds the transmitter free at t leaves it at t + length x 8 / rate and is due one
 * delay later, never earlier. Frames are due in the order of their arrival, except those picked for
 * reordering.
 */
#ifndef LAB_DIRECTION_H
#define LAB_DIRECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "impairment.h"
#include "settings.h"

struct direction_stats {
    uint64_t frames_in, bytes_in;
    uint64_t frames_out, bytes_out;
    uint64_t dropped_loss, dropped_queue, dropped_down;
    uint64_t
        dropped_memory; /* the emulator's own limit: a link this long and fast is more than it can hold */
    uint64_t reordered, duplicated, corrupted;
    uint64_t queue_peak_bytes;
};

struct direction {
    struct settings settings;
    struct impairment impairment;
    struct frame_pool *pool;
    struct direction_stats stats;
    struct frame_list queue;      /* behind the frame in transmission, by arrival */
    struct frame_list line, late; /* on the way, each in order of delivery */
    int64_t free_ns;              /* when the transmitter is done with what it has begun */
    int64_t arrival_ns;
    uint64_t queue_bytes;
    uint64_t stream;
    bool down;
};

void direction_init(struct direction *direction, struct frame_pool *pool, uint64_t stream);

/* Takes the frame. `now` is its arrival; times that run backwards count as the latest one seen. */
void direction_arrive(struct direction *direction, struct frame *frame, int64_t now);

/* The next frame due by `now`, which the caller gives back to the pool, or NULL. */
struct frame *direction_take_due(struct direction *direction, int64_t now);

/* When direction_take_due() will next have a frame; TIME_NEVER when the link is empty. */
int64_t direction_deadline(const struct direction *direction);

/* In force for every frame whose transmission begins after `now`. A new seed starts all generators over. */
void direction_set(struct direction *direction, const struct settings *settings, bool reseed, int64_t now);

/* Going down loses what is under way too: nothing arrives any more once this has returned. */
void direction_set_down(struct direction *direction, bool down);

#endif
