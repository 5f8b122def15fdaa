/* Both sets are sorted by prefixes and priority, and walked side by side, one pair of prefixes at a time. */
#include "compose/routes.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

static int compare_cidr(const struct arctic_cidr *a, const struct arctic_cidr *b)
{
    int order = arctic_address_compare(&a->address, &b->address);
    return order != 0 ? order : a->length - b->length;
}

int arci_route_compare_prefixes(const struct arci_route *a, const struct arci_route *b)
{
    int order = compare_cidr(&a->source, &b->source);
    return order != 0 ? order : compare_cidr(&a->destination, &b->destination);
}

int arci_route_compare(const struct arci_route *a, const struct arci_route *b)
{
    int order = arci_route_compare_prefixes(a, b);
    return order != 0 ? order : (a->priority > b->priority) - (a->priority < b->priority);
}

static int by_rule_and_id(const void *a, const void *b)
{
    const struct arci_route *left = a;
    const struct arci_route *right = b;
    int order = arci_route_compare(left, right);
    return order != 0 ? order : (left->id > right->id) - (left->id < right->id);
}

static int sorted_copy(const struct arci_routes *routes, struct arci_routes *ret_copy,
                       struct arctic_error *error)
{
    struct arci_routes copy = {0};
    int code = arci_routes_copy(routes, &copy, error);
    if (code < 0)
        return code;
    if (copy.count > 1)
        qsort(copy.items, copy.count, sizeof *copy.items, by_rule_and_id);
    *ret_copy = copy;
    return ARCTIC_OK;
}

int arci_routes_unique(const struct arci_routes *routes, struct arci_routes *ret_unique,
                       struct arctic_error *error)
{
    struct arci_routes copy = {0};
    size_t kept = 0;
    int code = sorted_copy(routes, &copy, error);
    if (code < 0)
        return code;
    for (size_t i = 0; i < copy.count; i++) {
        if (kept == 0 || arci_route_compare(&copy.items[kept - 1], &copy.items[i]) != 0)
            copy.items[kept++] = copy.items[i];
    }
    copy.count = kept;
    *ret_unique = copy;
    return ARCTIC_OK;
}

/* A list without an order of ids, which arci_routes_append() would insist on. */
static int reserve(struct arci_routes *routes, size_t count, struct arctic_error *error)
{
    routes->items = calloc(count ? count : 1, sizeof *routes->items);
    routes->capacity = count;
    return routes->items ? ARCTIC_OK : arci_fail_memory(error);
}

static size_t group_end(const struct arci_routes *set, size_t from)
{
    size_t end = from;
    while (end < set->count && arci_route_compare_prefixes(&set->items[from], &set->items[end]) == 0)
        end++;
    return end;
}

/* Takes what is in both groups out of them; what is left keeps its order. */
static void drop_common(struct arci_route *live, size_t *live_count, struct arci_route *wanted,
                        size_t *wanted_count)
{
    size_t i = 0;
    size_t j = 0;
    size_t live_left = 0;
    size_t wanted_left = 0;
    while (i < *live_count || j < *wanted_count) {
        int order = i == *live_count ? 1 : j == *wanted_count ? -1 : arci_route_compare(&live[i], &wanted[j]);
        if (order > 0) {
            wanted[wanted_left++] = wanted[j++];
        } else if (order < 0) {
            live[live_left++] = live[i++];
        } else {
            /* The cluster may hold a rule twice. */
            while (i < *live_count && arci_route_compare(&live[i], &wanted[j]) == 0)
                i++;
            j++;
        }
    }
    *live_count = live_left;
    *wanted_count = wanted_left;
}

/* Routes of one pair of prefixes. */
static void compare_group(struct arci_route *live, size_t live_count, struct arci_route *wanted,
                          size_t wanted_count, struct arci_route_difference *difference)
{
    drop_common(live, &live_count, wanted, &wanted_count);
    size_t both = live_count < wanted_count ? live_count : wanted_count;
    for (size_t i = 0; i < both; i++)
        difference->change[difference->change_count++] =
            (struct arci_route_change){live[i].id, wanted[i], live[i].priority};
    for (size_t i = both; i < live_count; i++)
        difference->remove.items[difference->remove.count++] = live[i];
    for (size_t i = both; i < wanted_count; i++)
        difference->add.items[difference->add.count++] = wanted[i];
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int make_room(const struct arci_routes *live, const struct arci_routes *wanted,
                     struct arci_route_difference *difference, struct arctic_error *error)
{
    size_t both = least(live->count, wanted->count);
    int code = reserve(&difference->add, wanted->count, error);
    if (code == ARCTIC_OK)
        code = reserve(&difference->remove, live->count, error);
    if (code < 0)
        return code;
    difference->change = calloc(both ? both : 1, sizeof *difference->change);
    return difference->change ? ARCTIC_OK : arci_fail_memory(error);
}

static void walk(const struct arci_routes *live, const struct arci_routes *wanted,
                 struct arci_route_difference *difference)
{
    size_t i = 0;
    size_t j = 0;
    while (i < live->count || j < wanted->count) {
        int order = i == live->count     ? 1
                    : j == wanted->count ? -1
                                         : arci_route_compare_prefixes(&live->items[i], &wanted->items[j]);
        size_t live_end = order <= 0 ? group_end(live, i) : i;
        size_t wanted_end = order >= 0 ? group_end(wanted, j) : j;
        compare_group(live->items + i, live_end - i, wanted->items + j, wanted_end - j, difference);
        i = live_end;
        j = wanted_end;
    }
}

int arci_routes_compare(const struct arci_routes *live, const struct arci_routes *wanted,
                        struct arci_route_difference *ret_difference, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_routes_release) struct arci_routes live_sorted = {0};
    ARCI_CLEANUP(arci_routes_release) struct arci_routes wanted_sorted = {0};
    ARCI_CLEANUP(arci_route_difference_release) struct arci_route_difference difference = {.change = NULL};
    int code = sorted_copy(live, &live_sorted, error);
    if (code == ARCTIC_OK)
        code = sorted_copy(wanted, &wanted_sorted, error);
    if (code == ARCTIC_OK)
        code = make_room(live, wanted, &difference, error);
    if (code < 0)
        return code;
    walk(&live_sorted, &wanted_sorted, &difference);
    *ret_difference = difference;
    difference = (struct arci_route_difference){.change = NULL};
    return ARCTIC_OK;
}

bool arci_route_difference_empty(const struct arci_route_difference *difference)
{
    return difference->add.count == 0 && difference->remove.count == 0 && difference->change_count == 0;
}

void arci_route_difference_release(struct arci_route_difference *difference)
{
    arci_routes_release(&difference->add);
    arci_routes_release(&difference->remove);
    free(difference->change);
    *difference = (struct arci_route_difference){.change = NULL};
}
