/* Routes: their rules, their JSON form and the list that a service keeps of them. */
#include "model/route.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "model/members.h"

void arci_routes_release(struct arci_routes *routes)
{
    free(routes->items);
    *routes = (struct arci_routes){0};
}

int arci_routes_copy(const struct arci_routes *routes, struct arci_routes *ret_copy,
                     struct arctic_error *error)
{
    struct arci_routes copy = {0};
    if (routes->count > 0) {
        copy.items = malloc(routes->count * sizeof *copy.items);
        if (!copy.items)
            return arci_fail_memory(error);
        memcpy(copy.items, routes->items, routes->count * sizeof *copy.items);
        copy.count = copy.capacity = routes->count;
    }
    *ret_copy = copy;
    return ARCTIC_OK;
}

int arci_routes_append(struct arci_routes *routes, const struct arci_route *route, struct arctic_error *error)
{
    assert(routes->count == 0 || routes->items[routes->count - 1].id < route->id);
    if (routes->count >= ARCI_ROUTES_MAX)
        return arci_fail(error, ARCTIC_E_LIMIT, "routes", "a service holds at most %d routes",
                         ARCI_ROUTES_MAX);
    if (routes->count == routes->capacity) {
        size_t capacity = routes->capacity ? routes->capacity * 2 : 4;
        struct arci_route *items = realloc(routes->items, capacity * sizeof *items);
        if (!items)
            return arci_fail_memory(error);
        routes->items = items;
        routes->capacity = capacity;
    }
    routes->items[routes->count++] = *route;
    return ARCTIC_OK;
}

struct arci_route *arci_routes_find(struct arci_routes *routes, uint64_t id)
{
    size_t low = 0;
    size_t high = routes->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (routes->items[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < routes->count && routes->items[low].id == id ? &routes->items[low] : NULL;
}

int arci_routes_remove(struct arci_routes *routes, uint64_t id, struct arctic_error *error)
{
    struct arci_route *route = arci_routes_find(routes, id);
    if (!route)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "there is no route %llu", (unsigned long long)id);
    size_t after = routes->count - (size_t)(route - routes->items) - 1;
    memmove(route, route + 1, after * sizeof *route);
    routes->count--;
    return ARCTIC_OK;
}

static int check_priority(int64_t priority, struct arctic_error *error)
{
    if (priority < 1 || priority > INT32_MAX)
        return arci_fail(error, ARCTIC_E_INVALID_PRIORITY, "priority",
                         "priority must be between 1 and %d, not %lld", INT32_MAX, (long long)priority);
    return ARCTIC_OK;
}

int arci_route_validate(const struct arci_route *route, struct arctic_error *error)
{
    uint8_t source = route->source.address.family;
    uint8_t destination = route->destination.address.family;
    if (source == ARCTIC_FAMILY_NONE && destination == ARCTIC_FAMILY_NONE)
        return arci_fail(error, ARCTIC_E_MISSING_FIELD, "dest_cidr",
                         "a route needs source_cidr or dest_cidr (0.0.0.0/0 or ::/0 matches any address)");
    if (source != ARCTIC_FAMILY_NONE && destination != ARCTIC_FAMILY_NONE && source != destination) {
        char source_text[ARCTIC_CIDR_TEXT];
        char destination_text[ARCTIC_CIDR_TEXT];
        return arci_fail(error, ARCTIC_E_INVALID_CIDR, "dest_cidr",
                         "source_cidr %s and dest_cidr %s must be of one family, IPv4 or IPv6",
                         arctic_cidr_format(&route->source, source_text),
                         arctic_cidr_format(&route->destination, destination_text));
    }
    return check_priority(route->priority, error);
}

static int read_priority(const json_t *object, bool required, int32_t *ret_priority,
                         struct arctic_error *error)
{
    int64_t priority = *ret_priority;
    int code = arci_json_integer(object, "priority", required, INT64_MIN, INT64_MAX, &priority, error);
    if (code == ARCTIC_OK)
        code = check_priority(priority, error);
    if (code < 0)
        return code;
    *ret_priority = (int32_t)priority;
    return ARCTIC_OK;
}

static int read_rule(const json_t *object, bool priority_required, struct arci_route *ret_route,
                     struct arctic_error *error)
{
    struct arci_route route = *ret_route;
    int code = arci_read_cidr(object, "source_cidr", arctic_cidr_parse, &route.source, error);
    if (code == ARCTIC_OK)
        code = arci_read_cidr(object, "dest_cidr", arctic_cidr_parse, &route.destination, error);
    if (code == ARCTIC_OK)
        code = read_priority(object, priority_required, &route.priority, error);
    if (code == ARCTIC_OK)
        code = arci_route_validate(&route, error);
    if (code < 0)
        return code;
    *ret_route = route;
    return ARCTIC_OK;
}

static const char *const rule_members[] = {"source_cidr", "dest_cidr", "priority", NULL};

int arci_route_from_json(const json_t *object, struct arci_route *ret_route, struct arctic_error *error)
{
    struct arci_route route = {0};
    if (!json_is_object(object))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "routes", "each route must be an object");
    int code = arci_json_check_members(object, rule_members, error);
    if (code == ARCTIC_OK)
        code = read_rule(object, true, &route, error);
    if (code < 0)
        return code;
    *ret_route = route;
    return ARCTIC_OK;
}

