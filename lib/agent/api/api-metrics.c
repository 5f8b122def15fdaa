/* GET /metrics: the kernel's counters are read on a thread of the pool, since a long transaction may keep them waiting. */
#include <stdlib.h>

#include "agent/api/api.h"
#include "agent/api/metrics.h"
#include "base/error.h"

struct scrape {
    struct arctic_agent *agent;
    struct arci_request *request;
    uv_work_t work;
    struct arci_kernel_counter *counters;
    size_t count;
};

static void read_counters(uv_work_t *work)
{
    struct scrape *scrape = work->data;
    struct arctic_agent *agent = scrape->agent;
    struct arctic_error error;
    uv_mutex_lock(&agent->kernel_lock);
    int code = agent->kernel ? arci_kernel_counters(agent->kernel, &scrape->counters, &scrape->count, &error)
                             : ARCTIC_OK;
    uv_mutex_unlock(&agent->kernel_lock);
    if (code < 0)
        arci_log_debug(agent->log, "fwmgr", "cannot read counters", ARCI_ERROR(&error));
}

static void answer(uv_work_t *work, int status)
{
    struct scrape *scrape = work->data;
    ARCI_BUFFER text = {.limit = 0};
    (void)status;
    if (!scrape->agent->stopping)
        arci_metrics_write(scrape->agent, scrape->counters, scrape->count, &text);
    arci_request_respond_text(scrape->request, 200, ARCI_METRICS_TYPE, arci_buffer_take_text(&text));
    free(scrape->counters);
    free(scrape);
}

void arci_api_metrics(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arctic_error error;
    struct scrape *scrape = calloc(1, sizeof *scrape);
    if (!scrape) {
        arci_fail_memory(&error);
        arci_request_fail(request, &error);
        return;
    }
    *scrape = (struct scrape){.agent = agent, .request = request};
    scrape->work.data = scrape;
    int result = uv_queue_work(&agent->loop, &scrape->work, read_counters, answer);
    if (result >= 0)
        return;
    free(scrape);
    arci_fail_errnum(&error, -result, "cannot start a thread");
    arci_request_fail(request, &error);
}
