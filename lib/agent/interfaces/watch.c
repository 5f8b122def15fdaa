/* See watch.h. */
#include "agent/interfaces/watch.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/time.h"

struct arci_interface_watch {
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned open; /* handles that are not closed yet */
    bool ended;
    const struct arci_interface_watch_calls *calls;
    void *object;
    void *context;
};

static void on_timer(uv_timer_t *timer);

static void schedule(struct arci_interface_watch *watch)
{
    int64_t deadline = watch->calls->deadline(watch->object);
    int64_t now = arci_time_monotonic();
    if (deadline == INT64_MAX)
        uv_timer_stop(&watch->timer);
    else
        uv_timer_start(&watch->timer, on_timer, deadline > now ? (uint64_t)(deadline - now) : 0, 0);
}

/* `changed` may end the watch. */
static void go_on(struct arci_interface_watch *watch, bool changed)
{
    schedule(watch);
    if (changed)
        watch->calls->changed(watch->context);
}

static void on_timer(uv_timer_t *timer)
{
    struct arci_interface_watch *watch = timer->data;
    go_on(watch, watch->calls->tick(watch->object, arci_time_monotonic()));
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct arci_interface_watch *watch = poll->data;
    (void)status; /* what is wrong with the socket, a read finds out and takes away */
    (void)events;
    go_on(watch, watch->calls->read(watch->object, arci_time_monotonic()));
}

static void on_closed(uv_handle_t *handle)
{
    struct arci_interface_watch *watch = handle->data;
    if (--watch->open == 0)
        free(watch);
}

int arci_interface_watch_begin(uv_loop_t *loop, int fd, const struct arci_interface_watch_calls *calls,
                               void *object, void *context, struct arci_interface_watch **ret_watch,
                               struct arctic_error *error)
{
    struct arci_interface_watch *watch = calloc(1, sizeof *watch);
    if (!watch)
        return arci_fail_memory(error);
    watch->calls = calls;
    watch->object = object;
    watch->context = context;
    int result = uv_poll_init(loop, &watch->poll, fd);
    if (result < 0) {
        free(watch);
        return arci_fail_errnum(error, -result, "cannot watch a socket of an interface");
    }
    uv_timer_init(loop, &watch->timer);
    watch->poll.data = watch;
    watch->timer.data = watch;
    watch->open = 2;
    result = uv_poll_start(&watch->poll, UV_READABLE, on_readable);
    if (result < 0) {
        arci_interface_watch_end(watch);
        return arci_fail_errnum(error, -result, "cannot watch a socket of an interface");
    }
    schedule(watch);
    *ret_watch = watch;
    return ARCTIC_OK;
}

void arci_interface_watch_again(struct arci_interface_watch *watch)
{
    schedule(watch);
}

void arci_interface_watch_end(struct arci_interface_watch *watch)
{
    if (!watch || watch->ended)
        return;
    watch->ended = true;
    uv_close((uv_handle_t *)&watch->poll, on_closed);
    uv_close((uv_handle_t *)&watch->timer, on_closed);
}
