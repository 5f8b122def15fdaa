/*
 * The watch over the licence's state. It looks at the real-time clock twice a second, which also finds a clock that was set: no timer
 * of the monotonic clock would.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/license/license.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"

#define LOOK_MS 500
/* A licence that needs attention is spoken of once a day. */
#define REMIND_MS ((int64_t)24 * 60 * 60 * 1000)

/* What the log says of a state. */
static const struct {
    int32_t level;
    const char *message;
} state_events[] = {
    [ARCTIC_LICENSE_VALID] = {ARCTIC_LOG_INFO, "the licence is valid"},
    [ARCTIC_LICENSE_WARNING] = {ARCTIC_LOG_WARN,
                                "the licence ends soon: install a new one with arctic license update "
                                "--license-file FILE"},
    [ARCTIC_LICENSE_GRACE] = {ARCTIC_LOG_WARN,
                              "the licence has expired, and for 14 days all works on: install a new one with "
                              "arctic license update --license-file FILE"},
    [ARCTIC_LICENSE_READ_ONLY] =
        {ARCTIC_LOG_ERROR, "the licence has expired and changes are refused; 28 days after its end "
                           "services stop: install a new one with arctic license update --license-file "
                           "FILE"},
    [ARCTIC_LICENSE_SUSPENDED] = {ARCTIC_LOG_ERROR,
                                  "the licence has expired and services are stopped: install a new one with "
                                  "arctic license update --license-file FILE"},
};

static const char *name_of(enum arctic_license_state state)
{
    return arctic_license_state_name((int32_t)state);
}

static void tell(struct arctic_agent *agent, const char *former)
{
    const struct arci_license *license = agent->license;
    enum arctic_license_state state = agent->license_watch.state;
    char expires_at[ARCI_TIME_TEXT];
    agent->license_watch.told_at = arci_time_monotonic();
    arci_log_at(agent->log, state_events[state].level, "license", state_events[state].message,
                ARCI_TEXT("state", name_of(state)), ARCI_TEXT("former_state", former),
                ARCI_TEXT("license_id", license->license_id.text),
                ARCI_TEXT("expires_at", arci_time_format(license->expires_at, expires_at)),
                ARCI_INT("days_left", arci_license_days_left(license, arci_time_now())));
}

/* State and its beginning, as an earlier look has left them on disk; "" where none has. */
struct noted {
    char state[16];
    int64_t since;
};

static int read_noted(struct arctic_agent *agent, struct noted *ret_noted, struct arctic_error *error)
{
    ARCI_FREE char *text = NULL;
    struct noted noted = {0};
    int code = arci_store_get_note(agent->store, "agent", "license_state", &text, error);
    if (code < 0)
        return code;
    if (text && sscanf(text, "%15s %" SCNd64, noted.state, &noted.since) != 2)
        noted = (struct noted){0};
    *ret_noted = noted;
    return ARCTIC_OK;
}

/* A full disk does not keep the state from holding; it is noted when there is room. */
static void note(struct arctic_agent *agent)
{
    struct arci_license_watch *watch = &agent->license_watch;
    struct arctic_error error;
    char text[64];
    snprintf(text, sizeof text, "%s %" PRId64, name_of(watch->state), watch->since);
    bool failed = arci_store_put_note(agent->store, "agent", "license_state", text, &error) < 0;
    if (failed && !watch->unnoted)
        arci_log_warn(agent->log, "license", "cannot store the licence's state, will try again",
                      ARCI_ERROR(&error));
    watch->unnoted = failed;
}

/* When the state that holds at `now` began: at its boundary, or now where the clock or the licence has just made it so. */
static int64_t began_at(const struct arci_license *license, int64_t now, int64_t last_look)
{
    int64_t boundary = now;
    enum arctic_license_state state = arci_license_state_at(license, now);
    if (state > ARCTIC_LICENSE_VALID && last_look && arci_license_state_at(license, last_look) < state) {
        for (boundary = last_look; arci_license_state_at(license, boundary) < state;)
            boundary = arci_license_state_ends_at(license, boundary);
    }
    return boundary;
}

/* The first look of this run: the state of the run before is the former one. */
static void take_up(struct arctic_agent *agent, enum arctic_license_state state, int64_t now)
{
    struct arci_license_watch *watch = &agent->license_watch;
    struct noted noted = {0};
    struct arctic_error error;
    if (read_noted(agent, &noted, &error) < 0)
        arci_log_warn(agent->log, "license", "cannot read the licence's last state", ARCI_ERROR(&error));
    bool same = strcmp(noted.state, name_of(state)) == 0;
    watch->known = true;
    watch->state = state;
    watch->since = same ? noted.since : began_at(agent->license, now, noted.since);
    tell(agent, noted.state[0] ? noted.state : "none");
    if (!same)
        note(agent);
}

static void change(struct arctic_agent *agent, enum arctic_license_state state, int64_t now)
{
    struct arci_license_watch *watch = &agent->license_watch;
    const char *former = name_of(watch->state);
    watch->state = state;
    watch->since = began_at(agent->license, now, watch->looked_at);
    tell(agent, former);
    note(agent);
    arci_reconcile_request(agent);
}

void arci_license_watch_look(struct arctic_agent *agent)
{
    struct arci_license_watch *watch = &agent->license_watch;
    int64_t now = arci_time_now();
    if (!agent->bootstrapped) {
        watch->known = false;
        return;
    }
    enum arctic_license_state state = arci_license_state_at(agent->license, now);
    if (!watch->known)
        take_up(agent, state, now);
    else if (state != watch->state)
        change(agent, state, now);
    else if (state != ARCTIC_LICENSE_VALID && arci_time_monotonic() - watch->told_at >= REMIND_MS)
        tell(agent, name_of(state));
    if (watch->unnoted)
        note(agent);
    watch->looked_at = now;
}

static void on_timer(uv_timer_t *timer)
{
    arci_license_watch_look(timer->data);
}

int arci_license_watch_create(struct arctic_agent *agent, struct arctic_error *error)
{
    uv_timer_t *timer = &agent->license_watch.timer;
    int result = uv_timer_init(&agent->loop, timer);
    if (result < 0)
        return arci_fail_errnum(error, -result, "cannot make a timer");
    timer->data = agent;
    arci_license_watch_look(agent);
    uv_timer_start(timer, on_timer, LOOK_MS, LOOK_MS);
    return ARCTIC_OK;
}

void arci_license_watch_stop(struct arctic_agent *agent)
{
    uv_timer_t *timer = &agent->license_watch.timer;
    if (timer->data && !uv_is_closing((uv_handle_t *)timer))
        uv_close((uv_handle_t *)timer, NULL);
}
