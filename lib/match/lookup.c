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

/*
 * Goes through source prefixes from longest to shortest. `nested`: the interface's order, in which an absent
 * destination ranks right after any present one of the same source; else the class decides first, and a
 * source-only route waits for the end.
 */
static uint32_t search_sources(const struct arci_prefixes *prefixes, uint32_t number,
                               struct arci_lengths lengths, const struct arci_key *source,
                               const struct arci_key *destination, bool nested)
{
    struct arci_scope scope = arci_scope_of(prefixes, number, ARCI_PREFIX_SOURCE, 0);
    uint32_t source_only = 0;
    uint32_t index;
    while ((index = arci_prefixes_longest(prefixes, &scope, source, &lengths)) != 0) {
        const struct arci_prefix *prefix = arci_prefix_at(prefixes, index);
        uint32_t longest = 0;
        if (prefix->link) {
            struct arci_scope under = arci_scope_of(prefixes, number, ARCI_PREFIX_DEST, index);
            struct arci_lengths left = arci_length_set_load(prefixes, prefix->link);
            longest = arci_prefixes_longest(prefixes, &under, destination, &left);
        }
        if (longest)
            return arci_prefix_at(prefixes, longest)->first;
        if (!source_only)
            source_only = prefix->first;
        if (nested && source_only)
            break;
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
    uint32_t route =
        search_sources(prefixes, number, rules->sources[family].lengths, &source, &destination, nested);
    if (route)
        return route;
    struct arci_scope scope = arci_scope_of(prefixes, number, ARCI_PREFIX_DEST, 0);
    struct arci_lengths left = rules->destinations[family].lengths;
    uint32_t longest = arci_prefixes_longest(prefixes, &scope, &destination, &left);
    return longest ? arci_prefix_at(prefixes, longest)->first : 0;
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
