/* Routes to tuples: every route gives its candidates, and of the candidates with one key the best stays. */
#include "kernel/tuple.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "match/rank.h"

struct candidate {
    struct arci_tuple tuple;
    int32_t priority;
    uint64_t route;
    const struct arctic_id *service;
};

struct candidates {
    struct candidate *items;
    size_t count;
};

void arci_tuples_release(struct arci_tuples *tuples)
{
    free(tuples->items);
    *tuples = (struct arci_tuples){0};
}

static bool is_same_map(const struct arci_tuple_map *a, const struct arci_tuple_map *b)
{
    return a->family == b->family && a->match_class == b->match_class &&
           a->source_length == b->source_length && a->destination_length == b->destination_length;
}

static struct arci_rank rank_of_map(const struct arci_tuple_map *map)
{
    return (struct arci_rank){.match_class = map->match_class,
                              .source_length = map->source_length,
                              .dest_length = map->destination_length,
                              .service_id = ""};
}

int arci_tuple_map_compare(const struct arci_tuple_map *a, const struct arci_tuple_map *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    if (is_same_map(a, b)) /* nearly always, when sorting */
        return 0;
    struct arci_rank first = rank_of_map(a);
    struct arci_rank second = rank_of_map(b);
    return arci_rank_compare(&first, &second, NULL);
}

int arci_tuple_compare(const struct arci_tuple *a, const struct arci_tuple *b)
{
    int order = arci_tuple_map_compare(&a->map, &b->map);
    if (order == 0)
        order = strcmp(a->interface, b->interface);
    if (order == 0)
        order = memcmp(a->source, b->source, sizeof a->source);
    return order ? order : memcmp(a->destination, b->destination, sizeof a->destination);
}

static int compare_candidates(const void *left, const void *right)
{
    const struct candidate *a = left;
    const struct candidate *b = right;
    int order = arci_tuple_compare(&a->tuple, &b->tuple);
    if (order)
        return order;
    struct arci_rank first = {.priority = a->priority, .service_id = a->service->text, .route_id = a->route};
    struct arci_rank second = {.priority = b->priority, .service_id = b->service->text, .route_id = b->route};
    return arci_rank_compare_equal_prefixes(&first, &second, NULL);
}

static bool has_interface(const struct arci_kernel_service *service)
{
    return service->interface && service->interface[0];
}

static size_t count_candidates(const struct arci_kernel_service *services, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (services[i].withdrawn)
            continue;
        if (has_interface(&services[i]))
            total += services[i].route_count ? 2 * services[i].route_count : 2;
        else
            total += services[i].route_count;
    }
    return total;
}

static int16_t cidr_length(const struct arctic_cidr *cidr)
{
    return cidr->address.family == ARCTIC_FAMILY_NONE ? ARCI_RANK_ABSENT : (int16_t)cidr->length;
}

static uint8_t route_class(const struct arci_route *route)
{
    if (route->source.address.family == ARCTIC_FAMILY_NONE)
        return ARCTIC_CLASS_DEST;
    return route->destination.address.family == ARCTIC_FAMILY_NONE ? ARCTIC_CLASS_SOURCE
                                                                   : ARCTIC_CLASS_SOURCE_DEST;
}

static struct candidate *append(struct candidates *candidates, const struct arci_kernel_service *services,
                                size_t index)
{
    struct candidate *candidate = &candidates->items[candidates->count++];
    *candidate = (struct candidate){.service = &services[index].id};
    candidate->tuple.service = (uint16_t)index;
    return candidate;
}

static struct candidate *append_route(struct candidates *candidates,
                                      const struct arci_kernel_service *services, size_t index,
                                      const struct arci_route *route)
{
    bool by_source = route->source.address.family != ARCTIC_FAMILY_NONE;
    struct candidate *candidate = append(candidates, services, index);
    candidate->priority = route->priority;
    candidate->route = route->id;
    candidate->tuple.map = (struct arci_tuple_map){
        .family = by_source ? route->source.address.family : route->destination.address.family,
        .match_class = route_class(route),
        .source_length = cidr_length(&route->source),
        .destination_length = cidr_length(&route->destination),
    };
    memcpy(candidate->tuple.source, route->source.address.bytes, 16);
    memcpy(candidate->tuple.destination, route->destination.address.bytes, 16);
    return candidate;
}

static void claim_interface(struct candidate *candidate, const char *interface)
{
    candidate->tuple.map.match_class = ARCTIC_CLASS_INTERFACE;
    memcpy(candidate->tuple.interface, interface, strlen(interface));
}

static void append_whole_interface(struct candidates *candidates, const struct arci_kernel_service *services,
                                   size_t index)
{
    static const uint8_t families[] = {ARCTIC_FAMILY_IPV4, ARCTIC_FAMILY_IPV6};
    for (size_t i = 0; i < 2; i++) {
        struct candidate *candidate = append(candidates, services, index);
        candidate->tuple.map = (struct arci_tuple_map){
            .family = families[i], .source_length = ARCI_RANK_ABSENT, .destination_length = ARCI_RANK_ABSENT};
        claim_interface(candidate, services[index].interface);
    }
}

static void append_service(struct candidates *candidates, const struct arci_kernel_service *services,
                           size_t index)
{
    const struct arci_kernel_service *service = &services[index];
    if (service->withdrawn)
        return;
    if (has_interface(service) && service->route_count == 0)
        append_whole_interface(candidates, services, index);
    for (size_t i = 0; i < service->route_count; i++) {
        append_route(candidates, services, index, &service->routes[i]);
        if (has_interface(service))
            claim_interface(append_route(candidates, services, index, &service->routes[i]),
                            service->interface);
    }
}

static size_t count_keys(const struct candidates *candidates)
{
    size_t keys = 0;
    for (size_t i = 0; i < candidates->count; i++)
        keys +=
            i == 0 || arci_tuple_compare(&candidates->items[i - 1].tuple, &candidates->items[i].tuple) != 0;
    return keys;
}

static int keep_winners(const struct candidates *candidates, struct arci_tuples *ret_tuples,
                        struct arctic_error *error)
{
    size_t keys = count_keys(candidates);
    struct arci_tuple *items = calloc(keys ? keys : 1, sizeof *items);
    if (!items)
        return arci_fail_memory(error);
    size_t used = 0;
    for (size_t i = 0; i < candidates->count; i++) {
        if (used == 0 || arci_tuple_compare(&items[used - 1], &candidates->items[i].tuple) != 0)
            items[used++] = candidates->items[i].tuple;
    }
    *ret_tuples = (struct arci_tuples){.items = items, .count = used};
    return ARCTIC_OK;
}

int arci_tuples_make(const struct arci_kernel_service *services, size_t count, struct arci_tuples *ret_tuples,
                     struct arctic_error *error)
{
    size_t total = count_candidates(services, count);
    ARCI_FREE struct candidate *items = calloc(total ? total : 1, sizeof *items);
    if (!items)
        return arci_fail_memory(error);
    struct candidates candidates = {.items = items};
    for (size_t i = 0; i < count; i++)
        append_service(&candidates, services, i);
    qsort(candidates.items, candidates.count, sizeof *candidates.items, compare_candidates);
    return keep_winners(&candidates, ret_tuples, error);
}
