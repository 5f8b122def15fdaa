/* Queue, transmitter and line of one direction: see direction.h. */
#include "direction.h"

#include <string.h>

#include "clock.h"

void direction_init(struct direction *direction, struct frame_pool *pool, uint64_t stream)
{
    *direction = (struct direction){.settings = settings_default, .pool = pool, .stream = stream};
    impairment_seed(&direction->impairment, direction->settings.seed, stream);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t delay_ns(double ms)
{
    return (int64_t)(ms * (double)NS_PER_MS);
}

static int64_t transmission_ns(const struct direction *direction, const struct frame *frame)
{
    if (direction->settings.rate_mbit <= 0)
        return 0;
    return (int64_t)((double)frame->length * 8e3 / direction->settings.rate_mbit);
}

/*
 * Both lists hand out their head first, whatever its time: that keeps order also when the delay is made
 * shorter at run time.
 */
static void deliver_at(struct direction *direction, struct frame *frame, int64_t due)
{
    if (impairment_reorders(&direction->impairment, &direction->settings)) {
        direction->stats.reordered++;
        frame->time_ns = due + delay_ns(direction->settings.reorder_ms);
        frame_list_push(&direction->late, frame);
    } else {
        frame->time_ns = due;
        frame_list_push(&direction->line, frame);
    }
}

static void maybe_corrupt(struct direction *direction, struct frame *frame)
{
    uint64_t payload = frame->length > ETHERNET_HEADER ? frame->length - ETHERNET_HEADER : 0, bit;

    if (!impairment_corrupts(&direction->impairment, &direction->settings, payload * 8, &bit))
        return;
    frame->data[ETHERNET_HEADER + bit / 8] ^= (uint8_t)(1u << bit % 8);
    direction->stats.corrupted++;
}

static struct frame *maybe_duplicate(struct direction *direction, const struct frame *frame)
{
    struct frame *copy;

    if (!impairment_duplicates(&direction->impairment, &direction->settings))
        return NULL;
    copy = frame_pool_take(direction->pool);
    if (!copy)
        return NULL;
    copy->length = frame->length;
    memcpy(copy->data, frame->data, frame->length);
    direction->stats.duplicated++;
    return copy;
}

/* The frame has left the transmitter at `sent`. */
static void carry(struct direction *direction, struct frame *frame, int64_t sent)
{
    int64_t due = sent + delay_ns(direction->settings.delay_ms);
    struct frame *copy;

    if (impairment_loses(&direction->impairment, &direction->settings)) {
        direction->stats.dropped_loss++;
        frame_pool_give(direction->pool, frame);
        return;
    }
    maybe_corrupt(direction, frame);
    copy = maybe_duplicate(direction, frame);
    deliver_at(direction, frame, due);
    if (copy)
        deliver_at(direction, copy, due);
}

/* Lets the transmitter begin every frame that it can have begun by `now`. */
static void transmit(struct direction *direction, int64_t now)
{
    while (direction->queue.head) {
        struct frame *frame = direction->queue.head;
        int64_t begin = later(direction->free_ns, frame->time_ns);

        if (begin > now)
            return;
        frame_list_pop(&direction->queue);
        direction->queue_bytes -= frame->length;
        direction->free_ns = begin + transmission_ns(direction, frame);
        carry(direction, frame, direction->free_ns);
    }
}

static uint64_t *reason_to_refuse(struct direction *direction, const struct frame *frame)
{
    double waiting = (double)(direction->queue_bytes + frame->length);

    if (direction->down)
        return &direction->stats.dropped_down;
    /* A tenth is left for the frames being received and for copies. */
    if (direction->pool->used > direction->pool->limit / 10 * 9)
        return &direction->stats.dropped_memory;
    if (direction->settings.rate_mbit > 0 && direction->free_ns > direction->arrival_ns &&
        waiting > settings_queue_limit(&direction->settings))
        return &direction->stats.dropped_queue;
    return NULL;
}

void direction_arrive(struct direction *direction, struct frame *frame, int64_t now)
{
    uint64_t *refused;

    direction->arrival_ns = later(direction->arrival_ns, now);
    direction->stats.frames_in++;
    direction->stats.bytes_in += frame->length;
    transmit(direction, direction->arrival_ns);

    refused = reason_to_refuse(direction, frame);
    if (refused) {
        ++*refused;
        frame_pool_give(direction->pool, frame);
        return;
    }
    frame->time_ns = direction->arrival_ns;
    frame_list_push(&direction->queue, frame);
    direction->queue_bytes += frame->length;
    transmit(direction, direction->arrival_ns);
    if (direction->queue_bytes > direction->stats.queue_peak_bytes)
        direction->stats.queue_peak_bytes = direction->queue_bytes;
}

static struct frame_list *earliest(struct direction *direction)
{
    struct frame *line = direction->line.head, *late = direction->late.head;

    return !late || (line && line->time_ns <= late->time_ns) ? &direction->line : &direction->late;
}

struct frame *direction_take_due(struct direction *direction, int64_t now)
{
    struct frame_list *list;

    transmit(direction, now);
    list = earliest(direction);
    if (!list->head || list->head->time_ns > now)
        return NULL;
    direction->stats.frames_out++;
    direction->stats.bytes_out += list->head->length;
    return frame_list_pop(list);
}

int64_t direction_deadline(const struct direction *direction)
{
    int64_t deadline = TIME_NEVER;

    if (direction->line.head)
        deadline = direction->line.head->time_ns;
    if (direction->late.head && direction->late.head->time_ns < deadline)
        deadline = direction->late.head->time_ns;
    /* What is on the line is due before anything in the queue, unless all of it is late. */
    if (!direction->line.head && direction->queue.head) {
        const struct frame *frame = direction->queue.head;
        int64_t sent = later(direction->free_ns, frame->time_ns) + transmission_ns(direction, frame);
        int64_t due = sent + delay_ns(direction->settings.delay_ms);

        deadline = due < deadline ? due : deadline;
    }
    return deadline;
}

void direction_set(struct direction *direction, const struct settings *settings, bool reseed, int64_t now)
{
    transmit(direction, now);
    direction->settings = *settings;
    if (reseed)
        impairment_seed(&direction->impairment, settings->seed, direction->stream);
}

void direction_set_down(struct direction *direction, bool down)
{
    direction->down = down;
    if (!down)
        return;
    direction->stats.dropped_down += frame_list_clear(&direction->queue, direction->pool);
    direction->stats.dropped_down += frame_list_clear(&direction->line, direction->pool);
    direction->stats.dropped_down += frame_list_clear(&direction->late, direction->pool);
    direction->queue_bytes = 0;
    direction->free_ns = 0;
}
