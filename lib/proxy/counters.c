/* See counters.h. */
#include "proxy/counters.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/time.h"

struct arci_counters *arci_counters_ref(struct arci_counters *counters)
{
    atomic_fetch_add_explicit(&counters->references, 1, memory_order_relaxed);
    return counters;
}

void arci_counters_unref(struct arci_counters *counters)
{
    if (!counters || atomic_fetch_sub_explicit(&counters->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; counters->services && i < counters->workers; i++)
        arci_route_counter_table_release(&counters->services[i].routes, ARCI_ROUTES_OF_WORKER);
    arci_route_counter_table_release(&counters->routes, ARCI_ROUTES_OF_CONTROL);
    free(counters->services);
    free(counters->peers);
    free(counters);
}

static void *rows(size_t count, size_t size)
{
    void *memory = aligned_alloc(ARCI_CACHE_LINE, count * size);
    if (memory)
        memset(memory, 0, count * size);
    return memory;
}

static struct arci_counters *make(const struct arci_counter_registry *registry, const struct arctic_id *id)
{
    struct arci_counters *counters = calloc(1, sizeof *counters);
    if (!counters)
        return NULL;
    counters->id = *id;
    counters->workers = registry->workers;
    counters->since = arci_time_now();
    atomic_init(&counters->references, 1);
    if (registry->of_peers)
        counters->peers = rows(registry->workers, sizeof *counters->peers);
    else
        counters->services = rows(registry->workers, sizeof *counters->services);
    if (!counters->peers && !counters->services) {
        free(counters);
        return NULL;
    }
    for (size_t i = 0; counters->peers && i < registry->workers; i++)
        atomic_init(&counters->peers[i].counters.rtt_us, -1);
    return counters;
}

/* Where an id is, or belongs. */
static size_t place(const struct arci_counter_registry *registry, const struct arctic_id *id)
{
    size_t low = 0, high = registry->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(id->text, registry->items[middle]->id.text) <= 0)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

struct arci_counters *arci_counters_find(const struct arci_counter_registry *registry,
                                         const struct arctic_id *id)
{
    size_t index = place(registry, id);
    if (index < registry->count && arctic_id_equal(&registry->items[index]->id, id))
        return registry->items[index];
    return NULL;
}

int arci_counters_get(struct arci_counter_registry *registry, const struct arctic_id *id,
                      struct arci_counters **ret_counters, struct arctic_error *error)
{
    struct arci_counters *counters = arci_counters_find(registry, id);
    if (counters) {
        *ret_counters = counters;
        return ARCTIC_OK;
    }
    struct arci_counters **items = realloc(registry->items, (registry->count + 1) * sizeof *items);
    if (!items)
        return arci_fail_memory(error);
    registry->items = items;
    counters = make(registry, id);
    if (!counters)
        return arci_fail_memory(error);
    size_t index = place(registry, id);
    memmove(items + index + 1, items + index, (registry->count - index) * sizeof *items);
    items[index] = counters;
    registry->count++;
    *ret_counters = counters;
    return ARCTIC_OK;
}

void arci_counters_sweep(struct arci_counter_registry *registry,
                         bool (*wanted)(void *user, const struct arctic_id *id), void *user)
{
    size_t kept = 0;
    for (size_t i = 0; i < registry->count; i++) {
        struct arci_counters *counters = registry->items[i];
        if (atomic_load_explicit(&counters->references, memory_order_acquire) > 1 ||
            (wanted && wanted(user, &counters->id)))
            registry->items[kept++] = counters;
        else
            arci_counters_unref(counters);
    }
    registry->count = kept;
}

void arci_counters_release(struct arci_counter_registry *registry)
{
    for (size_t i = 0; i < registry->count; i++)
        arci_counters_unref(registry->items[i]);
    free(registry->items);
    registry->items = NULL;
    registry->count = 0;
}