int arci_route_update_from_json(const json_t *object, struct arci_route *route, struct arctic_error *error)
{
    static const char *const clearable[] = {"source_cidr", "dest_cidr", NULL};
    int code = arci_json_check_members(object, rule_members, error);
    if (code == ARCTIC_OK)
        code = arci_refuse_null(object, clearable, error);
    return code < 0 ? code : read_rule(object, false, route, error);
}

json_t *arci_route_to_json(const struct arci_route *route)
{
    ARCI_JSON *object = json_object();
    if (!object || !arci_put_integer(object, "id", (int64_t)route->id) ||
        !arci_put_cidr(object, "source_cidr", &route->source) ||
        !arci_put_cidr(object, "dest_cidr", &route->destination) ||
        !arci_put_integer(object, "priority", route->priority))
        return NULL;
    return arci_steal(object);
}

json_t *arci_routes_to_json(const struct arci_routes *routes)
{
    ARCI_JSON *array = json_array();
    for (size_t i = 0; array && i < routes->count; i++) {
        if (json_array_append_new(array, arci_route_to_json(&routes->items[i])) < 0)
            return NULL;
    }
    return arci_steal(array);
}

/* What one route of several is wrong about: the message says which, the field which member. */
static int fail_in_list(struct arctic_error *error, int code, size_t index, size_t count)
{
    return count > 1 ? arci_fail_within(error, code, "routes[%zu]", index) : code;
}

int arci_routes_from_json(const json_t *body, uint64_t first_id, struct arci_routes *ret_routes,
                          struct arctic_error *error)
{
    static const char *const members[] = {"routes", NULL};
    const json_t *array = NULL;
    int code = arci_json_check_members(body, members, error);
    if (code == ARCTIC_OK)
        code = arci_json_array(body, "routes", true, &array, error);
    if (code < 0)
        return code;
    size_t count = json_array_size(array);
    if (count == 0)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "routes", "'routes' must hold at least one route");
    ARCI_CLEANUP(arci_routes_release) struct arci_routes routes = {0};
    for (size_t i = 0; i < count; i++) {
        struct arci_route route;
        code = arci_route_from_json(json_array_get(array, i), &route, error);
        if (code < 0)
            return fail_in_list(error, code, i, count);
        route.id = first_id + i;
        code = arci_routes_append(&routes, &route, error);
        if (code < 0)
            return code;
    }
    *ret_routes = routes;
    routes = (struct arci_routes){0};
    return ARCTIC_OK;
}

static int route_from_record(const json_t *object, uint64_t lowest_id, struct arci_route *ret_route,
                             struct arctic_error *error)
{
    struct arci_route route = {0};
    int64_t id = 0;
    if (!json_is_object(object))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "routes", "each route must be an object");
    int code = arci_json_integer(object, "id", true, (int64_t)lowest_id, INT64_MAX - 1, &id, error);
    if (code == ARCTIC_OK)
        code = read_rule(object, true, &route, error);
    if (code < 0)
        return code;
    *ret_route = route;
    ret_route->id = (uint64_t)id;
    return ARCTIC_OK;
}

int arci_routes_from_record(const json_t *array, struct arci_routes *ret_routes, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_routes_release) struct arci_routes routes = {0};
    uint64_t lowest_id = 1;
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct arci_route route;
        int code = route_from_record(json_array_get(array, i), lowest_id, &route, error);
        if (code == ARCTIC_OK)
            code = arci_routes_append(&routes, &route, error);
        if (code < 0)
            return code;
        lowest_id = route.id + 1;
    }
    *ret_routes = routes;
    routes = (struct arci_routes){0};
    return ARCTIC_OK;
}
