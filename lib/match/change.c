/* Copies of route tables, and services in them that become others. */
#include "match/change.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "match/table.h"

ARCI_DEFINE_CLEANUP(struct arctic_route_table *, arctic_route_table_free, table_cleanup)

static int copy_pool(const struct arci_pool *pool, struct arci_pool *ret_copy, struct arctic_error *error)
{
    struct arci_pool copy = *pool;
    if (pool->items) {
        /* Of the same capacity: memory that is not written to costs nothing, and the copy is about to change. */
        copy.items = arci_pool_allocate((size_t)pool->capacity * pool->item_size);
        if (!copy.items)
            return arci_fail_memory(error);
        size_t used = ((size_t)pool->used + 1) * pool->item_size;
        memset(copy.items, 0, pool->item_size); /* item 0, which nobody wrote */
        memcpy(copy.items + pool->item_size, pool->items + pool->item_size, used - pool->item_size);
    }
    *ret_copy = copy;
    return ARCTIC_OK;
}

static int copy_index(const struct arci_index *index, const void *context, struct arci_index *ret_copy,
                      struct arctic_error *error)
{
    struct arci_index copy = *index;
    copy.context = context;
    if (index->slots) {
        size_t size = ((size_t)index->mask + 1) * sizeof *index->slots;
        copy.slots = arci_pool_allocate(size);
        if (!copy.slots)
            return arci_fail_memory(error);
        memcpy(copy.slots, index->slots, size);
    }
    *ret_copy = copy;
    return ARCTIC_OK;
}

static int copy_filter(const struct arci_filter *filter, struct arci_filter *copy, struct arctic_error *error)
{
    int code = arci_filter_create(copy, filter->mask + 1, error);
    if (code >= 0)
        memcpy(copy->words, filter->words, (filter->mask + (size_t)1) * sizeof *filter->words);
    return code;
}

static int copy_prefixes(const struct arci_prefixes *prefixes, struct arci_prefixes *copy,
                         struct arctic_error *error)
{
    int code = copy_pool(&prefixes->items, &copy->items, error);
    if (code >= 0)
        code = copy_pool(&prefixes->sets, &copy->sets, error);
    if (code >= 0)
        code = copy_index(&prefixes->index, copy, &copy->index, error);
    return code < 0 || !prefixes->filter.words ? code : copy_filter(&prefixes->filter, &copy->filter, error);
}

static int copy_parts(const struct arctic_route_table *table, struct arctic_route_table *copy,
                      struct arctic_error *error)
{
    int code = ARCTIC_OK;
    copy->rules = table->rules;
    for (int i = 0; code >= 0 && i < ARCI_FAMILIES; i++)
        code = copy_prefixes(&table->prefixes[i], &copy->prefixes[i], error);
    if (code >= 0)
        code = copy_pool(&table->own_rules, &copy->own_rules, error);
    if (code >= 0)
        code = copy_pool(&table->services, &copy->services, error);
    if (code >= 0)
        code = copy_pool(&table->routes, &copy->routes, error);
    if (code >= 0)
        code = copy_index(&table->service_index, copy, &copy->service_index, error);
    if (code >= 0)
        code = copy_index(&table->interface_index, copy, &copy->interface_index, error);
    if (code >= 0)
        code = copy_index(&table->route_index, copy, &copy->route_index, error);
    return code;
}

int arci_route_table_copy(const struct arctic_route_table *table, struct arctic_route_table **ret_copy,
                          struct arctic_error *error)
{
    ARCI_CLEANUP(table_cleanup) struct arctic_route_table *copy = NULL;
    int code = arctic_route_table_create(&copy, error);
    if (code < 0)
        return code;
    copy->seed = table->seed; /* the indices are in its order */
    for (int i = 0; i < ARCI_FAMILIES; i++)
        copy->prefixes[i].seed = table->seed;
    copy->route_count = table->route_count;
    code = copy_parts(table, copy, error);
    if (code >= 0)
        *ret_copy = arci_steal(copy);
    return code;
}

/* The service with this interface; one with another is taken out first. */
static int require_service(struct arctic_route_table *table, const struct arctic_id *id,
                           const char *interface, uint32_t *ret_service, struct arctic_error *error)
{
    int code = ARCTIC_OK;
    uint32_t service = arci_table_find_service(table, id);
    if (service && strcmp(arci_table_service(table, service)->interface, interface) != 0) {
        code = arctic_route_table_remove_service(table, id, error);
        service = 0;
    }
    if (code >= 0 && !service)
        code = arctic_route_table_add_service(table, id, interface, error);
    if (code >= 0)
        *ret_service = service ? service : arci_table_find_service(table, id);
    return code;
}

static bool is_as_wanted(const struct arctic_route_table *table, uint32_t placed,
                         const struct arci_route *route)
{
    struct arctic_match match;
    arci_table_describe(table, placed, &match);
    return match.priority == route->priority && arctic_cidr_equal(&match.source, &route->source) &&
           arctic_cidr_equal(&match.destination, &route->destination);
}

static int compare_ids(const void *key, const void *item)
{
    const uint64_t *id = key;
    const struct arci_route *route = item;
    return (*id > route->id) - (*id < route->id);
}

static int remove_others(struct arctic_route_table *table, const struct arctic_id *id, uint32_t service,
                         const struct arci_route *routes, size_t count, struct arctic_error *error)
{
    int code = ARCTIC_OK;
    uint32_t next = arci_table_service(table, service)->routes;
    while (code >= 0 && next) {
        const struct arci_placed_route *placed = arci_table_route(table, next);
        uint64_t route_id = placed->id;
        const struct arci_route *wanted =
            count ? bsearch(&route_id, routes, count, sizeof *routes, compare_ids) : NULL;
        bool stays = placed->own || (wanted && is_as_wanted(table, next, wanted));
        next = placed->next;
        /* With it goes its double in the service's own rules, which may be the next. */
        while (!stays && next && arci_table_route(table, next)->id == route_id)
            next = arci_table_route(table, next)->next;
        if (!stays)
            code = arctic_route_table_remove_route(table, id, route_id, error);
    }
    return code;
}

int arci_route_table_set_service(struct arctic_route_table *table, const struct arctic_id *service_id,
                                 const char *interface, const struct arci_route *routes, size_t count,
                                 struct arctic_error *error)
{
    uint32_t service = 0;
    int code = require_service(table, service_id, interface ? interface : "", &service, error);
    if (code >= 0)
        code = remove_others(table, service_id, service, routes, count, error);
    for (size_t i = 0; code >= 0 && i < count; i++) {
        if (!arci_table_find_route(table, service, routes[i].id))
            code = arctic_route_table_add_route(table, service_id, routes[i].id, &routes[i].source,
                                                &routes[i].destination, routes[i].priority, error);
    }
    return code;
}
