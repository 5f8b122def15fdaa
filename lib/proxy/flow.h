/*
 * One flow: a local socket on one side, a stream of a transport on the other, and nothing in between. Bytes go from the socket to
 * the stream through the worker's buffer, and from the transport's buffer to the socket; what one side does not take stays where
 * it is, in the kernel or in the transport, so that a stalled reader stalls only its own writer.
 */
#ifndef ARCI_PROXY_FLOW_H
#define ARCI_PROXY_FLOW_H

#include <sys/queue.h>

#include "proxy/counters.h"
#include "proxy/flow-table.h"
#include "proxy/tcp-segments.h"
#include "transport/transport.h"
#include "transport/watch.h"

struct arci_worker;

TAILQ_HEAD(arci_flows, arci_flow);

struct arci_flow {
    struct arci_watch watch; /* of the local socket; first */
    struct arci_worker *worker;
    TAILQ_ENTRY(arci_flow) link;
    struct arci_flow_key key; /* entry: in the worker's table */
    struct arci_counters *service;
    struct arci_flow_counters *counters; /* the worker's row of it */
    struct arci_route_counters *route;   /* entry: of the route that took it; NULL for none */
    struct arci_tcp_segments segments;   /* of the local socket, as far as they have been counted */
    struct arci_stream *stream;
    struct arci_stream_request request;
    struct arctic_id peer_id;
    int fd;
    bool is_entry;
    bool in_table;
    bool transparent;  /* the destination is to see the client's address */
    bool connecting;   /* exit: the destination has not answered */
    bool closed;       /* waits for libuv to give back its memory */
    bool was_reset;    /* a read has taken the error away: the next one looks like an end */
    bool sent_all;     /* the local socket has ended, and the stream was told */
    bool received_all; /* the stream has ended, and the local socket was told */
    bool stream_full;  /* reads nothing until the stream has room */
    bool socket_full;  /* the stream waits until the socket has room */
    bool opened;       /* the destination has answered */
    bool moved;        /* bytes, since packets were counted last */
    bool settling;     /* it has ended, and the kernel still sends its last bytes */
    int64_t deadline;  /* of connecting, or settling */
    int64_t look_at;   /* exit, transparent: when to look where it goes, if it is not connected; 0: done */
};

/*
 * Makes a flow over a non-blocking socket, which is the flow's from here on, or closed with a reset when this fails. It takes a
 * reference to the service's counters. NULL when memory or descriptors run out.
 */
struct arci_flow *arci_flow_create(struct arci_worker *worker, int fd, bool is_entry,
                                   const struct arci_stream_request *request, const struct arctic_id *peer_id,
                                   struct arci_counters *service);

/* Counts a new flow for a route too. `row` may be NULL. */
void arci_flow_count_route(struct arci_flow *flow, struct arci_route_counters *row);

/* The flow is about to end without having reached its destination. */
void arci_flow_count_refused(struct arci_flow *flow);

/* Counts one that was refused before there was a flow. `row` may be NULL. */
void arci_flow_count_turned_away(struct arci_flow_counters *service, struct arci_route_counters *row);

/*
 * flow-packets.c: counts what the local socket has sent and received since the last time, segments of TCP. Returns whether there is
 * nothing left that it would still send.
 */
bool arci_flow_count_packets(struct arci_flow *flow);

/* flow-packets.c: the same for some of a worker's flows that have moved bytes; those whose turn it is. */
void arci_flow_packets_tick(struct arci_worker *worker);

extern const struct arci_stream_events arci_flow_events;

/* Begins to move bytes. */
void arci_flow_start(struct arci_flow *flow);

/* Waits for what it can make use of. */
void arci_flow_update(struct arci_flow *flow);

/* Ends a flow by a reset on both sides. */
void arci_flow_abort(struct arci_flow *flow, enum arci_stream_reason reason);

/* Gives back the memory of one that is in no list and has no handle. */
void arci_flow_free(struct arci_flow *flow);

/* Options of a local socket; and closing one with a reset. */
void arci_local_tune(int fd);
void arci_local_reset(int fd);

#endif
