/*
 * The reconciler: passes from records to data plane and kernel, and looks at the kernel between them, one at a time. At rest only
 * looks are left: a pass copies and plans all routes.
 */
#include "agent/reconcile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/service-plan.h"
#include "agent/snapshot.h"
#include "base/error.h"
#include "base/time.h"

#define CHECK_INTERVAL_MS 2000
#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS 30000

struct waiter {
    struct waiter *next;
    void (*done)(void *context);
    void *context;
};

struct arci_reconciler {
    struct arctic_agent *agent;
    uv_work_t work;
    uv_timer_t timer; /* the next look at the kernel, or the next try after a failure */
    bool running;     /* a pass or a look is under way */
    bool again;       /* something changed since the last pass began */
    bool unpublished; /* the workers could not be given what the last pass has planned */
    bool stopped;
    uint64_t retry_delay;
    enum arctic_license_state license_state; /* in the last pass */

    struct arci_service_plan *plan;    /* of the pass under way */
    struct arci_service_plan *applied; /* of the last pass that ended */
    struct waiter *served;             /* answered when the pass under way ends */
    struct waiter *waiting;            /* answered when the pass after it ends */

    /* Written by the thread of a pass or a look, read when it has ended. */
    int code;
    struct arctic_error error;
    struct arci_kernel_status status;
    struct arci_kernel_status seen; /* by a look */
};

static void begin_pass(struct arci_reconciler *reconciler);
static void on_timer(uv_timer_t *timer);

static void call_waiters(struct waiter **list)
{
    /* Answered in the order in which they came; the list is built the other way round. */
    struct waiter *ordered = NULL;
    while (*list) {
        struct waiter *waiter = *list;
        *list = waiter->next;
        waiter->next = ordered;
        ordered = waiter;
    }
    while (ordered) {
        struct waiter *waiter = ordered;
        ordered = waiter->next;
        waiter->done(waiter->context);
        free(waiter);
    }
}

int arci_reconcile_create(struct arctic_agent *agent, struct arctic_error *error)
{
    struct arci_reconciler *reconciler = calloc(1, sizeof *reconciler);
    if (!reconciler)
        return arci_fail_memory(error);
    reconciler->agent = agent;
    reconciler->work.data = reconciler;
    reconciler->retry_delay = RETRY_FIRST_MS;
    uv_timer_init(&agent->loop, &reconciler->timer);
    reconciler->timer.data = reconciler;
    agent->reconciler = reconciler;
    return ARCTIC_OK;
}

static void apply_on_thread(uv_work_t *work)
{
    struct arci_reconciler *reconciler = work->data;
    struct arci_kernel *kernel = reconciler->agent->kernel;
    const struct arci_service_plan *plan = reconciler->plan;
    uv_mutex_lock(&reconciler->agent->kernel_lock);
    reconciler->code = arci_kernel_apply(kernel, plan->kernel, plan->kernel_count, &reconciler->error);
    arci_kernel_status(kernel, &reconciler->status);
    uv_mutex_unlock(&reconciler->agent->kernel_lock);
}

static void look_on_thread(uv_work_t *work)
{
    struct arci_reconciler *reconciler = work->data;
    uv_mutex_lock(&reconciler->agent->kernel_lock);
    arci_kernel_status(reconciler->agent->kernel, &reconciler->seen);
    uv_mutex_unlock(&reconciler->agent->kernel_lock);
}

/* Whether the data plane has to know services that this pass takes out of the kernel, until they are out. */
static bool loses_services(const struct arci_service_plan *before, const struct arci_service_plan *after)
{
    for (size_t i = 0; before && i < before->count; i++) {
        const struct arci_planned_service *still =
            arci_service_plan_find(after, &before->items[i].service.id);
        if (before->items[i].capture && !(still && still->capture))
            return true;
    }
    return false;
}

static void schedule(struct arci_reconciler *reconciler)
{
    uint64_t delay = CHECK_INTERVAL_MS;
    if (reconciler->stopped)
        return;
    if (reconciler->code < 0) {
        delay = reconciler->retry_delay;
        reconciler->retry_delay = delay * 2 > RETRY_LAST_MS ? RETRY_LAST_MS : delay * 2;
    } else {
        reconciler->retry_delay = RETRY_FIRST_MS;
    }
    uv_timer_start(&reconciler->timer, on_timer, delay, 0);
}

