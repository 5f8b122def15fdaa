/*
 * The route table's own data. Every route is placed in the rules of the whole table; one of a service with an
 * interface is placed once more, in that service's own rules, which decide for flows that arrive there.
 */
#ifndef ARCI_MATCH_TABLE_H
#define ARCI_MATCH_TABLE_H

#include <arctic/match.h>

#include "match/index.h"
#include "match/pool.h"
#include "match/prefix.h"
#include "match/rank.h"

enum arci_family_index {
    ARCI_INDEX_IPV4 = 0,
    ARCI_INDEX_IPV6 = 1,
    ARCI_FAMILIES = 2,
};

/* How many prefixes there are of each length, and of which any. */
struct arci_level {
    uint32_t counts[ARCI_LENGTHS];
    struct arci_lengths lengths;
};

/* What rules have of each family: sources, which lead to their destinations, and destinations for any source. */
struct arci_rules {
    struct arci_level sources[ARCI_FAMILIES];
    struct arci_level destinations[ARCI_FAMILIES];
};

#define ARCI_RULES_OF_TABLE 0 /* number of the rules of the whole table */
#define ARCI_RULES_HIGHEST UINT16_MAX

/* Routes of exactly the same prefixes are a heap (see heap.h): an operator can make many thousand of them. */
struct arci_placed_route {
    uint64_t id;
    int32_t priority;
    uint32_t service : 30;
    uint32_t family : 1; /* enum arci_family_index */
    uint32_t own : 1;    /* placed in the service's own rules */
    uint32_t prefix;     /* of its destination, where it has one, else of its source */
    uint32_t child[2];   /* heap */
    uint32_t parent;
    uint32_t next; /* of the service's placed routes */
    uint32_t previous;
};

struct arci_placed_service {
    struct arctic_id id;
    char interface[ARCTIC_INTERFACE_NAME]; /* "": none */
    uint32_t own;                          /* number of its own rules, 0: it has no interface */
    uint32_t routes;                       /* first of its placed routes */
    uint32_t route_count;
};

struct arctic_route_table {
    struct arci_prefixes prefixes[ARCI_FAMILIES];
    struct arci_rules rules;
    struct arci_pool own_rules; /* struct arci_rules, by their numbers */
    struct arci_pool services;
    struct arci_pool routes;
    struct arci_index service_index;   /* by id */
    struct arci_index interface_index; /* by interface */
    struct arci_index route_index;     /* by service, own rules or not, route id */
    size_t route_count;
    uint64_t seed;
};

static inline struct arci_placed_service *arci_table_service(const struct arctic_route_table *table,
                                                             uint32_t index)
{
    return arci_pool_at(&table->services, index);
}

static inline struct arci_placed_route *arci_table_route(const struct arctic_route_table *table,
                                                         uint32_t index)
{
    return arci_pool_at(&table->routes, index);
}

static inline const struct arci_rules *arci_table_rules(const struct arctic_route_table *table,
                                                        uint32_t number)
{
    return number == ARCI_RULES_OF_TABLE ? &table->rules : arci_pool_at(&table->own_rules, number);
}

/* A service by its id, and a route of one by its own; 0: none. */
uint32_t arci_table_find_service(const struct arctic_route_table *table, const struct arctic_id *id);
uint32_t arci_table_find_route(const struct arctic_route_table *table, uint32_t service, uint64_t id);

/* Service whose interface this is; 0: none. */
uint32_t arci_table_find_interface(const struct arctic_route_table *table, const char *interface);

/* The prefixes of a placed route, as in a struct arctic_match, and what the order needs to know of it. */
void arci_table_describe(const struct arctic_route_table *table, uint32_t route,
                         struct arctic_match *ret_match);

/* The same with the route's `prefix`, for whoever has it at hand and would wait for the memory that says so. */
void arci_table_describe_at(const struct arctic_route_table *table, uint32_t route, uint32_t prefix,
                            struct arctic_match *ret_match);

#endif
