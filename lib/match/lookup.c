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

/* What a walk over the sources that cover a flow has found. */
struct found {
    uint32_t source_dest; /* route, 0: none */
    uint32_t source_only;
};

/*
 * Goes through source prefixes from longest to shortest. `nested`: the interface's order, in which an absent
 * destination ranks right after any present one of the same source; else the class decides first, and a
 * source-only route waits for the end.
 */
static bool search_sources(const struct arci_tries *tries, uint32_t root, const struct arci_key *source,
                           const struct arci_key *destination, bool nested, struct found *found)
{
    struct arci_trail trail;
    arci_trie_walk(tries, root, source, &trail);
    while (trail.count > 0) {
        const struct arci_trie_entry *entry = arci_trie_entry(tries, trail.entries[--trail.count]);
        uint32_t longest = entry->link ? arci_trie_longest(tries, entry->link, destination) : 0;
        if (longest) {
            found->source_dest = arci_trie_entry(tries, longest)->first;
            return true;
        }
        if (!found->source_only)
            found->source_only = entry->first;
        if (nested && found->source_only)
            return true;
    }
    return false;
}

static uint32_t search_destinations(const struct arci_tries *tries, const struct arci_forest *forest,
                                    const struct arci_key *destination)
{
    uint32_t root = arci_forest_longer(forest, destination);
    uint32_t entry = root ? arci_trie_longest(tries, root, destination) : 0;
    if (!entry && forest->shorter)
        entry = arci_trie_longest(tries, forest->shorter, destination);
    return entry ? arci_trie_entry(tries, entry)->first : 0;
}

static uint32_t search(const struct arctic_route_table *table, const struct arci_rules *rules,
                       enum arci_family_index family, const struct arctic_flow *flow, bool nested)
{
    const struct arci_tries *tries = &table->tries[family];
    const struct arci_forest *sources = &rules->sources[family];
    struct arci_key source = arci_key_from_address(&flow->source);
    struct arci_key destination = arci_key_from_address(&flow->destination);
    struct found found = {0};
    uint32_t longer = arci_forest_longer(sources, &source);
    if (!longer || !search_sources(tries, longer, &source, &destination, nested, &found))
        search_sources(tries, sources->shorter, &source, &destination, nested, &found);
    if (found.source_dest)
        return found.source_dest;
    if (found.source_only)
        return found.source_only;
    return search_destinations(tries, &rules->destinations[family], &destination);
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
    uint32_t route = service ? search(table, &service->own, family, flow, true) : 0;
    bool on_interface = route != 0;
    if (!route)
        route = search(table, &table->rules, family, flow, false);
    if (!route)
        return ARCTIC_E_NOT_FOUND;
    fill_match(table, route, on_interface, ret_match);
    return ARCTIC_OK;
}
