/*
 * Carrying out a plan. Each change of a service is answered when the kernel follows it, so that one connection would mostly wait; over
 * several of them one pass of an agent's reconciler serves many changes.
 */
#include "compose/apply.h"

#include <pthread.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/options.h"
#include "rest/client-copy.h"

#define CONNECTIONS 32 /* half of what an agent takes from one address */
#define CONNECTIONS_MAX 64

struct run {
    struct arctic_compose_plan *plan;
    const struct arctic_compose_apply_options *options;
    pthread_mutex_t lock; /* over what follows, the states of steps, and calls of `progress` */
    size_t next;
    size_t end;
    int code;
    struct arctic_error error;
};

struct worker {
    struct run *run;
    struct arctic_client *client;
    pthread_t thread;
};

static void tell(struct run *run, size_t index, enum arctic_compose_state state, const char *message)
{
    struct arci_step *step = &run->plan->steps[index];
    struct arctic_compose_progress progress = {sizeof progress,
                                               index,
                                               run->plan->step_count,
                                               (int32_t)state,
                                               arci_action_name(step->action),
                                               arci_action_kind(step->action),
                                               step->name,
                                               message};
    step->state = state;
    if (run->options->progress)
        run->options->progress(run->options->user, &progress);
}

static bool take_step(struct run *run, size_t *ret_index)
{
    pthread_mutex_lock(&run->lock);
    bool taken = run->code == ARCTIC_OK && run->next < run->end;
    if (taken) {
        *ret_index = run->next++;
        tell(run, *ret_index, ARCTIC_COMPOSE_RUNNING, "");
    }
    pthread_mutex_unlock(&run->lock);
    return taken;
}

static void end_step(struct run *run, size_t index, int code, const struct arctic_error *error)
{
    const struct arci_step *step = &run->plan->steps[index];
    pthread_mutex_lock(&run->lock);
    tell(run, index, code < 0 ? ARCTIC_COMPOSE_FAILED : ARCTIC_COMPOSE_DONE, code < 0 ? error->message : "");
    if (code < 0 && run->code == ARCTIC_OK) {
        run->error = *error;
        run->error.code = code;
        run->code = arci_fail_within(&run->error, code, "%s %s '%s'", arci_action_name(step->action),
                                     arci_action_kind(step->action), step->name);
    }
    pthread_mutex_unlock(&run->lock);
}

static void *work(void *context)
{
    struct worker *worker = context;
    size_t index;
    while (take_step(worker->run, &index)) {
        struct arctic_error error = {0};
        int code =
            arci_apply_service(worker->client, worker->run->plan, &worker->run->plan->steps[index], &error);
        end_step(worker->run, index, code, &error);
    }
    return NULL;
}

/* Runs steps up to `end` over several connections. Where there is no room for more of them, one does the work. */
static int run_services(struct run *run, struct arctic_client *client, size_t end)
{
    struct worker workers[CONNECTIONS_MAX];
    size_t wanted = run->options->connections ? run->options->connections : CONNECTIONS;
    size_t count = 1;
    run->end = end;
    if (run->next == end)
        return ARCTIC_OK;
    workers[0] = (struct worker){.run = run, .client = client};
    while (count < wanted && count < run->end - run->next &&
           arci_client_copy(client, NULL, &workers[count].client, NULL) == ARCTIC_OK)
        workers[count++].run = run;
    size_t started = 1;
    while (started < count && pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0)
        started++;
    work(&workers[0]);
    for (size_t i = 1; i < count; i++) {
        if (i < started)
            pthread_join(workers[i].thread, NULL);
        arctic_client_free(workers[i].client);
    }
    return run->code;
}

static int run_peers(struct run *run, struct arci_apply_peers *peers)
{
    size_t index;
    run->end = 0;
    while (run->end < run->plan->step_count && run->plan->steps[run->end].action <= ARCI_ACTION_RENAME)
        run->end++;
    while (take_step(run, &index)) {
        struct arctic_error error = {0};
        int code = arci_apply_peer(peers, &run->plan->steps[index], &error);
        end_step(run, index, code, &error);
    }
    return run->code;
}

/* Deletions make room for what comes. */
static size_t end_of_deletions(const struct arctic_compose_plan *plan, size_t from)
{
    while (from < plan->step_count && plan->steps[from].action == ARCI_ACTION_DELETE)
        from++;
    return from;
}

static void free_made(struct arci_apply_peers *peers)
{
    arctic_client_free(peers->made);
}

static void destroy_lock(struct run *run)
{
    pthread_mutex_destroy(&run->lock);
}

static int run_plan(struct arctic_compose_plan *plan, const struct arctic_compose_apply_options *options,
                    struct arctic_error *error)
{
    ARCI_CLEANUP(destroy_lock)
    struct run run = {.plan = plan, .options = options, .lock = PTHREAD_MUTEX_INITIALIZER};
    ARCI_CLEANUP(free_made) struct arci_apply_peers peers = {plan, options, plan->client, NULL};
    int code = run_peers(&run, &peers);
    if (code == ARCTIC_OK)
        code = run_services(&run, peers.client, end_of_deletions(plan, run.next));
    if (code == ARCTIC_OK)
        code = run_services(&run, peers.client, plan->step_count);
    if (code < 0 && error)
        *error = run.error;
    return code;
}

int arctic_compose_apply(struct arctic_compose_plan *plan, const struct arctic_compose_apply_options *options,
                         struct arctic_error *error)
{
    struct arctic_compose_apply_options taken;
    if (!plan)
        return arci_fail(error, ARCTIC_E_USAGE, "plan", "a plan is required");
    int code = arci_options_take(options, &taken, sizeof taken, "arctic_compose_apply_options", error);
    if (code < 0)
        return code;
    if (taken.connections > CONNECTIONS_MAX)
        return arci_fail(error, ARCTIC_E_USAGE, "connections", "at most %d connections, not %u",
                         CONNECTIONS_MAX, taken.connections);
    if (plan->applied)
        return arci_fail(error, ARCTIC_E_USAGE, "plan", "a plan is applied once, make another one");
    plan->applied = true;
    return run_plan(plan, &taken, error);
}