static void report_failure(struct arci_reconciler *reconciler)
{
    arci_log_error(reconciler->agent->log, "fwmgr", "cannot apply the kernel state, will try again",
                   ARCI_INT("retry_ms", reconciler->retry_delay), ARCI_ERROR(&reconciler->error));
    for (size_t i = 0; i < reconciler->plan->count; i++) {
        struct arci_planned_service *planned = &reconciler->plan->items[i];
        if (!planned->capture)
            continue;
        planned->state = ARCI_SERVICE_ERROR;
        snprintf(planned->reason, sizeof planned->reason, "%.*s", (int)sizeof planned->reason - 1,
                 reconciler->error.message);
    }
}

static void publish(struct arci_reconciler *reconciler, const struct arci_service_plan *plan,
                    const struct arci_service_plan *former)
{
    reconciler->unpublished = arci_snapshot_publish(reconciler->agent, plan, former) < 0;
}

static void end_pass(uv_work_t *work, int status)
{
    struct arci_reconciler *reconciler = work->data;
    struct arci_service_plan *before = reconciler->applied;
    if (status < 0)
        reconciler->code = arci_fail(&reconciler->error, ARCTIC_E_CANCELLED, NULL, "the pass was cancelled");
    reconciler->running = false;
    if (reconciler->code < 0)
        report_failure(reconciler);
    reconciler->applied = reconciler->plan;
    reconciler->plan = NULL;
    if (reconciler->code >= 0 && !reconciler->stopped && loses_services(before, reconciler->applied))
        publish(reconciler, reconciler->applied, NULL);
    arci_service_plan_free(before);
    call_waiters(&reconciler->served);
    if (reconciler->again && !reconciler->stopped)
        begin_pass(reconciler);
    else
        schedule(reconciler);
}

static void fail_pass(struct arci_reconciler *reconciler)
{
    arci_log_error(reconciler->agent->log, "fwmgr", "cannot plan the kernel state",
                   ARCI_ERROR(&reconciler->error));
    reconciler->code = reconciler->error.code;
    call_waiters(&reconciler->served);
    schedule(reconciler);
}

static enum arctic_license_state license_state(const struct arctic_agent *agent)
{
    return agent->license ? arci_license_state_at(agent->license, arci_time_now()) : ARCTIC_LICENSE_VALID;
}

static void begin_pass(struct arci_reconciler *reconciler)
{
    struct arctic_agent *agent = reconciler->agent;
    reconciler->again = false;
    reconciler->license_state = license_state(agent);
    reconciler->served = reconciler->waiting;
    reconciler->waiting = NULL;
    uv_timer_stop(&reconciler->timer);
    if (!agent->kernel || !agent->proxy) {
        call_waiters(&reconciler->served);
        return;
    }
    if (arci_service_plan_make(agent, agent->tproxy_port, &reconciler->plan, &reconciler->error) < 0) {
        fail_pass(reconciler);
        return;
    }
    publish(reconciler, reconciler->plan, reconciler->applied);
    reconciler->running = true;
    if (uv_queue_work(&agent->loop, &reconciler->work, apply_on_thread, end_pass) < 0) {
        reconciler->running = false;
        arci_service_plan_free(reconciler->plan);
        reconciler->plan = NULL;
        arci_fail(&reconciler->error, ARCTIC_E_INTERNAL, NULL, "cannot start a thread");
        fail_pass(reconciler);
    }
}

/* Others have changed what the last pass left, or what it could not mend is still wrong. */
static bool needs_repair(const struct arci_kernel_status *left, const struct arci_kernel_status *seen)
{
    for (size_t i = 0; i < ARCI_KERNEL_CHECKS; i++) {
        if (left->checks[i].ok && !seen->checks[i].ok)
            return true;
    }
    return !seen->ready;
}

static void end_look(uv_work_t *work, int status)
{
    struct arci_reconciler *reconciler = work->data;
    bool repair = status >= 0 && needs_repair(&reconciler->status, &reconciler->seen);
    reconciler->running = false;
    if (status >= 0)
        reconciler->status = reconciler->seen;
    if ((repair || reconciler->again) && !reconciler->stopped)
        begin_pass(reconciler);
    else
        schedule(reconciler);
}

