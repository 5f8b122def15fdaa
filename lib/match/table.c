/* Making, filling and ending a route table. */
#include "match/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/secret.h"
#include "match/place.h"

struct route_key {
    uint32_t service;
    uint32_t own;
    uint64_t id;
};

static uint64_t hash_service_id(const struct arctic_route_table *table, const char *id)
{
    return arci_hash_bytes(table->seed, id, strlen(id));
}

static uint64_t hash_route_key(const struct arctic_route_table *table, const struct route_key *key)
{
    return arci_hash_number(arci_hash_number(table->seed, key->id), (uint64_t)key->service << 1 | key->own);
}

static uint64_t hash_service(const void *context, uint32_t item)
{
    const struct arctic_route_table *table = context;
    return hash_service_id(table, arci_table_service(table, item)->id.text);
}

static bool service_matches(const void *context, uint32_t item, const void *key)
{
    return strcmp(arci_table_service(context, item)->id.text, key) == 0;
}

static uint64_t hash_interface(const void *context, uint32_t item)
{
    const struct arctic_route_table *table = context;
    return hash_service_id(table, arci_table_service(table, item)->interface);
}

static bool interface_matches(const void *context, uint32_t item, const void *key)
{
    return strcmp(arci_table_service(context, item)->interface, key) == 0;
}

static uint64_t hash_route(const void *context, uint32_t item)
{
    const struct arci_placed_route *route = arci_table_route(context, item);
    return hash_route_key(context, &(struct route_key){route->service, route->own, route->id});
}

static bool route_matches(const void *context, uint32_t item, const void *wanted)
{
    const struct arci_placed_route *route = arci_table_route(context, item);
    const struct route_key *key = wanted;
    return route->id == key->id && route->service == key->service && route->own == key->own;
}

int arctic_route_table_create(struct arctic_route_table **ret_table, struct arctic_error *error)
{
    if (!ret_table)
        return arci_fail(error, ARCTIC_E_USAGE, "ret_table", "a place for the table is needed");
    ARCI_FREE struct arctic_route_table *table = calloc(1, sizeof *table);
    if (!table)
        return arci_fail_memory(error);
    /* Ids come from other peers: with a secret seed nobody can choose them to collide. */
    int code = arci_random_bytes(&table->seed, sizeof table->seed, error);
    if (code < 0)
        return code;
    arci_prefixes_init(&table->prefixes[ARCI_INDEX_IPV4], ARCTIC_FAMILY_IPV4, table->seed);
    arci_prefixes_init(&table->prefixes[ARCI_INDEX_IPV6], ARCTIC_FAMILY_IPV6, table->seed);
    table->own_rules.item_size = sizeof(struct arci_rules);
    table->services.item_size = sizeof(struct arci_placed_service);
    table->routes.item_size = sizeof(struct arci_placed_route);
    table->service_index =
        (struct arci_index){.context = table, .hash_item = hash_service, .matches = service_matches};
    table->interface_index =
        (struct arci_index){.context = table, .hash_item = hash_interface, .matches = interface_matches};
    table->route_index =
        (struct arci_index){.context = table, .hash_item = hash_route, .matches = route_matches};
    *ret_table = arci_steal(table);
    return ARCTIC_OK;
}

void arctic_route_table_free(struct arctic_route_table *table)
{
    if (!table)
        return;
    for (int i = 0; i < ARCI_FAMILIES; i++)
        arci_prefixes_release(&table->prefixes[i]);
    arci_pool_release(&table->own_rules);
    arci_pool_release(&table->services);
    arci_pool_release(&table->routes);
    arci_index_release(&table->service_index);
    arci_index_release(&table->interface_index);
    arci_index_release(&table->route_index);
    free(table);
}

static uint32_t find_service(const struct arctic_route_table *table, const char *id)
{
    return arci_index_find(&table->service_index, hash_service_id(table, id), id);
}

