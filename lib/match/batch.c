/*
 * Matching many flows: their searches go side by side, each asking for the memory of its next step while the others take theirs. In a table
 * that the caches do not hold a lookup is little but waiting for memory.
 *
 * A search goes in rounds, and every step of a round reads what the one before has asked for: it picks lengths and asks for the filter's
 * words about them; reads these, and asks for the slots of the lengths that may be there; reads the slots, and asks for the prefixes in
 * them; reads these, and goes on from what it has found.
 */
#include <string.h>

#include "base/error.h"
#include "match/flow.h"
#include "match/table.h"

#define LANES 32  /* flows that go side by side: enough to hide memory, few enough for the first cache */
#define GUESSES 2 /* of one flow in a round: few, since most flows end with the longest lengths */
#define PROBES (GUESSES * ARCI_FILTER_LENGTHS)

/* In the order of lookup.c. */
enum stage {
    STAGE_SOURCES,
    STAGE_UNDER_SOURCES, /* destinations of the sources that were found */
    STAGE_DESTINATIONS,  /* for any source */
    STAGE_END,
};

/* Lengths of one scope. */
struct guess {
    struct arci_guess lengths;
    struct arci_scope scope;
};

/* One length asked for. */
struct probe {
    uint64_t hash;
    uint32_t prefix; /* what may be it, 0: unknown yet */
    uint8_t guess;   /* that it comes from */
    bool settled;    /* there is nothing */
    uint8_t length;
};

/* One flow on its way. */
struct lane {
    struct arctic_match *match;
    const struct arci_prefixes *prefixes;
    const struct arci_rules *rules;
    struct arci_key source;
    struct arci_key destination;
    struct arci_lengths lengths; /* of the stage, and not asked for yet */
    struct arci_lengths under;   /* the same of pending[pending_done] */
    struct guess guesses[GUESSES];
    struct probe probes[PROBES];
    uint32_t pending[PROBES]; /* sources that cover the flow and have destinations, longest first */
    uint32_t guess_count;
    uint32_t probe_count;
    uint32_t pending_count;
    uint32_t pending_done;
    uint32_t source_only; /* prefix */
    uint32_t prefix;      /* of the winner, 0: not known or none */
    uint32_t route;       /* the winner */
    uint8_t family;       /* enum arci_family_index */
    uint8_t stage;        /* enum stage */
};

static void begin(const struct arctic_route_table *table, const struct arctic_flow *flow,
                  struct arctic_match *match, struct lane *lane)
{
    uint8_t family = flow->source.family == ARCTIC_FAMILY_IPV6 ? ARCI_INDEX_IPV6 : ARCI_INDEX_IPV4;
    lane->match = match;
    lane->prefixes = &table->prefixes[family];
    lane->rules = &table->rules;
    lane->source = arci_key_from_address(&flow->source);
    lane->destination = arci_key_from_address(&flow->destination);
    lane->lengths = table->rules.sources[family].lengths;
    lane->under = (struct arci_lengths){0};
    lane->pending_count = lane->pending_done = 0;
    lane->source_only = lane->prefix = lane->route = 0;
    lane->family = family;
    lane->stage = STAGE_SOURCES;
}

static const struct arci_key *key_of(const struct lane *lane)
{
    return lane->stage == STAGE_SOURCES ? &lane->source : &lane->destination;
}

static struct arci_scope scope_of(const struct lane *lane, uint32_t source)
{
    enum arci_prefix_kind kind = lane->stage == STAGE_SOURCES ? ARCI_PREFIX_SOURCE : ARCI_PREFIX_DEST;
    return arci_scope_of(lane->prefixes, ARCI_RULES_OF_TABLE, kind, source);
}

