/*
 * Counters of routes: made by the worker that takes a route's first flow, so that routes without traffic cost nothing. Each worker
 * has rows of its own, which it alone writes to and finds again in a table of its own; it tells the control loop of a new row by a
 * message that is part of the row, and the control loop puts it into the table that it reads. When a route is gone the control loop
 * sends the row back the same way. Rows are counted references: each of the two tables, or the message on its way, holds one, and
 * each flow.
 */
#ifndef ARCI_PROXY_ROUTE_COUNTERS_H
#define ARCI_PROXY_ROUTE_COUNTERS_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

#include "proxy/queue.h"

#define ARCI_CACHE_LINE 64

struct arci_counters;

/* What is counted, of a service or a route; written by one worker only. Up is from client to server. */
struct arci_flow_counters {
    alignas(ARCI_CACHE_LINE) atomic_uint_least64_t opened;
    atomic_uint_least64_t closed;
    atomic_uint_least64_t failed;  /* refused, reset or lost */
    atomic_uint_least64_t refused; /* those that never reached their destination */
    atomic_uint_least64_t bytes_up;
    atomic_uint_least64_t bytes_down;
    atomic_uint_least64_t packets_up;
    atomic_uint_least64_t packets_down;
};

/* Adds to a counter of which the calling thread is the only writer: cheaper than an atomic addition. */
static inline void arci_count(atomic_uint_least64_t *counter, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + amount, memory_order_relaxed);
}

/* The two tables that a row is in. */
enum arci_routes_side {
    ARCI_ROUTES_OF_WORKER = 0,
    ARCI_ROUTES_OF_CONTROL = 1,
};

struct arci_route_counters {
    struct arci_message head;      /* to the control loop, later back to the worker */
    struct arci_counters *service; /* a message on its way holds a reference */
    struct arci_route_counters *next[2];
    uint64_t route_id;
    uint32_t worker;
    atomic_uint references;
    struct arci_flow_counters counters;
};

/* Rows by route. Zero-initialised it is empty. */
struct arci_route_counter_table {
    struct arci_route_counters **chains;
    size_t chain_count; /* 0, or a power of two */
    size_t count;
};

struct arci_route_counters *arci_route_counters_ref(struct arci_route_counters *row);
void arci_route_counters_unref(struct arci_route_counters *row); /* NULL is allowed */

/* The first row of a route in a table; NULL where there is none. */
struct arci_route_counters *arci_route_counter_find(const struct arci_route_counter_table *table,
                                                    enum arci_routes_side side, uint64_t route_id);

/* Adds a row, whose reference becomes the table's; false when there is no memory for a first row. */
bool arci_route_counter_add(struct arci_route_counter_table *table, enum arci_routes_side side,
                            struct arci_route_counters *row);

/* Takes a row out, whose reference becomes the caller's; false when it is not in the table. */
bool arci_route_counter_remove(struct arci_route_counter_table *table, enum arci_routes_side side,
                               struct arci_route_counters *row);

void arci_route_counter_table_release(struct arci_route_counter_table *table, enum arci_routes_side side);

/* Within the worker: its row of a route, made and told of where there is none; no reference. NULL when memory runs out. */
struct arci_route_counters *arci_route_counters_get(struct arci_counters *service, uint32_t worker,
                                                    uint64_t route_id, struct arci_queue *control, int kind);

/* Within the worker: a row that has come back. */
void arci_route_counters_returned(struct arci_route_counters *row);

/* On the control loop: a row that a worker tells of. */
void arci_route_counters_told(struct arci_route_counters *row);

/*
 * On the control loop: sends back the rows of routes of which `exists` says that they do not, among the next `budget` chains of the
 * table, of which each has about one row. `queue_of` gives the queue of a worker. Returns how many chains it has looked at.
 */
size_t arci_route_counters_prune(struct arci_counters *service, size_t budget,
                                 bool (*exists)(const void *context, uint64_t route_id), const void *context,
                                 struct arci_queue *(*queue_of)(void *user, uint32_t worker), void *user,
                                 int kind);

#endif
