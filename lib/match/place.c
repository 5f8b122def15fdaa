/* Placement of routes. */
#include "match/place.h"

#include "match/heap.h"

int arci_place_reserve(struct arctic_route_table *table, enum arci_family_index family, uint32_t times,
                       struct arctic_error *error)
{
    /* A source and a destination are one new prefix each at most. */
    return arci_prefixes_reserve(&table->prefixes[family], 2 * times, error);
}

static struct arci_rules *rules_at(struct arctic_route_table *table, uint32_t number)
{
    return number == ARCI_RULES_OF_TABLE ? &table->rules : arci_pool_at(&table->own_rules, number);
}

static void count_in(struct arci_level *level, uint8_t length)
{
    if (level->counts[length]++ == 0)
        arci_lengths_add(&level->lengths, length);
}

static void count_out(struct arci_level *level, uint8_t length)
{
    if (--level->counts[length] == 0)
        arci_lengths_remove(&level->lengths, length);
}

static void count_in_source(struct arci_prefixes *prefixes, uint32_t source, uint8_t length)
{
    struct arci_prefix *from = arci_prefix_at(prefixes, source);
    if (!from->link)
        from->link = arci_pool_take(&prefixes->sets);
    struct arci_length_set *set = arci_length_set_at(prefixes, from->link);
    set->bits[length / 64] |= UINT64_C(1) << length % 64;
    set->count++;
}

static void count_out_source(struct arci_prefixes *prefixes, uint32_t source)
{
    struct arci_prefix *from = arci_prefix_at(prefixes, source);
    if (--arci_length_set_at(prefixes, from->link)->count > 0)
        return;
    arci_pool_give(&prefixes->sets, from->link);
    from->link = 0;
}

/* The level that counts a prefix; NULL where a source does. */
static struct arci_level *level_of(struct arci_rules *rules, unsigned family, enum arci_prefix_kind kind,
                                   uint32_t source)
{
    if (kind == ARCI_PREFIX_SOURCE)
        return &rules->sources[family];
    return source ? NULL : &rules->destinations[family];
}

/* Finds or makes a prefix of a route. */
static uint32_t require_prefix(struct arctic_route_table *table, const struct arci_placed_route *route,
                               const struct arctic_cidr *cidr, enum arci_prefix_kind kind, uint32_t source)
{
    struct arci_prefixes *prefixes = &table->prefixes[route->family];
    uint32_t number = route->own ? arci_table_service(table, route->service)->own : ARCI_RULES_OF_TABLE;
    struct arci_scope scope = arci_scope_of(prefixes, number, kind, source);
    struct arci_key network = arci_key_from_address(&cidr->address);
    uint64_t hash = arci_prefix_hash(&scope, &network, cidr->length);
    uint32_t prefix = arci_prefixes_find(prefixes, &scope, &network, cidr->length, hash);
    if (prefix)
        return prefix;
    struct arci_level *level = level_of(rules_at(table, number), route->family, kind, source);
    if (level)
        count_in(level, cidr->length);
    else
        count_in_source(prefixes, source, cidr->length);
    return arci_prefixes_add(prefixes, &scope, &network, cidr->length);
}

void arci_place(struct arctic_route_table *table, uint32_t index, const struct arctic_cidr *source,
                const struct arctic_cidr *destination)
{
    struct arci_placed_route *route = arci_table_route(table, index);
    uint32_t from = source ? require_prefix(table, route, source, ARCI_PREFIX_SOURCE, 0) : 0;
    route->prefix = destination ? require_prefix(table, route, destination, ARCI_PREFIX_DEST, from) : from;
    struct arci_prefix *prefix = arci_prefix_at(&table->prefixes[route->family], route->prefix);
    prefix->first = arci_heap_insert(table, prefix->first, index);
}

/* Takes a prefix out of which no route is left, and its source where that has nothing else. */
static void remove_prefix(struct arctic_route_table *table, unsigned family, uint32_t index)
{
    struct arci_prefixes *prefixes = &table->prefixes[family];
    const struct arci_prefix *prefix = arci_prefix_at(prefixes, index);
    bool is_source = prefix->kind == ARCI_PREFIX_SOURCE;
    uint32_t source = is_source ? 0 : prefix->link;
    struct arci_rules *rules = rules_at(table, prefix->rules);
    struct arci_level *level = level_of(rules, family, (enum arci_prefix_kind)prefix->kind, source);
    if (prefix->first || (is_source && prefix->link))
        return;
    if (level)
        count_out(level, prefix->length);
    else
        count_out_source(prefixes, source);
    arci_prefixes_remove(prefixes, index);
    if (source)
        remove_prefix(table, family, source);
}

void arci_unplace(struct arctic_route_table *table, uint32_t index)
{
    const struct arci_placed_route *route = arci_table_route(table, index);
    struct arci_prefix *prefix = arci_prefix_at(&table->prefixes[route->family], route->prefix);
    prefix->first = arci_heap_remove(table, prefix->first, index);
    remove_prefix(table, route->family, route->prefix);
}
