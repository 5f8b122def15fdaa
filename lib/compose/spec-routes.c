/* The routes of a service, by the model's rules: as a whole, and member by member where something is wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "compose/routes.h"
#include "compose/spec-read.h"

static const char *const keys[] = {"source_cidr", "dest_cidr", "priority", NULL};

static bool all_scalars(const struct arci_node *mapping)
{
    for (const struct arci_node *node = mapping->first; node; node = node->next) {
        if (node->kind != ARCI_NODE_SCALAR)
            return false;
    }
    return true;
}

/* The common case: a good route, in one step. */
static bool read_whole(struct arci_spec_reader *reader, const struct arci_node *mapping,
                       struct arci_route *ret_route)
{
    ARCI_JSON *object = json_object();
    for (const struct arci_node *node = mapping->first; object && node; node = node->next) {
        if (json_object_set_new(object, node->key->text, arci_node_value(node)) < 0)
            reader->no_memory = true;
    }
    return object && !reader->no_memory && arci_route_from_json(object, ret_route, NULL) == ARCTIC_OK;
}

/* Reads one member into a route that is good but for what it says; false with a fault. */
static bool read_member(struct arci_spec_reader *reader, const struct arci_node *mapping, const char *key,
                        struct arci_route *route)
{
    const struct arci_node *node = arci_node_member(mapping, key);
    struct arctic_error error;
    if (!node || arci_node_is_null(node))
        return true;
    ARCI_JSON *object = arci_spec_member(reader, key, node);
    if (!object)
        return false;
    if (arci_route_update_from_json(object, route, &error) == ARCTIC_OK)
        return true;
    arci_spec_fault(reader, node, &error);
    return false;
}

static void find_faults(struct arci_spec_reader *reader, const struct arci_node *mapping)
{
    static const struct arctic_cidr any = {.address = {.family = ARCTIC_FAMILY_IPV4}};
    struct arci_route source = {.priority = 1};
    struct arci_route destination = {.priority = 1};
    struct arci_route priority = {.destination = any, .priority = 1};
    struct arctic_error error;
    arci_spec_check_keys(reader, mapping, keys);
    arci_spec_required(reader, mapping, "priority");
    bool good = read_member(reader, mapping, "source_cidr", &source);
    good = read_member(reader, mapping, "dest_cidr", &destination) && good;
    read_member(reader, mapping, "priority", &priority);
    source.destination = destination.destination;
    if (good && arci_route_validate(&source, &error) < 0) {
        const struct arci_node *node = arci_node_member(mapping, "dest_cidr");
        arci_spec_fault(reader, node && !arci_node_is_null(node) ? node : mapping, &error);
    }
}

/* Where each route that was read stands: items[i] is that of the route with the id i + 1. */
struct places {
    const struct arci_node **items;
    size_t capacity;
};

static void release_places(struct places *places)
{
    free(places->items);
}

static bool note_place(struct places *places, size_t count, const struct arci_node *node)
{
    if (count == places->capacity) {
        size_t capacity = places->capacity ? places->capacity * 2 : 16;
        const struct arci_node **items = realloc(places->items, capacity * sizeof *items);
        if (!items)
            return false;
        places->items = items;
        places->capacity = capacity;
    }
    places->items[count] = node;
    return true;
}

/* Routes get ids in the order of the file; the cluster gives ids of its own. */
static void read_route(struct arci_spec_reader *reader, const struct arci_node *node,
                       struct arci_routes *routes, struct places *places)
{
    struct arci_route route;
    struct arctic_error error;
    if (!arci_spec_is(reader, node, ARCI_NODE_MAPPING))
        return;
    if (!all_scalars(node) || !read_whole(reader, node, &route)) {
        find_faults(reader, node);
        return;
    }
    route.id = routes->count + 1;
    if (!note_place(places, routes->count, node))
        reader->no_memory = true;
    else if (arci_routes_append(routes, &route, &error) < 0)
        arci_spec_fault(reader, node, &error);
}

static int by_rule_and_id(const void *a, const void *b)
{
    const struct arci_route *left = a;
    const struct arci_route *right = b;
    int order = arci_route_compare(left, right);
    return order != 0 ? order : (left->id > right->id) - (left->id < right->id);
}

static void check_unique(struct arci_spec_reader *reader, const struct places *places,
                         const struct arci_routes *routes)
{
    ARCI_CLEANUP(arci_routes_release) struct arci_routes sorted = {0};
    if (arci_routes_copy(routes, &sorted, NULL) < 0) {
        reader->no_memory = true;
        return;
    }
    if (sorted.count > 1)
        qsort(sorted.items, sorted.count, sizeof *sorted.items, by_rule_and_id);
    for (size_t i = 1; i < sorted.count; i++) {
        if (arci_route_compare(&sorted.items[i - 1], &sorted.items[i]) == 0)
            arci_faults_add(reader->faults, places->items[sorted.items[i].id - 1]->place,
                            "the same route as at line %zu",
                            places->items[sorted.items[i - 1].id - 1]->place.line + 1);
    }
}

void arci_spec_read_routes(struct arci_spec_reader *reader, const struct arci_node *sequence,
                           struct arci_routes *routes)
{
    ARCI_CLEANUP(release_places) struct places places = {.items = NULL};
    for (const struct arci_node *node = sequence->first; node && !reader->no_memory; node = node->next)
        read_route(reader, node, routes, &places);
    check_unique(reader, &places, routes);
}
