/*
 * Matching many flows: their walks go side by side, each asking for the memory of its next step while the others take theirs. In a table
 * that the caches do not hold a lookup is little but waiting for memory.
 */
#include <string.h>

#include "base/error.h"
#include "match/flow.h"
#include "match/table.h"

enum stage {
    STAGE_LONGER_SOURCES,
    STAGE_SHORTER_SOURCES,
    STAGE_LONGER_DESTINATIONS,
    STAGE_SHORTER_DESTINATIONS,
    STAGE_END,
};

/* One flow on its way; the order of its walks is that of lookup.c. */
struct lane {
    const struct arctic_flow *flow;
    struct arctic_match *match;
    const struct arci_forest *sources;
    const struct arci_forest *destinations;
    struct arci_key source;
    struct arci_key destination;
    struct arci_trie_walk walk;
    uint32_t pending
        [ARCI_TRIE_DEPTH]; /* source prefixes that cover the flow and were not asked yet, shortest first */
    uint32_t pending_count;
    uint32_t source_only;
    uint32_t route;
    enum stage stage;
    bool under_source; /* the walk is over the destinations of one source */
};

static void begin(const struct arctic_route_table *table, const struct arctic_flow *flow,
                  struct arctic_match *match, struct lane *lane)
{
    enum arci_family_index family =
        flow->source.family == ARCTIC_FAMILY_IPV6 ? ARCI_INDEX_IPV6 : ARCI_INDEX_IPV4;
    lane->flow = flow;
    lane->match = match;
    lane->sources = &table->rules.sources[family];
    lane->destinations = &table->rules.destinations[family];
    lane->source = arci_key_from_address(&flow->source);
    lane->destination = arci_key_from_address(&flow->destination);
    lane->walk.tries = &table->tries[family];
    lane->pending_count = 0;
    lane->source_only = lane->route = 0;
    lane->stage = STAGE_LONGER_SOURCES;
    lane->under_source = false;
    arci_forest_prefetch(lane->sources, &lane->source);
    arci_forest_prefetch(lane->destinations, &lane->destination);
}

static bool walk_over(struct lane *lane, uint32_t root, const struct arci_key *key, bool under_source)
{
    lane->walk.root = root;
    lane->walk.key = key;
    lane->under_source = under_source;
    arci_trie_prefetch(lane->walk.tries, root);
    return true;
}

/* The destinations of the next source that has any. */
static bool ask_source(struct lane *lane)
{
    while (lane->pending_count > 0) {
        const struct arci_trie_entry *entry =
            arci_trie_entry(lane->walk.tries, lane->pending[lane->pending_count - 1]);
        if (entry->link)
            return walk_over(lane, entry->link, &lane->destination, true);
        if (!lane->source_only)
            lane->source_only = entry->first;
        lane->pending_count--;
    }
    return false;
}

static uint32_t root_of_stage(const struct lane *lane)
{
    switch (lane->stage) {
    case STAGE_LONGER_SOURCES:
        return arci_forest_longer(lane->sources, &lane->source);
    case STAGE_SHORTER_SOURCES:
        return lane->sources->shorter;
    case STAGE_LONGER_DESTINATIONS:
        return arci_forest_longer(lane->destinations, &lane->destination);
    case STAGE_SHORTER_DESTINATIONS:
        return lane->destinations->shorter;
    case STAGE_END:
        break;
    }
    return 0;
}

/* Finds the flow's next walk; false when its winner, or that it has none, is known. */
static bool next_walk(struct lane *lane)
{
    if (lane->route || ask_source(lane))
        return !lane->route;
    while (lane->stage < STAGE_END) {
        if (lane->stage == STAGE_LONGER_DESTINATIONS && lane->source_only)
            break;
        uint32_t root = root_of_stage(lane);
        const struct arci_key *key =
            lane->stage <= STAGE_SHORTER_SOURCES ? &lane->source : &lane->destination;
        lane->stage++;
        if (root)
            return walk_over(lane, root, key, false);
    }
    lane->route = lane->source_only;
    return false;
}

static void take_walk(struct lane *lane)
{
    const struct arci_trail *trail = &lane->walk.trail;
    uint32_t last = trail->count > 0 ? trail->entries[trail->count - 1] : 0;
    if (!lane->under_source && lane->stage <= STAGE_LONGER_DESTINATIONS) { /* it was over sources */
        memcpy(lane->pending, trail->entries, trail->count * sizeof *lane->pending);
        lane->pending_count = trail->count;
        return;
    }
    if (last) {
        lane->route = arci_trie_entry(lane->walk.tries, last)->first;
        return;
    }
    if (!lane->under_source)
        return;
    uint32_t source = lane->pending[--lane->pending_count];
    if (!lane->source_only)
        lane->source_only = arci_trie_entry(lane->walk.tries, source)->first;
}

