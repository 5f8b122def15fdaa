/*
 * Packets of flows: the proxy sees bytes only, the kernel counts the segments of each connection (tcp(7), TCP_INFO). It is asked when
 * a flow ends, and now and then while it lives.
 */
#include "proxy/flow.h"
#include "proxy/tcp-segments.h"
#include "proxy/worker.h"

/* Bounds what a tick does: looking at flows, and asking the kernel. With ARCI_WORKER_TICK_MS that is about 1,000 flows a second. */
#define LOOKS_A_TICK 4096
#define QUESTIONS_A_TICK 256

static void count_up(struct arci_flow *flow, uint32_t packets)
{
    arci_count(&flow->counters->packets_up, packets);
    if (flow->route)
        arci_count(&flow->route->counters.packets_up, packets);
}

static void count_down(struct arci_flow *flow, uint32_t packets)
{
    arci_count(&flow->counters->packets_down, packets);
    if (flow->route)
        arci_count(&flow->route->counters.packets_down, packets);
}

bool arci_flow_count_packets(struct arci_flow *flow)
{
    struct arci_tcp_segments now;
    flow->moved = false;
    if (!arci_tcp_segments_read(flow->fd, &now))
        return true;
    /* Of 32 bits each: the difference holds when they begin anew. */
    uint32_t in = now.in - flow->segments.in;
    uint32_t out = now.out - flow->segments.out;
    flow->segments = now;
    count_up(flow, flow->is_entry ? in : out);
    count_down(flow, flow->is_entry ? out : in);
    return now.settled;
}

void arci_flow_packets_tick(struct arci_worker *worker)
{
    struct arci_flow *flow = worker->next_counted ? worker->next_counted : TAILQ_FIRST(&worker->flows);
    size_t questions = 0;
    for (size_t i = 0; flow && i < LOOKS_A_TICK && questions < QUESTIONS_A_TICK; i++) {
        if (flow->moved && !flow->closed) {
            (void)arci_flow_count_packets(flow);
            questions++;
        }
        flow = TAILQ_NEXT(flow, link);
    }
    worker->next_counted = flow;
}
