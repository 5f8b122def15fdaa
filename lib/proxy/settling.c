/* See settling.h. */
#include "proxy/settling.h"

#include <unistd.h>

#include "proxy/worker.h"

#define SETTLING_MAX 1024 /* then the oldest ends: each holds a descriptor */
#define SETTLING_MS 5000

static void end(struct arci_worker *worker, struct arci_flow *flow)
{
    TAILQ_REMOVE(&worker->settling, flow, link);
    worker->settling_count--;
    close(flow->fd);
    arci_flow_free(flow);
}

void arci_settling_add(struct arci_worker *worker, struct arci_flow *flow)
{
    flow->deadline = arci_worker_now(worker) + SETTLING_MS;
    TAILQ_INSERT_TAIL(&worker->settling, flow, link);
    worker->settling_count++;
    struct arci_flow *oldest = TAILQ_FIRST(&worker->settling);
    if (worker->settling_count > SETTLING_MAX) {
        (void)arci_flow_count_packets(oldest);
        end(worker, oldest);
    }
}

void arci_settling_tick(struct arci_worker *worker)
{
    struct arci_flow *next;
    for (struct arci_flow *flow = TAILQ_FIRST(&worker->settling); flow; flow = next) {
        next = TAILQ_NEXT(flow, link);
        if (arci_flow_count_packets(flow) || arci_worker_now(worker) >= flow->deadline)
            end(worker, flow);
    }
}

void arci_settling_end_all(struct arci_worker *worker)
{
    struct arci_flow *flow;
    while ((flow = TAILQ_FIRST(&worker->settling))) {
        (void)arci_flow_count_packets(flow);
        end(worker, flow);
    }
}
