/* Matching one flow. Nothing here allocates. */
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "match/flow.h"
#include "match/table.h"

int arci_flow_check(const struct arctic_flow *flow, struct arctic_error *error)
{
    if (!flow)
        return arci_fail(error, ARCTIC_E_USAGE, "flow", "a flow is needed");
    if (arci_address_size(flow->source.family) == 0 || flow->source.family != flow->destination.family)
        return arci_fail(error, ARCTIC_E_USAGE, "destination",
                         "source and destination of a flow must be addresses of one family");
    if (flow->interface[0] && !memchr(flow->interface, '\0', sizeof flow->interface))
        return arci_fail(error, ARCTIC_E_USAGE, "interface", "the interface name has no end");
    return ARCTIC_OK;
}

/* The longest prefix of a scope that covers an address; 0: none. */
static uint32_t longest(const struct arci_prefixes *prefixes, const struct arci_scope *scope,
                        const struct arci_key *key, const struct arci_lengths *lengths)
{
    struct arci_search search;
    arci_search_begin(&search, prefixes, scope, key, lengths);
    return arci_search_next(&search);
}

static uint32_t longest_under(const struct arci_prefixes *prefixes, uint32_t source,
                              const struct arci_key *destination)
{
    const struct arci_prefix *prefix = arci_prefix_at(prefixes, source);
    if (!prefix->link)
        return 0;
    struct arci_scope scope = arci_scope_of(prefixes, prefix->rules, ARCI_PREFIX_DEST, source);
    struct arci_lengths lengths = arci_length_set_load(prefixes, prefix->link);
    return longest(prefixes, &scope, destination, &lengths);
}

/*
 * Goes through source prefixes from longest to shortest. `nested`: the interface's order, in which an absent
 * destination ranks right after any present one of the same source; else the class decides first, and a
 * source-only route waits for the end.
 */
static uint32_t search_sources(struct arci_search *sources, const struct arci_key *destination, bool nested)
{
    uint32_t source_only = 0;
    uint32_t source;
    while ((!nested || !source_only) && (source = arci_search_next(sources)) != 0) {
        uint32_t found = longest_under(sources->prefixes, source, destination);
        if (found)
            return arci_prefix_at(sources->prefixes, found)->first;
        if (!source_only)
            source_only = arci_prefix_at(sources->prefixes, source)->first;
    }
    return source_only;
}

static uint32_t search(const struct arctic_route_table *table, uint32_t number, enum arci_family_index family,
                       const struct arctic_flow *flow, bool nested)
{
    const struct arci_prefixes *prefixes = &table->prefixes[family];
    const struct arci_rules *rules = arci_table_rules(table, number);
    struct arci_key source = arci_key_from_address(&flow->source);
    struct arci_key destination = arci_key_from_address(&flow->destination);
    struct arci_scope scope = arci_scope_of(prefixes, number, ARCI_PREFIX_SOURCE, 0);
    struct arci_search sources;
    arci_search_begin(&sources, prefixes, &scope, &source, &rules->sources[family].lengths);
    uint32_t route = search_sources(&sources, &destination, nested);
    if (route)
        return route;
    scope = arci_scope_of(prefixes, number, ARCI_PREFIX_DEST, 0);
    uint32_t found = longest(prefixes, &scope, &destination, &rules->destinations[family].lengths);
    return found ? arci_prefix_at(prefixes, found)->first : 0;
}

static void fill_match(const struct arctic_route_table *table, uint32_t route, bool on_interface,
                       struct arctic_match *ret_match)
{
    arci_table_describe(table, route, ret_match);
    ret_match->match_class = arci_flow_class(ret_match, on_interface);
}

int arctic_route_table_match(const struct arctic_route_table *table, const struct arctic_flow *flow,
                             struct arctic_match *ret_match, struct arctic_error *error)
{
    if (!table || !ret_match)
        return arci_fail(error, ARCTIC_E_USAGE, "table", "a table and a place for the match are needed");
    int code = arci_flow_check(flow, error);
    if (code < 0)
        return code;
    enum arci_family_index family =
        flow->source.family == ARCTIC_FAMILY_IPV6 ? ARCI_INDEX_IPV6 : ARCI_INDEX_IPV4;
    uint32_t owner = arci_table_find_interface(table, flow->interface);
    const struct arci_placed_service *service = owner ? arci_table_service(table, owner) : NULL;
    if (service && service->route_count == 0) {
        *ret_match = (struct arctic_match){.service_id = service->id, .match_class = ARCTIC_CLASS_INTERFACE};
        return ARCTIC_OK;
    }
    uint32_t route = service ? search(table, service->own, family, flow, true) : 0;
    bool on_interface = route != 0;
    if (!route)
        route = search(table, ARCI_RULES_OF_TABLE, family, flow, false);
    if (!route)
        return ARCTIC_E_NOT_FOUND;
    fill_match(table, route, on_interface, ret_match);
    return ARCTIC_OK;
}