static void begin_look(struct arci_reconciler *reconciler)
{
    struct arctic_agent *agent = reconciler->agent;
    reconciler->running = uv_queue_work(&agent->loop, &reconciler->work, look_on_thread, end_look) == 0;
    if (!reconciler->running)
        schedule(reconciler);
}

static bool is_at_rest(const struct arci_reconciler *reconciler)
{
    return reconciler->applied && reconciler->code >= 0 && !reconciler->again && !reconciler->unpublished &&
           license_state(reconciler->agent) == reconciler->license_state;
}

static void on_timer(uv_timer_t *timer)
{
    struct arci_reconciler *reconciler = timer->data;
    if (reconciler->running || reconciler->stopped)
        return;
    if (is_at_rest(reconciler))
        begin_look(reconciler);
    else
        begin_pass(reconciler);
}

void arci_reconcile_request(struct arctic_agent *agent)
{
    struct arci_reconciler *reconciler = agent->reconciler;
    if (!reconciler || reconciler->stopped)
        return;
    reconciler->again = true;
    /* Through the loop, so that many requests of one turn become one pass. */
    if (!reconciler->running)
        uv_timer_start(&reconciler->timer, on_timer, 0, 0);
}

void arci_reconcile_then(struct arctic_agent *agent, void (*done)(void *context), void *context)
{
    struct arci_reconciler *reconciler = agent->reconciler;
    struct waiter *waiter = reconciler && !reconciler->stopped ? malloc(sizeof *waiter) : NULL;
    if (!waiter) {
        done(context);
        return;
    }
    *waiter = (struct waiter){reconciler->waiting, done, context};
    reconciler->waiting = waiter;
    arci_reconcile_request(agent);
}

void arci_reconcile_live(const struct arctic_agent *agent, const struct arci_service *service,
                         struct arci_service_live *ret_live)
{
    const struct arci_reconciler *reconciler = agent->reconciler;
    struct arci_service_live live = {.state = ARCI_SERVICE_PENDING};
    const struct arci_planned_service *planned =
        reconciler ? arci_service_plan_find(reconciler->applied, &service->id) : NULL;
    if (planned) {
        live.state = planned->state;
        snprintf(live.state_reason, sizeof live.state_reason, "%s", planned->reason);
    } else if (!arctic_id_equal(&service->source_peer_id, &agent->local_id)) {
        snprintf(live.state_reason, sizeof live.state_reason, "its state is known at its source peer");
    } else {
        snprintf(live.state_reason, sizeof live.state_reason, "not applied yet");
    }
    *ret_live = live;
}

bool arci_reconcile_kernel_ready(const struct arctic_agent *agent, const char **ret_reason)
{
    const struct arci_reconciler *reconciler = agent->reconciler;
    if (!reconciler || !agent->kernel || !reconciler->applied) {
        *ret_reason = agent->data_plane_problem.message[0] ? agent->data_plane_problem.message
                                                           : "the kernel state has not been applied yet";
        return false;
    }
    if (reconciler->code < 0) {
        *ret_reason = reconciler->error.message;
        return false;
    }
    for (size_t i = 0; i < ARCI_KERNEL_CHECKS; i++) {
        if (reconciler->status.checks[i].required && !reconciler->status.checks[i].ok) {
            *ret_reason = reconciler->status.checks[i].sentence;
            return false;
        }
    }
    return true;
}

const char *arci_reconcile_next_hint(const struct arctic_agent *agent, size_t *cursor)
{
    const struct arci_reconciler *reconciler = agent->reconciler;
    while (reconciler && agent->kernel && *cursor < ARCI_KERNEL_CHECKS) {
        const struct arci_kernel_check *check = &reconciler->status.checks[(*cursor)++];
        if (!check->required && !check->ok && check->sentence[0])
            return check->sentence;
    }
    return NULL;
}

void arci_reconcile_stop(struct arctic_agent *agent)
{
    struct arci_reconciler *reconciler = agent->reconciler;
    if (!reconciler || reconciler->stopped)
        return;
    reconciler->stopped = true;
    uv_close((uv_handle_t *)&reconciler->timer, NULL);
    call_waiters(&reconciler->waiting);
}

void arci_reconcile_free(struct arctic_agent *agent)
{
    struct arci_reconciler *reconciler = agent->reconciler;
    if (!reconciler)
        return;
    arci_service_plan_free(reconciler->applied);
    arci_service_plan_free(reconciler->plan);
    free(reconciler);
    agent->reconciler = NULL;
}