uint32_t arci_table_find_interface(const struct arctic_route_table *table, const char *interface)
{
    if (!interface[0] || table->interface_index.used == 0)
        return 0;
    return arci_index_find(&table->interface_index, hash_service_id(table, interface), interface);
}

static uint32_t find_route(const struct arctic_route_table *table, uint32_t service, bool own, uint64_t id)
{
    struct route_key key = {service, own, id};
    return arci_index_find(&table->route_index, hash_route_key(table, &key), &key);
}

uint32_t arci_table_find_service(const struct arctic_route_table *table, const struct arctic_id *id)
{
    return find_service(table, id->text);
}

uint32_t arci_table_find_route(const struct arctic_route_table *table, uint32_t service, uint64_t id)
{
    return find_route(table, service, false, id);
}

static int check_service(const struct arctic_id *id, const char *interface, struct arctic_error *error)
{
    struct arctic_id parsed;
    if (!id || !memchr(id->text, '\0', sizeof id->text) ||
        arctic_id_parse(ARCTIC_ID_SERVICE, id->text, &parsed, NULL) < 0 || !arctic_id_equal(id, &parsed))
        return arci_fail(error, ARCTIC_E_USAGE, "service_id", "'%.31s' is no service id", id ? id->text : "");
    if (interface && strnlen(interface, ARCTIC_INTERFACE_NAME) >= ARCTIC_INTERFACE_NAME)
        return arci_fail(error, ARCTIC_E_USAGE, "interface", "interface name '%.40s' is longer than %d bytes",
                         interface, ARCTIC_INTERFACE_NAME - 1);
    return ARCTIC_OK;
}

static int reserve_service(struct arctic_route_table *table, struct arctic_error *error)
{
    int code = arci_pool_reserve(&table->services, 1, error);
    uint32_t highest = arci_pool_highest(&table->services, 1);
    if (code == ARCTIC_OK)
        code = arci_index_reserve(&table->service_index, 1, highest, error);
    return code < 0 ? code : arci_index_reserve(&table->interface_index, 1, highest, error);
}

/* Gives a service its interface, and rules of its own to decide for what arrives there. */
static int give_interface(struct arctic_route_table *table, uint32_t index, const char *interface,
                          struct arctic_error *error)
{
    int code = arci_pool_reserve(&table->own_rules, 1, error);
    if (code == ARCTIC_OK && arci_pool_highest(&table->own_rules, 1) > ARCI_RULES_HIGHEST)
        code = arci_fail(error, ARCTIC_E_LIMIT, "interface",
                         "a table has at most %d services with an interface", ARCI_RULES_HIGHEST);
    if (code < 0)
        return code;
    struct arci_placed_service *service = arci_table_service(table, index);
    service->own = arci_pool_take(&table->own_rules);
    memcpy(service->interface, interface, strlen(interface));
    arci_index_insert(&table->interface_index, index);
    return ARCTIC_OK;
}

int arctic_route_table_add_service(struct arctic_route_table *table, const struct arctic_id *service_id,
                                   const char *interface, struct arctic_error *error)
{
    if (!table)
        return arci_fail(error, ARCTIC_E_USAGE, "table", "a table is needed");
    int code = check_service(service_id, interface, error);
    if (code < 0)
        return code;
    if (find_service(table, service_id->text))
        return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, "service_id", "service %s is in the table already",
                         service_id->text);
    uint32_t other = interface ? arci_table_find_interface(table, interface) : 0;
    if (other)
        return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, "interface",
                         "interface %s belongs to service %s already", interface,
                         arci_table_service(table, other)->id.text);
    code = reserve_service(table, error);
    if (code < 0)
        return code;
    uint32_t index = arci_pool_take(&table->services);
    if (interface && interface[0])
        code = give_interface(table, index, interface, error);
    if (code < 0) {
        arci_pool_give(&table->services, index);
        return code;
    }
    arci_table_service(table, index)->id = *service_id;
    arci_index_insert(&table->service_index, index);
    return ARCTIC_OK;
}