/* Picks lengths of one scope as long as there is room. */
static void pick(struct lane *lane, uint32_t source, struct arci_lengths *lengths)
{
    struct arci_scope scope = scope_of(lane, source);
    const struct arci_key *key = key_of(lane);
    while (lane->guess_count < GUESSES && !arci_lengths_empty(lengths)) {
        struct guess *guess = &lane->guesses[lane->guess_count++];
        guess->lengths = arci_guess_begin(lane->prefixes, &scope, key, arci_lengths_take_byte(lengths));
        guess->scope = scope;
    }
}

static void load_under(struct lane *lane)
{
    const struct arci_prefix *source = arci_prefix_at(lane->prefixes, lane->pending[lane->pending_done]);
    lane->under = arci_length_set_load(lane->prefixes, source->link);
}

/* Sources have few destinations each where many nest: several are asked in one round. */
static void pick_under_sources(struct lane *lane)
{
    if (lane->pending_done == 0 && arci_lengths_empty(&lane->under))
        load_under(lane);
    while (lane->pending_done < lane->pending_count && lane->guess_count < GUESSES) {
        pick(lane, lane->pending[lane->pending_done], &lane->under);
        if (!arci_lengths_empty(&lane->under))
            return;
        if (++lane->pending_done < lane->pending_count)
            load_under(lane);
    }
}

static void pick_lengths(struct lane *lane)
{
    lane->guess_count = 0;
    if (lane->stage == STAGE_UNDER_SOURCES) {
        pick_under_sources(lane);
        return;
    }
    lane->pending_count = lane->pending_done = 0;
    pick(lane, 0, &lane->lengths);
}

static void ask(struct lane *lane, uint32_t number)
{
    struct guess *guess = &lane->guesses[number];
    const struct arci_key *key = key_of(lane);
    while (guess->lengths.byte.lengths) {
        struct probe *probe = &lane->probes[lane->probe_count++];
        struct arci_key network;
        probe->length = arci_guess_take(&guess->lengths, &guess->scope, key, &network, &probe->hash);
        probe->guess = (uint8_t)number;
        arci_index_prefetch(&lane->prefixes->index, probe->hash);
    }
}

static void read_guesses(struct lane *lane)
{
    lane->probe_count = 0;
    for (uint32_t i = 0; i < lane->guess_count; i++) {
        arci_guess_read(lane->prefixes, &lane->guesses[i].lengths);
        ask(lane, i);
    }
}

static void read_slots(struct lane *lane)
{
    const struct arci_prefixes *prefixes = lane->prefixes;
    for (uint32_t i = 0; i < lane->probe_count; i++) {
        struct probe *probe = &lane->probes[i];
        bool complete;
        probe->prefix = arci_index_first(&prefixes->index, probe->hash, &complete);
        probe->settled = complete && !probe->prefix;
        arci_prefix_prefetch(prefixes, probe->prefix); /* or prefix 0, which is there too */
    }
}

/* The prefix that was asked for; 0: there is none. */
static uint32_t found(const struct lane *lane, const struct probe *probe)
{
    if (probe->settled)
        return 0;
    const struct arci_scope *scope = &lane->guesses[probe->guess].scope;
    struct arci_key network = arci_key_network(key_of(lane), probe->length);
    if (probe->prefix && arci_prefix_is(lane->prefixes, probe->prefix, scope, &network, probe->length))
        return probe->prefix;
    return arci_prefixes_find(lane->prefixes, scope, &network, probe->length, probe->hash);
}

/* Notes the sources that were found. */
static void take_sources(struct lane *lane)
{
    for (uint32_t i = 0; i < lane->probe_count; i++) {
        uint32_t index = found(lane, &lane->probes[i]);
        if (!index)
            continue;
        const struct arci_prefix *prefix = arci_prefix_at(lane->prefixes, index);
        if (!lane->source_only && prefix->first)
            lane->source_only = index;
        if (!prefix->link)
            continue;
        lane->pending[lane->pending_count++] = index;
        __builtin_prefetch(arci_length_set_at(lane->prefixes, prefix->link));
    }
}

