/*
 * The monitor on the control loop. However much happens on a host, looks have at least PAUSE_FIRST_MS between them, and up to
 * PAUSE_LAST_MS as long as they follow each other closely.
 */
#include "agent/services/drift.h"

#include <stdlib.h>

#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"
#include "kernel/monitor.h"

#define TICK_MS 100 /* a question to the kernel that takes some microseconds */
#define GATHER_MS 50
#define PAUSE_FIRST_MS 100
#define PAUSE_LAST_MS 1000

struct arci_drift {
    struct arctic_agent *agent;
    struct arci_monitor *monitor;
    uv_poll_t poll;
    uv_timer_t timer;
    unsigned handles;  /* that are not closed yet */
    unsigned concerns; /* ARCI_MONITOR_*, not dealt with yet */
    uint32_t asked_at; /* the generation of the nft ruleset for which a look was last asked for */
    int64_t next_at;   /* monotonic milliseconds: when the next look may be */
    int64_t looked_at;
    int64_t pause;
};

/* A look that follows closely on the one before makes the next one wait longer. */
static void pace(struct arci_drift *drift, int64_t now)
{
    bool closely = now - drift->looked_at < 3 * drift->pause;
    int64_t pause = closely ? 2 * drift->pause : PAUSE_FIRST_MS;
    drift->pause = pause < PAUSE_LAST_MS ? pause : PAUSE_LAST_MS;
    drift->looked_at = now;
    drift->next_at = now + drift->pause;
}

/* What comes while a pass or a look is under way waits for its end: it may be about what that one does. */
static void serve(struct arci_drift *drift)
{
    struct arctic_agent *agent = drift->agent;
    int64_t now = arci_time_monotonic();
    if (!drift->concerns || now < drift->next_at || arci_reconcile_is_running(agent))
        return;
    pace(drift, now);
    arci_reconcile_look(agent);
    drift->concerns = 0;
}

/* Who does something often does more of it: what follows in a moment is seen by the same look. */
static void add_concerns(struct arci_drift *drift, unsigned concerns)
{
    int64_t at = arci_time_monotonic() + GATHER_MS;
    if (concerns && !drift->concerns && at > drift->next_at)
        drift->next_at = at;
    drift->concerns |= concerns;
}

static void check_generation(struct arci_drift *drift)
{
    uint32_t generation = 0;
    if (arci_reconcile_is_running(drift->agent) || !arci_monitor_generation(drift->monitor, &generation) ||
        generation == arci_kernel_generation(drift->agent->kernel) || generation == drift->asked_at)
        return;
    drift->asked_at = generation;
    add_concerns(drift, ARCI_MONITOR_KERNEL);
}

static void on_tick(uv_timer_t *timer)
{
    struct arci_drift *drift = timer->data;
    check_generation(drift);
    serve(drift);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct arci_drift *drift = poll->data;
    (void)status; /* an error on the socket is read off it like a notification */
    (void)events;
    add_concerns(drift, arci_monitor_read(drift->monitor));
}

static void on_closed(uv_handle_t *handle)
{
    struct arci_drift *drift = handle->data;
    if (--drift->handles > 0)
        return;
    arci_monitor_close(drift->monitor);
    free(drift);
}

static void close_handles(struct arci_drift *drift)
{
    uv_close((uv_handle_t *)&drift->timer, on_closed);
    if (drift->handles > 1)
        uv_close((uv_handle_t *)&drift->poll, on_closed);
}

static int start_handles(struct arci_drift *drift, struct arctic_error *error)
{
    uv_loop_t *loop = &drift->agent->loop;
    drift->timer.data = drift->poll.data = drift;
    uv_timer_init(loop, &drift->timer);
    drift->handles = 1;
    int result = uv_poll_init(loop, &drift->poll, arci_monitor_fd(drift->monitor));
    if (result >= 0) {
        drift->handles = 2;
        result = uv_poll_start(&drift->poll, UV_READABLE, on_readable);
    }
    if (result >= 0)
        result = uv_timer_start(&drift->timer, on_tick, TICK_MS, TICK_MS);
    return result < 0 ? arci_fail_errnum(error, -result, "cannot watch a netlink socket") : ARCTIC_OK;
}

static int start(struct arctic_agent *agent, struct arctic_error *error)
{
    struct arci_drift *drift = calloc(1, sizeof *drift);
    if (!drift)
        return arci_fail_memory(error);
    drift->agent = agent;
    drift->pause = PAUSE_FIRST_MS;
    int code = arci_monitor_open(agent->settings.route_table, &drift->monitor, error);
    if (code < 0) {
        free(drift);
        return code;
    }
    code = start_handles(drift, error);
    if (code < 0)
        close_handles(drift);
    else
        agent->drift = drift;
    return code;
}

void arci_drift_start(struct arctic_agent *agent)
{
    struct arctic_error error = {0};
    if (agent->drift || start(agent, &error) >= 0)
        return;
    arci_log_warn(agent->log, "netmgr",
                  "what others change in the kernel will be noticed seconds later than it could be",
                  ARCI_ERROR(&error));
}

void arci_drift_stop(struct arctic_agent *agent)
{
    if (agent->drift)
        close_handles(agent->drift);
    agent->drift = NULL;
}