static uint32_t put_route(struct arctic_route_table *table, const struct arci_placed_route *wanted,
                          const struct arctic_cidr *source, const struct arctic_cidr *destination)
{
    uint32_t index = arci_pool_take(&table->routes);
    struct arci_placed_service *service = arci_table_service(table, wanted->service);
    struct arci_placed_route *route = arci_table_route(table, index);
    *route = *wanted;
    route->next = service->routes;
    if (route->next)
        arci_table_route(table, route->next)->previous = index;
    service->routes = index;
    arci_index_insert(&table->route_index, index);
    arci_place(table, index, source, destination);
    return index;
}

static void drop_route(struct arctic_route_table *table, uint32_t index)
{
    struct arci_placed_route *route = arci_table_route(table, index);
    arci_unplace(table, index);
    arci_index_remove(&table->route_index, index);
    if (route->next)
        arci_table_route(table, route->next)->previous = route->previous;
    if (route->previous)
        arci_table_route(table, route->previous)->next = route->next;
    else
        arci_table_service(table, route->service)->routes = route->next;
    if (!route->own) {
        arci_table_service(table, route->service)->route_count--;
        table->route_count--;
    }
    arci_pool_give(&table->routes, index);
}

/* NULL for a prefix that is absent, so that the code behind has one form of it. */
static const struct arctic_cidr *present(const struct arctic_cidr *cidr)
{
    return cidr && cidr->address.family != ARCTIC_FAMILY_NONE ? cidr : NULL;
}

static int check_cidr(const struct arctic_cidr *cidr, const char *name, struct arctic_error *error)
{
    if (!cidr)
        return ARCTIC_OK;
    size_t bits = arci_address_size(cidr->address.family) * 8;
    if (bits == 0 || cidr->length > bits)
        return arci_fail(error, ARCTIC_E_USAGE, name, "the %s is no prefix", name);
    struct arctic_cidr network = {arci_address_mask(&cidr->address, cidr->length), cidr->length};
    if (!arctic_cidr_equal(cidr, &network))
        return arci_fail(error, ARCTIC_E_USAGE, name, "the %s has host bits set", name);
    return ARCTIC_OK;
}

static int check_route(uint64_t id, const struct arctic_cidr *source, const struct arctic_cidr *destination,
                       int32_t priority, struct arctic_error *error)
{
    if (id == 0)
        return arci_fail(error, ARCTIC_E_USAGE, "route_id", "route id 0 is kept for 'no route'");
    if (priority < 1)
        return arci_fail(error, ARCTIC_E_USAGE, "priority", "priority must be 1 or more, not %d", priority);
    if (!source && !destination)
        return arci_fail(error, ARCTIC_E_USAGE, "destination", "a route needs a source or a destination");
    int code = check_cidr(source, "source", error);
    if (code == ARCTIC_OK)
        code = check_cidr(destination, "destination", error);
    if (code < 0)
        return code;
    if (source && destination && source->address.family != destination->address.family)
        return arci_fail(error, ARCTIC_E_USAGE, "destination",
                         "source and destination must be of one family");
    return ARCTIC_OK;
}

/* Takes what memory a route needs, so that placing it cannot fail half-way. */
static int reserve_route(struct arctic_route_table *table, enum arci_family_index family, uint32_t times,
                         struct arctic_error *error)
{
    int code = arci_place_reserve(table, family, times, error);
    if (code == ARCTIC_OK)
        code = arci_pool_reserve(&table->routes, times, error);
    return code < 0 ? code
                    : arci_index_reserve(&table->route_index, times, arci_pool_highest(&table->routes, times),
                                         error);
}

static int require_service(const struct arctic_route_table *table, const struct arctic_id *id,
                           uint32_t *ret_service, struct arctic_error *error)
{
    if (!table || !id || !memchr(id->text, '\0', sizeof id->text))
        return arci_fail(error, ARCTIC_E_USAGE, "service_id", "a table and a service id are needed");
    uint32_t service = find_service(table, id->text);
    if (!service)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, "service_id", "service %s is not in the table", id->text);
    *ret_service = service;
    return ARCTIC_OK;
}

