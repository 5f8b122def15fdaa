/* A turn of the loop is what lies between two waits for events; libuv counts how long it waits. */
#include "agent/loop-watch.h"

#define NANOSECONDS_PER_MILLISECOND UINT64_C(1000000)
#define MINUTE (60000 * NANOSECONDS_PER_MILLISECOND)

static void begin_minute(struct arci_loop_watch *watch, uint64_t now)
{
    /* What came before a minute without a turn is older than one. */
    watch->longest_before = now - watch->minute_began < 2 * MINUTE ? watch->longest : 0;
    watch->longest = 0;
    watch->minute_began = now;
}

static void on_prepare(uv_prepare_t *prepare)
{
    struct arci_loop_watch *watch = prepare->data;
    uint64_t now = uv_hrtime();
    uint64_t idle = uv_metrics_idle_time(prepare->loop);
    uint64_t waited = idle - watch->idle_before;
    uint64_t passed = now - watch->turn_began;
    uint64_t busy = passed > waited && watch->turn_began ? passed - waited : 0;
    if (now - watch->minute_began >= MINUTE)
        begin_minute(watch, now);
    if (busy > watch->longest)
        watch->longest = busy;
    watch->slow_turns += busy > ARCI_LOOP_SLOW_MS * NANOSECONDS_PER_MILLISECOND;
    watch->turn_began = now;
    watch->idle_before = idle;
}

int arci_loop_watch_start(struct arci_loop_watch *watch, uv_loop_t *loop)
{
    int result = uv_loop_configure(loop, UV_METRICS_IDLE_TIME);
    if (result >= 0)
        result = uv_prepare_init(loop, &watch->prepare);
    if (result < 0)
        return result;
    watch->prepare.data = watch;
    return uv_prepare_start(&watch->prepare, on_prepare);
}

void arci_loop_watch_stop(struct arci_loop_watch *watch)
{
    if (watch->prepare.data && !uv_is_closing((uv_handle_t *)&watch->prepare))
        uv_close((uv_handle_t *)&watch->prepare, NULL);
}

double arci_loop_watch_longest(const struct arci_loop_watch *watch)
{
    uint64_t longest = watch->longest > watch->longest_before ? watch->longest : watch->longest_before;
    return (double)longest / 1e9;
}
