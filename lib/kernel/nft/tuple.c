/*
 * Routes to tuples: every route gives its candidates, and of the candidates with one key the best does not lose. What did not change is
 * copied, what did is sorted by itself and put in between.
 */
#include "kernel/nft/tuple.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "match/rank.h"

#define KEY_SIZE offsetof(struct arci_tuple, slot)

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

static bool same_key(const struct arci_tuple *a, const struct arci_tuple *b)
{
    return memcmp(a, b, KEY_SIZE) == 0;
}

/* Where an owner stands among all, by its slot; 0: no such owner. */
struct ranking {
    const struct arci_tuple_owner *owners;
    size_t count;
    uint16_t *places;
    size_t slots;
};

static const struct arci_tuple_owner *owner_of(const struct ranking *ranking, uint16_t slot)
{
    uint16_t place = slot < ranking->slots ? ranking->places[slot] : 0;
    return place ? &ranking->owners[place - 1] : NULL;
}

static int ranking_make(const struct arci_tuple_owner *owners, size_t count, struct ranking *ret_ranking,
                        struct arctic_error *error)
{
    struct ranking ranking = {.owners = owners, .count = count, .slots = 1};
    for (size_t i = 0; i < count; i++) {
        if (owners[i].slot >= ranking.slots)
            ranking.slots = (size_t)owners[i].slot + 1;
    }
    ranking.places = calloc(ranking.slots, sizeof *ranking.places);
    if (!ranking.places)
        return arci_fail_memory(error);
    for (size_t i = 0; i < count; i++)
        ranking.places[owners[i].slot] = (uint16_t)(i + 1);
    *ret_ranking = ranking;
    return ARCTIC_OK;
}

static const char *id_of(const struct ranking *ranking, const struct arci_tuple *tuple)
{
    return owner_of(ranking, tuple->slot)->service->id.text;
}

static int compare_candidates(const void *left, const void *right, void *context)
{
    const struct arci_tuple *a = left;
    const struct arci_tuple *b = right;
    int order = arci_tuple_compare(a, b);
    if (order)
        return order;
    struct arci_rank first = {.priority = a->priority, .service_id = id_of(context, a), .route_id = a->route};
    struct arci_rank second = {
        .priority = b->priority, .service_id = id_of(context, b), .route_id = b->route};
    return arci_rank_compare_equal_prefixes(&first, &second, NULL);
}

static bool has_interface(const struct arci_kernel_service *service)
{
    return service->interface && service->interface[0];
}