int arctic_route_table_add_route(struct arctic_route_table *table, const struct arctic_id *service_id,
                                 uint64_t route_id, const struct arctic_cidr *source,
                                 const struct arctic_cidr *destination, int32_t priority,
                                 struct arctic_error *error)
{
    uint32_t service = 0;
    source = present(source);
    destination = present(destination);
    int code = require_service(table, service_id, &service, error);
    if (code == ARCTIC_OK)
        code = check_route(route_id, source, destination, priority, error);
    if (code < 0)
        return code;
    if (find_route(table, service, false, route_id))
        return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, "route_id", "service %s has a route %llu already",
                         service_id->text, (unsigned long long)route_id);
    uint8_t family = source ? source->address.family : destination->address.family;
    bool ipv6 = family == ARCTIC_FAMILY_IPV6;
    bool has_interface = arci_table_service(table, service)->interface[0];
    code = reserve_route(table, ipv6 ? ARCI_INDEX_IPV6 : ARCI_INDEX_IPV4, has_interface ? 2 : 1, error);
    if (code < 0)
        return code;
    struct arci_placed_route route = {.id = route_id, .priority = priority, .family = ipv6};
    route.service = service & 0x3fffffff;
    put_route(table, &route, source, destination);
    route.own = true;
    if (has_interface)
        put_route(table, &route, source, destination);
    arci_table_service(table, service)->route_count++;
    table->route_count++;
    return ARCTIC_OK;
}

int arctic_route_table_remove_route(struct arctic_route_table *table, const struct arctic_id *service_id,
                                    uint64_t route_id, struct arctic_error *error)
{
    uint32_t service = 0;
    int code = require_service(table, service_id, &service, error);
    if (code < 0)
        return code;
    uint32_t route = find_route(table, service, false, route_id);
    uint32_t own = find_route(table, service, true, route_id);
    if (!route)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, "route_id", "service %s has no route %llu",
                         service_id->text, (unsigned long long)route_id);
    if (own)
        drop_route(table, own);
    drop_route(table, route);
    return ARCTIC_OK;
}

int arctic_route_table_remove_service(struct arctic_route_table *table, const struct arctic_id *service_id,
                                      struct arctic_error *error)
{
    uint32_t index = 0;
    int code = require_service(table, service_id, &index, error);
    if (code < 0)
        return code;
    struct arci_placed_service *service = arci_table_service(table, index);
    while (service->routes)
        drop_route(table, service->routes);
    if (service->own) {
        arci_index_remove(&table->interface_index, index);
        arci_pool_give(&table->own_rules, service->own);
    }
    arci_index_remove(&table->service_index, index);
    arci_pool_give(&table->services, index);
    return ARCTIC_OK;
}

size_t arctic_route_table_count(const struct arctic_route_table *table)
{
    return table ? table->route_count : 0;
}

void arci_table_describe_at(const struct arctic_route_table *table, uint32_t index, uint32_t prefix_index,
                            struct arctic_match *ret_match)
{
    const struct arci_placed_route *route = arci_table_route(table, index);
    const struct arci_prefixes *prefixes = &table->prefixes[route->family];
    const struct arci_prefix *prefix = arci_prefix_at(prefixes, prefix_index);
    bool has_destination = prefix->kind == ARCI_PREFIX_DEST;
    uint32_t source = has_destination ? prefix->link : prefix_index;
    *ret_match = (struct arctic_match){.route_id = route->id, .priority = route->priority};
    ret_match->service_id = arci_table_service(table, route->service)->id;
    if (has_destination)
        arci_prefixes_cidr(prefixes, prefix_index, &ret_match->destination);
    if (source)
        arci_prefixes_cidr(prefixes, source, &ret_match->source);
}

void arci_table_describe(const struct arctic_route_table *table, uint32_t index,
                         struct arctic_match *ret_match)
{
    arci_table_describe_at(table, index, arci_table_route(table, index)->prefix, ret_match);
}
