/* Routes: rules of a service that say which traffic it takes (reference: at least one CIDR, one family,
 * priority 1..2^31-1). */
#ifndef ARCI_MODEL_ROUTE_H
#define ARCI_MODEL_ROUTE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/address.h>
#include <arctic/error.h>

/* Routes that one service may hold; a request that would exceed it is refused. */
#define ARCI_ROUTES_MAX 200000

struct arci_route {
    uint64_t id;                    /* unique within its service, from 1, never used again */
    struct arctic_cidr source;      /* family NONE: any source */
    struct arctic_cidr destination; /* family NONE: any destination */
    int32_t priority;
};

/* A growing list of routes, ordered by id. Zero-initialised it is empty. */
struct arci_routes {
    struct arci_route *items;
    size_t count;
    size_t capacity;
};

void arci_routes_release(struct arci_routes *routes);
int arci_routes_copy(const struct arci_routes *routes, struct arci_routes *ret_copy,
                     struct arctic_error *error);

/* Appends a route whose id is higher than all there. Errors: ARCTIC_E_LIMIT, ARCTIC_E_NO_MEMORY. */
int arci_routes_append(struct arci_routes *routes, const struct arci_route *route,
                       struct arctic_error *error);

/* Finds a route by id; NULL where there is none. */
struct arci_route *arci_routes_find(struct arci_routes *routes, uint64_t id);

/* Removes a route by id. Errors: ARCTIC_E_NOT_FOUND. */
int arci_routes_remove(struct arci_routes *routes, uint64_t id, struct arctic_error *error);

/*
 * Checks one route as a whole: at least one CIDR (MISSING_FIELD, field "dest_cidr"), both of one family
 * (INVALID_CIDR), priority (INVALID_PRIORITY, field "priority"). Parsed CIDRs have no host bits already.
 */
int arci_route_validate(const struct arci_route *route, struct arctic_error *error);

/*
 * Reads one route of a request: {"source_cidr"?, "dest_cidr"?, "priority"}. Unknown members, wrong types and
 * every rule of arci_route_validate() are errors; the id stays 0.
 */
int arci_route_from_json(const json_t *object, struct arci_route *ret_route, struct arctic_error *error);

/* Applies a partial update of the same members; null clears a CIDR while one remains. *route changes on
 * success only. */
int arci_route_update_from_json(const json_t *object, struct arci_route *route, struct arctic_error *error);

/*
 * Reads the body of POST /v1/services/{id}/routes, {"routes": [...]}, at least one, with ids from `first_id`
 * on. When there are several, a message begins with the one at fault, such as "routes[3]: ". Errors: as
 * above, and ARCTIC_E_LIMIT.
 */
int arci_routes_from_json(const json_t *body, uint64_t first_id, struct arci_routes *ret_routes,
                          struct arctic_error *error);

/* {"id","source_cidr","dest_cidr","priority"}; an absent CIDR is null. NULL when memory runs out. Also the
 * durable form. */
json_t *arci_route_to_json(const struct arci_route *route);
json_t *arci_routes_to_json(const struct arci_routes *routes);

/* Reads the array of a service's durable form; ids must ascend. Members that this version does not know are
 * passed over. */
int arci_routes_from_record(const json_t *array, struct arci_routes *ret_routes, struct arctic_error *error);

#endif
