/* Destinations that an exit could not reach, on their way into the kernel's set. */
#include "agent/services/refusals.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

#define REFUSE_SECONDS 5
#define REFUSE_IPV6_SECONDS 30
#define BATCH_MAX 256

struct refusal {
    struct arctic_id service;
    struct arctic_endpoint destination;
    bool all_ipv6;
};

struct arci_refusals {
    struct arctic_agent *agent;
    uv_work_t work;
    bool running;
    struct refusal waiting[BATCH_MAX];
    size_t waiting_count;
    struct refusal batch[BATCH_MAX]; /* the thread's while `running` */
    size_t batch_count;
};

static void start_batch(struct arci_refusals *refusals);

static void refuse_on_thread(uv_work_t *work)
{
    struct arci_refusals *refusals = work->data;
    struct arctic_agent *agent = refusals->agent;
    struct arctic_error error;
    uv_mutex_lock(&agent->kernel_lock);
    for (size_t i = 0; agent->kernel && i < refusals->batch_count; i++) {
        const struct refusal *refusal = &refusals->batch[i];
        int code = refusal->all_ipv6 ? arci_kernel_refuse_ipv6(agent->kernel, &refusal->service,
                                                               REFUSE_IPV6_SECONDS, &error)
                                     : arci_kernel_refuse(agent->kernel, &refusal->service,
                                                          &refusal->destination, REFUSE_SECONDS, &error);
        if (code < 0)
            arci_log_debug(agent->log, "fwmgr", "refusal not kept",
                           ARCI_TEXT("service_id", refusal->service.text), ARCI_ERROR(&error));
    }
    uv_mutex_unlock(&agent->kernel_lock);
}

static void end_batch(uv_work_t *work, int status)
{
    struct arci_refusals *refusals = work->data;
    (void)status;
    refusals->running = false;
    if (refusals->waiting_count > 0 && !refusals->agent->stopping)
        start_batch(refusals);
}

static void start_batch(struct arci_refusals *refusals)
{
    memcpy(refusals->batch, refusals->waiting, refusals->waiting_count * sizeof refusals->batch[0]);
    refusals->batch_count = refusals->waiting_count;
    refusals->waiting_count = 0;
    refusals->running =
        uv_queue_work(&refusals->agent->loop, &refusals->work, refuse_on_thread, end_batch) == 0;
}

void arci_refusals_add(struct arctic_agent *agent, const struct arctic_id *service,
                       const struct arctic_endpoint *destination, bool all_ipv6)
{
    struct arci_refusals *refusals = agent->refusals;
    if (!refusals) {
        refusals = calloc(1, sizeof *refusals);
        if (!refusals)
            return;
        refusals->agent = agent;
        refusals->work.data = refusals;
        agent->refusals = refusals;
    }
    if (refusals->waiting_count == BATCH_MAX)
        return;
    refusals->waiting[refusals->waiting_count++] = (struct refusal){*service, *destination, all_ipv6};
    if (!refusals->running)
        start_batch(refusals);
}

void arci_refusals_free(struct arctic_agent *agent)
{
    free(agent->refusals);
    agent->refusals = NULL;
}