static void search(struct lane *lanes, size_t count)
{
    for (;;) {
        struct arci_trie_walk *walks[ARCI_TRIE_WALKS];
        struct lane *walking[ARCI_TRIE_WALKS];
        size_t going = 0;
        for (size_t i = 0; i < count; i++) {
            if (!next_walk(&lanes[i]))
                continue;
            walking[going] = &lanes[i];
            walks[going++] = &lanes[i].walk;
        }
        if (going == 0)
            return;
        arci_trie_walk_many(walks, going);
        for (size_t i = 0; i < going; i++)
            take_walk(walking[i]);
    }
}

/* What arci_table_describe() will read, in the order in which one leads to the next. */
static void prefetch_routes(const struct arctic_route_table *table, const struct lane *lanes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct arci_placed_route *route = arci_table_route(table, lanes[i].route);
        if (!lanes[i].route)
            continue;
        __builtin_prefetch(&route->id);
        __builtin_prefetch(
            &route->entry); /* a quarter of the routes begin in one line of the cache and go on in the next */
    }
    for (size_t i = 0; i < count; i++) {
        const struct arci_placed_route *route = arci_table_route(table, lanes[i].route);
        if (!lanes[i].route)
            continue;
        __builtin_prefetch(arci_table_service(table, route->service));
        __builtin_prefetch(arci_trie_entry(lanes[i].walk.tries, route->entry));
    }
    for (size_t i = 0; i < count; i++) {
        const struct arci_placed_route *route = arci_table_route(table, lanes[i].route);
        if (!lanes[i].route)
            continue;
        const struct arci_trie_entry *entry = arci_trie_entry(lanes[i].walk.tries, route->entry);
        if (entry->kind == ARCI_ENTRY_DEST)
            __builtin_prefetch(arci_trie_entry(lanes[i].walk.tries, entry->link));
    }
}

static size_t fill(const struct arctic_route_table *table, const struct lane *lanes, size_t count)
{
    size_t matched = 0;
    prefetch_routes(table, lanes, count);
    for (size_t i = 0; i < count; i++) {
        struct arctic_match *match = lanes[i].match;
        if (!lanes[i].route) {
            *match = (struct arctic_match){0};
            continue;
        }
        arci_table_describe(table, lanes[i].route, match);
        match->match_class = arci_flow_class(match, false);
        matched++;
    }
    return matched;
}

/* A flow that arrived on a service's interface has rules of its own: it goes alone. */
static bool match_alone(const struct arctic_route_table *table, const struct arctic_flow *flow,
                        struct arctic_match *match, size_t *matched)
{
    if (!arci_table_find_interface(table, flow->interface))
        return false;
    if (arctic_route_table_match(table, flow, match, NULL) == ARCTIC_OK)
        ++*matched;
    else
        *match = (struct arctic_match){0};
    return true;
}

static int check_flows(const struct arctic_flow *flows, size_t count, struct arctic_error *error)
{
    for (size_t i = 0; i < count; i++) {
        int code = arci_flow_check(&flows[i], error);
        if (code < 0)
            return arci_fail_within(error, code, "flows[%zu]", i);
    }
    return ARCTIC_OK;
}

int arctic_route_table_match_many(const struct arctic_route_table *table, const struct arctic_flow *flows,
                                  size_t count, struct arctic_match *ret_matches, size_t *ret_matched,
                                  struct arctic_error *error)
{
    struct lane lanes[ARCI_TRIE_WALKS];
    size_t matched = 0;
    if (!table || (count > 0 && (!flows || !ret_matches)) || !ret_matched)
        return arci_fail(error, ARCTIC_E_USAGE, "table",
                         "a table, flows and places for the matches are needed");
    int code = check_flows(flows, count, error);
    if (code < 0)
        return code;
    for (size_t i = 0; i < count;) {
        size_t used = 0;
        for (; i < count && used < ARCI_TRIE_WALKS; i++) {
            if (!match_alone(table, &flows[i], &ret_matches[i], &matched))
                begin(table, &flows[i], &ret_matches[i], &lanes[used++]);
        }
        search(lanes, used);
        matched += fill(table, lanes, used);
    }
    *ret_matched = matched;
    return ARCTIC_OK;
}
