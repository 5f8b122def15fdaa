/* See route-counters.h. */
#include "proxy/route-counters.h"

#include <stdlib.h>
#include <string.h>

#include "proxy/counters.h"

#define FIRST_CHAINS 16

struct arci_route_counters *arci_route_counters_ref(struct arci_route_counters *row)
{
    atomic_fetch_add_explicit(&row->references, 1, memory_order_relaxed);
    return row;
}

void arci_route_counters_unref(struct arci_route_counters *row)
{
    if (row && atomic_fetch_sub_explicit(&row->references, 1, memory_order_acq_rel) == 1)
        free(row);
}

/* Tables */

/* Route ids count up from 1 and are the agent's own: nobody outside can choose a chain. */
static size_t place_of(uint64_t route_id, size_t chain_count)
{
    return (size_t)((route_id * 0x9fb21c651e98df25u) >> 32) & (chain_count - 1);
}

/* Without memory the chains grow longer; false where there are none yet. */
static bool make_room(struct arci_route_counter_table *table, enum arci_routes_side side)
{
    if (table->count < table->chain_count)
        return true;
    size_t chain_count = table->chain_count ? table->chain_count * 2 : FIRST_CHAINS;
    struct arci_route_counters **chains = calloc(chain_count, sizeof(struct arci_route_counters *));
    if (!chains)
        return table->chain_count > 0;
    for (size_t i = 0; i < table->chain_count; i++) {
        struct arci_route_counters *row;
        while ((row = table->chains[i])) {
            struct arci_route_counters **chain = &chains[place_of(row->route_id, chain_count)];
            table->chains[i] = row->next[side];
            row->next[side] = *chain;
            *chain = row;
        }
    }
    free(table->chains);
    table->chains = chains;
    table->chain_count = chain_count;
    return true;
}

struct arci_route_counters *arci_route_counter_find(const struct arci_route_counter_table *table,
                                                    enum arci_routes_side side, uint64_t route_id)
{
    if (table->chain_count == 0)
        return NULL;
    struct arci_route_counters *row = table->chains[place_of(route_id, table->chain_count)];
    while (row && row->route_id != route_id)
        row = row->next[side];
    return row;
}

bool arci_route_counter_add(struct arci_route_counter_table *table, enum arci_routes_side side,
                            struct arci_route_counters *row)
{
    if (!make_room(table, side))
        return false;
    struct arci_route_counters **chain = &table->chains[place_of(row->route_id, table->chain_count)];
    row->next[side] = *chain;
    *chain = row;
    table->count++;
    return true;
}

bool arci_route_counter_remove(struct arci_route_counter_table *table, enum arci_routes_side side,
                               struct arci_route_counters *row)
{
    if (table->chain_count == 0)
        return false;
    struct arci_route_counters **place = &table->chains[place_of(row->route_id, table->chain_count)];
    while (*place && *place != row)
        place = &(*place)->next[side];
    if (!*place)
        return false;
    *place = row->next[side];
    table->count--;
    return true;
}

void arci_route_counter_table_release(struct arci_route_counter_table *table, enum arci_routes_side side)
{
    for (size_t i = 0; i < table->chain_count; i++) {
        struct arci_route_counters *row;
        while ((row = table->chains[i])) {
            table->chains[i] = row->next[side];
            arci_route_counters_unref(row);
        }
    }
    free(table->chains);
    *table = (struct arci_route_counter_table){0};
}

/* Between worker and control loop */

static struct arci_route_counters *make(struct arci_counters *service, uint32_t worker, uint64_t route_id)
{
    struct arci_route_counters *row = aligned_alloc(ARCI_CACHE_LINE, sizeof *row);
    if (!row)
        return NULL;
    memset(row, 0, sizeof *row);
    row->service = service;
    row->worker = worker;
    row->route_id = route_id;
    atomic_init(&row->references, 1);
    return row;
}

struct arci_route_counters *arci_route_counters_get(struct arci_counters *service, uint32_t worker,
                                                    uint64_t route_id, struct arci_queue *control, int kind)
{
    struct arci_route_counter_table *table = &service->services[worker].routes;
    struct arci_route_counters *row = arci_route_counter_find(table, ARCI_ROUTES_OF_WORKER, route_id);
    if (row)
        return row;
    row = make(service, worker, route_id);
    if (!row)
        return NULL;
    if (!arci_route_counter_add(table, ARCI_ROUTES_OF_WORKER, row)) {
        arci_route_counters_unref(row);
        return NULL;
    }
    row->head.kind = kind;
    arci_route_counters_ref(row);
    arci_counters_ref(service);
    if (arci_queue_send(control, &row->head, 0))
        return row;
    /* Nobody reads any more. */
    arci_counters_unref(service);
    arci_route_counters_unref(row);
    return row;
}

void arci_route_counters_returned(struct arci_route_counters *row)
{
    struct arci_counters *service = row->service;
    struct arci_route_counter_table *table = &service->services[row->worker].routes;
    if (arci_route_counter_remove(table, ARCI_ROUTES_OF_WORKER, row))
        arci_route_counters_unref(row);
    arci_route_counters_unref(row);
    arci_counters_unref(service);
}

void arci_route_counters_told(struct arci_route_counters *row)
{
    struct arci_counters *service = row->service;
    /* Without memory the worker counts on, and nobody sees it. */
    if (!arci_route_counter_add(&service->routes, ARCI_ROUTES_OF_CONTROL, row))
        arci_route_counters_unref(row);
    arci_counters_unref(service);
}

/* The row is in no table of the control loop any more; its reference goes with it. */
static void send_back(struct arci_route_counters *row, struct arci_queue *worker, int kind)
{
    struct arci_counters *service = arci_counters_ref(row->service);
    row->head.kind = kind;
    if (arci_queue_send(worker, &row->head, 0))
        return;
    arci_route_counters_unref(row);
    arci_counters_unref(service);
}

size_t arci_route_counters_prune(struct arci_counters *service, size_t budget,
                                 bool (*exists)(const void *context, uint64_t route_id), const void *context,
                                 struct arci_queue *(*queue_of)(void *user, uint32_t worker), void *user,
                                 int kind)
{
    struct arci_route_counter_table *table = &service->routes;
    size_t looked = 0;
    for (size_t i = 0; i < table->chain_count && looked < budget; i++) {
        struct arci_route_counters **place = &table->chains[service->pruned++ & (table->chain_count - 1)];
        struct arci_route_counters *row;
        looked++;
        while ((row = *place)) {
            if (exists(context, row->route_id)) {
                place = &row->next[ARCI_ROUTES_OF_CONTROL];
                continue;
            }
            *place = row->next[ARCI_ROUTES_OF_CONTROL];
            table->count--;
            send_back(row, queue_of(user, row->worker), kind);
        }
    }
    return looked;
}