/* The longest destination that was found decides. */
static void take_destination(struct lane *lane)
{
    for (uint32_t i = 0; i < lane->probe_count; i++) {
        lane->prefix = found(lane, &lane->probes[i]);
        if (!lane->prefix)
            continue;
        lane->stage = STAGE_END;
        return;
    }
}

/* Ends a stage that has nothing left to ask. */
static void advance(struct lane *lane)
{
    if (lane->stage == STAGE_UNDER_SOURCES && lane->pending_done == lane->pending_count)
        lane->stage = STAGE_SOURCES;
    if (lane->stage == STAGE_SOURCES && arci_lengths_empty(&lane->lengths)) {
        lane->prefix = lane->source_only;
        lane->stage = lane->prefix ? STAGE_END : STAGE_DESTINATIONS;
        lane->lengths = lane->rules->destinations[lane->family].lengths;
    }
    if (lane->stage == STAGE_DESTINATIONS && arci_lengths_empty(&lane->lengths))
        lane->stage = STAGE_END;
}

/* Asks for what fill() will read of a route, which may lie across two lines of the cache. */
static void take_winner(const struct arctic_route_table *table, struct lane *lane)
{
    lane->route = arci_prefix_at(lane->prefixes, lane->prefix)->first;
    const struct arci_placed_route *route = arci_table_route(table, lane->route);
    __builtin_prefetch(&route->id);
    __builtin_prefetch((const char *)&route->prefix - 1);
}

static void take_probes(const struct arctic_route_table *table, struct lane *lane)
{
    if (lane->stage == STAGE_SOURCES)
        take_sources(lane);
    else
        take_destination(lane);
    if (lane->stage == STAGE_SOURCES && lane->pending_count > 0)
        lane->stage = STAGE_UNDER_SOURCES;
    else
        advance(lane);
    if (lane->stage == STAGE_END && lane->prefix)
        take_winner(table, lane);
}

static void search(const struct arctic_route_table *table, struct lane *lanes, size_t count)
{
    struct lane *going[LANES];
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        advance(&lanes[i]);
        if (lanes[i].stage != STAGE_END)
            going[left++] = &lanes[i];
    }
    while (left > 0) {
        for (size_t i = 0; i < left; i++)
            pick_lengths(going[i]);
        for (size_t i = 0; i < left; i++)
            read_guesses(going[i]);
        for (size_t i = 0; i < left; i++)
            read_slots(going[i]);
        for (size_t i = 0; i < left;) {
            take_probes(table, going[i]);
            if (going[i]->stage == STAGE_END)
                going[i] = going[--left];
            else
                i++;
        }
    }
}

static size_t fill(const struct arctic_route_table *table, const struct lane *lanes, size_t count)
{
    size_t matched = 0;
    for (size_t i = 0; i < count; i++) {
        if (lanes[i].route)
            __builtin_prefetch(arci_table_service(table, arci_table_route(table, lanes[i].route)->service));
    }
    for (size_t i = 0; i < count; i++) {
        struct arctic_match *match = lanes[i].match;
        if (!lanes[i].route) {
            *match = (struct arctic_match){0};
            continue;
        }
        arci_table_describe_at(table, lanes[i].route, lanes[i].prefix, match);
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
    struct lane lanes[LANES];
    size_t matched = 0;
    if (!table || (count > 0 && (!flows || !ret_matches)) || !ret_matched)
        return arci_fail(error, ARCTIC_E_USAGE, "table",
                         "a table, flows and places for the matches are needed");
    int code = check_flows(flows, count, error);
    if (code < 0)
        return code;
    for (size_t i = 0; i < count;) {
        size_t used = 0;
        for (; i < count && used < LANES; i++) {
            if (!match_alone(table, &flows[i], &ret_matches[i], &matched))
                begin(table, &flows[i], &ret_matches[i], &lanes[used++]);
        }
        search(table, lanes, used);
        matched += fill(table, lanes, used);
    }
    *ret_matched = matched;
    return ARCTIC_OK;
}
