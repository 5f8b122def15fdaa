/* One thread of the data plane: its loop, listeners, transport and flows. */
#ifndef ARCI_PROXY_WORKER_H
#define ARCI_PROXY_WORKER_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "kernel/listener.h"
#include "base/log.h"
#include "proxy/config.h"
#include "proxy/flow-table.h"
#include "proxy/flow.h"
#include "proxy/own-addresses.h"
#include "proxy/queue.h"
#include "transport/watch.h"

#define ARCI_LOG_PROXY "tproxymgr"
#define ARCI_WORKER_TICK_MS 250

/* Messages to a worker. */
enum {
    ARCI_TO_WORKER_CONFIG = 1,
    ARCI_TO_WORKER_STOP = 2,
    ARCI_TO_WORKER_ROUTE = 3, /* a struct arci_route_counters comes back */
};

struct arci_config_message {
    struct arci_message head;
    struct arci_config *config; /* the message's reference */
};

struct arci_stop_message {
    struct arci_message head;
    uint64_t grace_ms;
};

/* Messages to the control loop. */
enum {
    ARCI_TO_CONTROL_CONNECTION = 1,
    ARCI_TO_CONTROL_REFUSED = 2,
    ARCI_TO_CONTROL_PEER = 3,
    ARCI_TO_CONTROL_ENDED = 4,
    ARCI_TO_CONTROL_ROUTE = 5, /* a struct arci_route_counters, new */
};

struct arci_connection_message {
    struct arci_message head;
    SSL *ssl;
    int fd;
    struct arctic_endpoint remote;
};

struct arci_refused_message {
    struct arci_message head;
    struct arctic_id service_id;
    struct arctic_endpoint destination;
    int reason;
};

struct arci_peer_message {
    struct arci_message head;
    struct arctic_id peer_id;
    int64_t rtt_us;
};

struct arci_ended_message {
    struct arci_message head;
    size_t worker;
};

struct arci_entry_listener {
    struct arci_watch watch; /* first */
    struct arci_worker *worker;
    bool open;
    int64_t resume_at; /* out of descriptors: when to try again; 0: it listens */
};

struct arci_worker_options {
    size_t index;
    struct arctic_log *log;
    struct arci_tls *tls;
    uint32_t mark;
    uint32_t transparent_mark; /* of the exit's sockets that bear a client's address */
    char anchor[ARCTIC_INTERFACE_NAME];
    int tunnel_fd;                   /* bound; the worker's from here on */
    struct arci_listeners listeners; /* the worker's from here on */
    struct arci_queue *control;      /* outlives the thread */
};

struct arci_worker {
    struct arci_worker_options options;
    uv_loop_t loop;
    uv_thread_t thread;
    bool has_loop, has_queue, has_thread;
    struct arci_queue queue;
    struct arci_stop_message stop_messages[2]; /* with grace, and at once: stopping must not need memory */
    struct arci_ended_message ended_message;
    bool stop_sent[2]; /* the control loop's */
    uv_timer_t tick;
    const struct arci_transport_ops *ops;
    struct arci_transport *transport;
    struct arci_entry_listener entries[2]; /* IPv4, IPv6 */
    struct arci_config *config;            /* NULL before the first */
    struct arci_flows flows;
    struct arci_flows settling; /* of flows that have ended */
    size_t settling_count;
    struct arci_flow *next_counted; /* whose packets are counted next; NULL: the first one's */
    TAILQ_HEAD(arci_pendings, arci_pending) pending; /* flows of peers that wait for their service */
    size_t pending_count;
    size_t flow_count;            /* listed, those that close included */
    struct arci_flow_table table; /* of the entry */
    struct arci_own_addresses own;
    struct arci_log_limit refusal_log, loop_log, accept_log, failure_log;
    bool stopping, ending;
    uint64_t stop_at;
    uint8_t scratch[ARCI_STREAM_HEADROOM + ARCI_STREAM_WRITE_MAX];
};

/*
 * Sets up the worker and starts its thread. The descriptors of the options are the worker's in any case. After an error the worker
 * has nothing left. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_worker_start(struct arci_worker *worker, const struct arci_worker_options *options,
                      struct arctic_error *error);

/* Has it stop: takes nothing new, resets what is open after `grace_ms`. Once with grace, once without. */
void arci_worker_stop(struct arci_worker *worker, uint64_t grace_ms);

/* Waits for the end of the thread; allowed on one that has none. */
void arci_worker_join(struct arci_worker *worker);

/* Once joined. */
void arci_worker_release(struct arci_worker *worker);

/* Within the worker */

/* Makes a message for the control loop; NULL when memory runs out, which is logged. */
void *arci_worker_message(struct arci_worker *worker, int kind, size_t size);

/* A flow's memory is given back; the worker may end with the last one. */
void arci_worker_flow_gone(struct arci_worker *worker);

static inline int64_t arci_worker_now(const struct arci_worker *worker)
{
    return (int64_t)uv_now(&worker->loop);
}

#endif
