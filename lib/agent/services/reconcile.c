/*
 * The reconciler: passes from records to data plane and kernel, and looks at the kernel between them, one at a time. At rest only
 * looks are left: a pass goes over all routes.
 *
 * A pass: the plan (control loop), the workers' snapshot (pool), its hand-over (control loop), the kernel's transaction and, where
 * services have gone, the snapshot without them (pool), its hand-over (control loop).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/interfaces/interfaces.h"
#include "agent/services/reconcile-internal.h"
#include "agent/services/snapshot.h"
#include "base/error.h"
#include "base/time.h"

#define CHECK_INTERVAL_MS 2000
#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS 30000

static void begin_pass(struct arci_reconciler *reconciler);
static void on_timer(uv_timer_t *timer);

static void call_waiters(struct arci_reconcile_waiter **list)
{
    /* Answered in the order in which they came; the list is built the other way round. */
    struct arci_reconcile_waiter *ordered = NULL;
    while (*list) {
        struct arci_reconcile_waiter *waiter = *list;
        *list = waiter->next;
        waiter->next = ordered;
        ordered = waiter;
    }
    while (ordered) {
        struct arci_reconcile_waiter *waiter = ordered;
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

/* Whether the data plane has to know services that this pass takes out of the kernel, until they are out. */
static bool loses_services(const struct arci_service_plan *before, const struct arci_service_plan *after)
{
    for (size_t i = 0; before && i < before->count; i++) {
        const struct arci_planned_service *still =
            arci_service_plan_find(after, &before->items[i].service->id);
        if (before->items[i].capture && !(still && still->capture))
            return true;
    }
    return false;
}

static void build(struct arci_reconciler *reconciler, const struct arci_service_plan *former)
{
    reconciler->build_code = arci_snapshot_make(reconciler->plan, former, reconciler->published,
                                                &reconciler->built, &reconciler->build_error);
}

static void build_on_thread(uv_work_t *work)
{
    struct arci_reconciler *reconciler = work->data;
    arci_interfaces_work(reconciler->agent, reconciler->plan, true);
    build(reconciler, reconciler->applied);
}

static void apply_on_thread(uv_work_t *work)
{
    struct arci_reconciler *reconciler = work->data;
    struct arci_kernel *kernel = reconciler->agent->kernel;
    const struct arci_service_plan *plan = reconciler->plan;
    uv_mutex_lock(&reconciler->agent->kernel_lock);
    const struct arci_kernel_wish wish = {
        .services = plan->kernel,
        .service_count = plan->kernel_count,
        .spared = plan->spared,
        .spared_count = plan->spared_count,
    };
    reconciler->outcome =
        reconciler->comparing ? arci_kernel_compare(kernel, &reconciler->failure) : ARCTIC_OK;
    if (reconciler->outcome >= 0)
        reconciler->outcome = arci_kernel_apply(kernel, &wish, &reconciler->failure);
    arci_kernel_status(kernel, &reconciler->seen);
    arci_interfaces_add_repairs(reconciler->agent, &reconciler->seen);
    uv_mutex_unlock(&reconciler->agent->kernel_lock);
    if (reconciler->outcome >= 0 && loses_services(reconciler->applied, plan))
        build(reconciler, NULL);
}

static void look_on_thread(uv_work_t *work)
{
    struct arci_reconciler *reconciler = work->data;
    arci_interfaces_work(reconciler->agent, reconciler->applied, false);
    uv_mutex_lock(&reconciler->agent->kernel_lock);
    arci_kernel_status(reconciler->agent->kernel, &reconciler->seen);
    arci_interfaces_add_repairs(reconciler->agent, &reconciler->seen);
    uv_mutex_unlock(&reconciler->agent->kernel_lock);
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

/* Hands over what a thread has built. */
static void publish(struct arci_reconciler *reconciler)
{
    ARCI_CLEANUP(arci_snapshot_cleanup) struct arci_snapshot *snapshot = arci_steal(reconciler->built);
    struct arctic_error *error = &reconciler->build_error;
    int code = reconciler->build_code;
    if (code >= 0)
        code = arci_proxy_set_snapshot(reconciler->agent->proxy, snapshot, error);
    if (code < 0)
        arci_log_error(reconciler->agent->log, "tproxymgr",
                       "cannot hand over the configuration, will try again", ARCI_ERROR(error));
    reconciler->unpublished = code < 0;
    if (code < 0)
        return;
    arci_snapshot_unref(reconciler->published);
    reconciler->published = arci_steal(snapshot);
}

static void end_pass(uv_work_t *work, int status)
{
    struct arci_reconciler *reconciler = work->data;
    struct arci_service_plan *before = reconciler->applied;
    if (status < 0)
        reconciler->outcome =
            arci_fail(&reconciler->failure, ARCTIC_E_CANCELLED, NULL, "the pass was cancelled");
    else
        reconciler->status = reconciler->seen;
    reconciler->code = reconciler->outcome;
    reconciler->error = reconciler->failure;
    reconciler->running = false;
    if (reconciler->code < 0)
        report_failure(reconciler);
    else if (!reconciler->stopped && loses_services(before, reconciler->plan))
        publish(reconciler);
    arci_snapshot_unref(reconciler->built);
    reconciler->built = NULL;
    reconciler->applied = reconciler->plan;
    reconciler->plan = NULL;
    reconciler->left = reconciler->status;
    arci_service_plan_free(before);
    (void)arci_interfaces_settle(reconciler->agent, reconciler->applied);
    call_waiters(&reconciler->served);
    if (reconciler->again && !reconciler->stopped)
        begin_pass(reconciler);
    else
        schedule(reconciler);
}

/* Ends a pass that did not come to the kernel. */
static void drop_pass(struct arci_reconciler *reconciler)
{
    reconciler->running = false;
    arci_service_plan_free(reconciler->plan);
    reconciler->plan = NULL;
    arci_snapshot_unref(reconciler->built);
    reconciler->built = NULL;
    call_waiters(&reconciler->served);
}

static void fail_pass(struct arci_reconciler *reconciler)
{
    arci_log_error(reconciler->agent->log, "fwmgr", "cannot plan the kernel state, will try again",
                   ARCI_ERROR(&reconciler->error));
    reconciler->code = reconciler->error.code;
    drop_pass(reconciler);
    schedule(reconciler);
}

static void start_thread(struct arci_reconciler *reconciler, uv_work_cb work, uv_after_work_cb done)
{
    int result = uv_queue_work(&reconciler->agent->loop, &reconciler->work, work, done);
    if (result >= 0)
        return;
    arci_fail_errnum(&reconciler->error, -result, "cannot start a thread");
    fail_pass(reconciler);
}

static void end_build(uv_work_t *work, int status)
{
    struct arci_reconciler *reconciler = work->data;
    if (status < 0 || reconciler->stopped) {
        drop_pass(reconciler);
        return;
    }
    publish(reconciler);
    start_thread(reconciler, apply_on_thread, end_pass);
}

static enum arctic_license_state license_state(const struct arctic_agent *agent)
{
    return agent->license ? arci_license_state_at(agent->license, arci_time_now()) : ARCTIC_LICENSE_VALID;
}

static void begin_pass(struct arci_reconciler *reconciler)
{
    struct arctic_agent *agent = reconciler->agent;
    reconciler->again = false;
    reconciler->comparing = reconciler->fully;
    reconciler->fully = false;
    reconciler->license_state = license_state(agent);
    reconciler->served = reconciler->waiting;
    reconciler->waiting = NULL;
    uv_timer_stop(&reconciler->timer);
    if (!agent->kernel || !agent->proxy) {
        call_waiters(&reconciler->served);
        return;
    }
    if (arci_service_plan_make(agent, &reconciler->plan, &reconciler->error) < 0) {
        fail_pass(reconciler);
        return;
    }
    reconciler->running = true;
    start_thread(reconciler, build_on_thread, end_build);
}

/*
 * Others have changed what the last pass left, or what it could not mend is still wrong. *ret_wait is for how many milliseconds to
 * leave it so: what something keeps changing is repaired more and more seldom.
 */
static bool needs_repair(const struct arci_kernel_status *left, const struct arci_kernel_status *seen,
                         uint64_t *ret_wait)
{
    int64_t wait = INT64_MAX;
    for (size_t i = 0; i < ARCI_KERNEL_CHECKS; i++) {
        const struct arci_kernel_check *check = &seen->checks[i];
        if (check->ok || !check->repairable || !(check->required || left->checks[i].ok))
            continue;
        wait = check->wait_ms < wait ? check->wait_ms : wait;
    }
    *ret_wait = wait < INT64_MAX ? (uint64_t)wait : 0;
    return wait < INT64_MAX;
}

/* After a pass that has failed: what it failed at is another way now. */
static bool has_changed(const struct arci_kernel_status *left, const struct arci_kernel_status *seen)
{
    for (size_t i = 0; i < ARCI_KERNEL_CHECKS; i++) {
        if (left->checks[i].ok != seen->checks[i].ok ||
            strcmp(left->checks[i].sentence, seen->checks[i].sentence) != 0)
            return true;
    }
    return false;
}

static void end_look(uv_work_t *work, int status)
{
    struct arci_reconciler *reconciler = work->data;
    bool failed = reconciler->code < 0;
    uint64_t wait = 0;
    bool repair = status >= 0 && (failed ? has_changed(&reconciler->status, &reconciler->seen)
                                         : needs_repair(&reconciler->left, &reconciler->seen, &wait));
    reconciler->running = false;
    if (status >= 0)
        reconciler->status = reconciler->seen;
    if (status >= 0 && !repair)
        reconciler->left = reconciler->seen;
    if (status >= 0 && arci_interfaces_settle(reconciler->agent, reconciler->applied))
        reconciler->again = true;
    if (((repair && !wait) || reconciler->again) && !reconciler->stopped)
        begin_pass(reconciler);
    else if (!failed || !uv_is_active((uv_handle_t *)&reconciler->timer))
        schedule(reconciler);
}

static void begin_look(struct arci_reconciler *reconciler)
{
    struct arctic_agent *agent = reconciler->agent;
    reconciler->running = uv_queue_work(&agent->loop, &reconciler->work, look_on_thread, end_look) == 0;
    if (!reconciler->running)
        schedule(reconciler);
}

bool arci_reconcile_is_running(const struct arctic_agent *agent)
{
    return agent->reconciler && agent->reconciler->running;
}

void arci_reconcile_look(struct arctic_agent *agent)
{
    struct arci_reconciler *reconciler = agent->reconciler;
    if (reconciler && !reconciler->stopped && !reconciler->running && reconciler->applied)
        begin_look(reconciler);
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
    struct arci_reconcile_waiter *waiter = reconciler && !reconciler->stopped ? malloc(sizeof *waiter) : NULL;
    if (!waiter) {
        done(context);
        return;
    }
    *waiter = (struct arci_reconcile_waiter){reconciler->waiting, done, context};
    reconciler->waiting = waiter;
    arci_reconcile_request(agent);
}

void arci_reconcile_fully_then(struct arctic_agent *agent, void (*done)(void *context), void *context)
{
    if (agent->reconciler)
        agent->reconciler->fully = true;
    arci_reconcile_then(agent, done, context);
}

void arci_reconcile_forget(struct arctic_agent *agent)
{
    struct arci_reconciler *reconciler = agent->reconciler;
    arci_service_plan_free(reconciler->applied);
    reconciler->applied = NULL;
    arci_snapshot_unref(reconciler->published);
    reconciler->published = NULL;
    reconciler->code = ARCTIC_OK;
    reconciler->unpublished = false;
    reconciler->status = (struct arci_kernel_status){0};
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
    arci_snapshot_unref(reconciler->published);
    free(reconciler);
    agent->reconciler = NULL;
}