static size_t count_candidates(const struct arci_kernel_service *service)
{
    if (service->withdrawn)
        return 0;
    if (!has_interface(service))
        return service->route_count;
    return service->route_count ? 2 * service->route_count : 2;
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

static struct arci_tuple *append(struct arci_tuples *tuples, const struct arci_tuple_owner *owner)
{
    struct arci_tuple *tuple = &tuples->items[tuples->count++];
    *tuple = (struct arci_tuple){.slot = owner->slot};
    return tuple;
}

static struct arci_tuple *append_route(struct arci_tuples *tuples, const struct arci_tuple_owner *owner,
                                       const struct arci_route *route)
{
    bool by_source = route->source.address.family != ARCTIC_FAMILY_NONE;
    struct arci_tuple *tuple = append(tuples, owner);
    tuple->priority = route->priority;
    tuple->route = route->id;
    tuple->map = (struct arci_tuple_map){
        .family = by_source ? route->source.address.family : route->destination.address.family,
        .match_class = route_class(route),
        .source_length = cidr_length(&route->source),
        .destination_length = cidr_length(&route->destination),
    };
    memcpy(tuple->source, route->source.address.bytes, 16);
    memcpy(tuple->destination, route->destination.address.bytes, 16);
    return tuple;
}

static void claim_interface(struct arci_tuple *tuple, const char *interface)
{
    tuple->map.match_class = ARCTIC_CLASS_INTERFACE;
    memcpy(tuple->interface, interface, strlen(interface));
}

static void append_whole_interface(struct arci_tuples *tuples, const struct arci_tuple_owner *owner)
{
    static const uint8_t families[] = {ARCTIC_FAMILY_IPV4, ARCTIC_FAMILY_IPV6};
    for (size_t i = 0; i < 2; i++) {
        struct arci_tuple *tuple = append(tuples, owner);
        tuple->map = (struct arci_tuple_map){
            .family = families[i], .source_length = ARCI_RANK_ABSENT, .destination_length = ARCI_RANK_ABSENT};
        claim_interface(tuple, owner->service->interface);
    }
}

static void append_owner(struct arci_tuples *tuples, const struct arci_tuple_owner *owner)
{
    const struct arci_kernel_service *service = owner->service;
    if (service->withdrawn)
        return;
    if (has_interface(service) && service->route_count == 0)
        append_whole_interface(tuples, owner);
    for (size_t i = 0; i < service->route_count; i++) {
        append_route(tuples, owner, &service->routes[i]);
        if (has_interface(service))
            claim_interface(append_route(tuples, owner, &service->routes[i]), service->interface);
    }
}

/* The tuples of the owners that are not kept, sorted. */
static int make_fresh(const struct ranking *ranking, struct arci_tuples *ret_fresh,
                      struct arctic_error *error)
{
    size_t total = 0;
    for (size_t i = 0; i < ranking->count; i++)
        total += ranking->owners[i].kept ? 0 : count_candidates(ranking->owners[i].service);
    struct arci_tuples fresh = {.items = calloc(total ? total : 1, sizeof *fresh.items)};
    if (!fresh.items)
        return arci_fail_memory(error);
    for (size_t i = 0; i < ranking->count; i++) {
        if (!ranking->owners[i].kept)
            append_owner(&fresh, &ranking->owners[i]);
    }
    qsort_r(fresh.items, fresh.count, sizeof *fresh.items, compare_candidates, (void *)ranking);
    *ret_fresh = fresh;
    return ARCTIC_OK;
}

static void copy_kept(const struct ranking *ranking, const struct arci_tuples *former,
                      struct arci_tuples *tuples)
{
    for (size_t i = 0; former && i < former->count; i++) {
        const struct arci_tuple_owner *owner = owner_of(ranking, former->items[i].slot);
        if (owner && owner->kept)
            tuples->items[tuples->count++] = former->items[i];
    }
}

/* How many of the first `count` tuples come before a candidate. */
static size_t find_place(const struct ranking *ranking, const struct arci_tuple *items, size_t count,
                         const struct arci_tuple *candidate)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (compare_candidates(&items[middle], candidate, (void *)ranking) < 0)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

/* Puts sorted tuples into sorted ones, which there is room behind for: from the end, so that each moves once. */
static void merge(const struct ranking *ranking, struct arci_tuples *tuples, const struct arci_tuples *fresh)
{
    size_t left = tuples->count;
    tuples->count += fresh->count;
    for (size_t i = fresh->count; i > 0; i--) {
        size_t place = find_place(ranking, tuples->items, left, &fresh->items[i - 1]);
        memmove(&tuples->items[place + i], &tuples->items[place], (left - place) * sizeof *tuples->items);
        tuples->items[place + i - 1] = fresh->items[i - 1];
        left = place;
    }
}

static void find_losers(struct arci_tuples *tuples)
{
    tuples->elements = 0;
    for (size_t i = 0; i < tuples->count; i++) {
        tuples->items[i].loses = i > 0 && same_key(&tuples->items[i - 1], &tuples->items[i]);
        tuples->elements += !tuples->items[i].loses;
    }
}

static int join(const struct ranking *ranking, const struct arci_tuples *former,
                struct arci_tuples *ret_tuples, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_tuples_release) struct arci_tuples fresh = {0};
    int code = make_fresh(ranking, &fresh, error);
    if (code < 0)
        return code;
    size_t room = fresh.count + (former ? former->count : 0);
    struct arci_tuples tuples = {.items = malloc((room ? room : 1) * sizeof *tuples.items)};
    if (!tuples.items)
        return arci_fail_memory(error);
    copy_kept(ranking, former, &tuples);
    merge(ranking, &tuples, &fresh);
    find_losers(&tuples);
    *ret_tuples = tuples;
    return ARCTIC_OK;
}

int arci_tuples_make(const struct arci_tuple_owner *owners, size_t count, const struct arci_tuples *former,
                     struct arci_tuples *ret_tuples, struct arctic_error *error)
{
    struct ranking ranking = {0};
    int code = ranking_make(owners, count, &ranking, error);
    if (code >= 0)
        code = join(&ranking, former, ret_tuples, error);
    free(ranking.places);
    return code;
}
