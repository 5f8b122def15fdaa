/*
 * Route maps. Tuples are sorted by map, so that two sorted lists are walked side by side for every
 * difference.
 */
#include "kernel/nft/ruleset-maps.h"

#include <arpa/inet.h>
#include <string.h>

#include "match/rank.h"

static void append_length(struct arci_buffer *text, int length)
{
    if (length == ARCI_RANK_ABSENT)
        arci_buffer_text(text, "x");
    else
        arci_buffer_format(text, "%d", length);
}

void arci_ruleset_map_name(struct arci_buffer *text, const struct arci_tuple_map *map)
{
    static const char *const classes[] = {"if", "sd", "s", "d"};
    arci_buffer_format(text, "%s%u_", classes[map->match_class], map->family);
    if (map->match_class != ARCTIC_CLASS_DEST)
        append_length(text, map->source_length);
    if (map->match_class == ARCTIC_CLASS_INTERFACE || map->match_class == ARCTIC_CLASS_SOURCE_DEST)
        arci_buffer_text(text, "_");
    if (map->match_class != ARCTIC_CLASS_SOURCE)
        append_length(text, map->destination_length);
}

/* Parts of a key are joined by " . "; `parts` counts those there. */
static void join(struct arci_buffer *text, unsigned *parts)
{
    if ((*parts)++ > 0)
        arci_buffer_text(text, " . ");
}

static void append_type(struct arci_buffer *text, const struct arci_tuple_map *map)
{
    const char *address = map->family == ARCTIC_FAMILY_IPV4 ? "ipv4_addr" : "ipv6_addr";
    unsigned parts = 0;
    if (map->match_class == ARCTIC_CLASS_INTERFACE) {
        join(text, &parts);
        arci_buffer_text(text, "ifname");
    }
    if (map->source_length != ARCI_RANK_ABSENT) {
        join(text, &parts);
        arci_buffer_text(text, address);
    }
    if (map->destination_length != ARCI_RANK_ABSENT) {
        join(text, &parts);
        arci_buffer_text(text, address);
    }
}

static void append_address(struct arci_buffer *text, uint8_t family, const uint8_t *bytes)
{
    char address[INET6_ADDRSTRLEN];
    inet_ntop(family == ARCTIC_FAMILY_IPV4 ? AF_INET : AF_INET6, bytes, address, sizeof address);
    arci_buffer_text(text, address);
}

static void append_mask(struct arci_buffer *text, uint8_t family, int length)
{
    uint8_t mask[16];
    for (int i = 0; i < 16; i++) {
        int bits = length - 8 * i;
        mask[i] = (uint8_t)(bits >= 8 ? 0xff : bits <= 0 ? 0 : 0xff00 >> bits);
    }
    append_address(text, family, mask);
}

static void append_masked(struct arci_buffer *text, const struct arci_tuple_map *map, const char *member,
                          int length, unsigned *parts)
{
    if (length == ARCI_RANK_ABSENT)
        return;
    join(text, parts);
    arci_buffer_format(text, "%s %s & ", map->family == ARCTIC_FAMILY_IPV4 ? "ip" : "ip6", member);
    append_mask(text, map->family, length);
}

static void append_lookup(struct arci_buffer *text, const struct arci_tuple_map *map)
{
    unsigned parts = 0;
    arci_buffer_format(text, "add rule inet arctic route%u ", map->family);
    if (map->match_class == ARCTIC_CLASS_INTERFACE) {
        join(text, &parts);
        arci_buffer_text(text, "iifname");
    }
    append_masked(text, map, "saddr", map->source_length, &parts);
    append_masked(text, map, "daddr", map->destination_length, &parts);
    arci_buffer_text(text, " vmap @");
    arci_ruleset_map_name(text, map);
    arci_buffer_text(text, "\n");
}

/* First tuple of the next map, or the end. */
static size_t next_map(const struct arci_tuples *tuples, size_t at)
{
    const struct arci_tuple_map *map = &tuples->items[at].map;
    size_t end = tuples->count;
    while (at < end) {
        size_t middle = at + (end - at) / 2;
        if (arci_tuple_map_compare(&tuples->items[middle].map, map) <= 0)
            at = middle + 1;
        else
            end = middle;
    }
    return at;
}

/* Calls `visit` for each map of `some` that `others` lacks. */
static void each_map_missing(struct arci_buffer *text, const struct arci_tuples *some,
                             const struct arci_tuples *others,
                             void (*visit)(struct arci_buffer *text, const struct arci_tuple_map *map))
{
    size_t other = 0;
    for (size_t at = 0; at < some->count; at = next_map(some, at)) {
        const struct arci_tuple_map *map = &some->items[at].map;
        while (other < others->count && arci_tuple_map_compare(&others->items[other].map, map) < 0)
            other = next_map(others, other);
        if (other == others->count || arci_tuple_map_compare(&others->items[other].map, map) != 0)
            visit(text, map);
    }
}

static void add_map(struct arci_buffer *text, const struct arci_tuple_map *map)
{
    arci_buffer_text(text, "add map inet arctic ");
    arci_ruleset_map_name(text, map);
    arci_buffer_text(text, " { type ");
    append_type(text, map);
    arci_buffer_text(text, " : verdict; }\n");
}

static void delete_map(struct arci_buffer *text, const struct arci_tuple_map *map)
{
    arci_buffer_text(text, "delete map inet arctic ");
    arci_ruleset_map_name(text, map);
    arci_buffer_text(text, "\n");
}

/* Index of the next map of a family at or after `at`, or the count. */
static size_t seek_family(const struct arci_tuples *tuples, size_t at, uint8_t family)
{
    while (at < tuples->count && tuples->items[at].map.family != family)
        at = next_map(tuples, at);
    return at;
}

static bool same_maps(const struct arci_tuples *a, const struct arci_tuples *b, uint8_t family)
{
    size_t i = seek_family(a, 0, family);
    size_t j = seek_family(b, 0, family);
    while (i < a->count && j < b->count) {
        if (arci_tuple_map_compare(&a->items[i].map, &b->items[j].map) != 0)
            return false;
        i = seek_family(a, next_map(a, i), family);
        j = seek_family(b, next_map(b, j), family);
    }
    return i == a->count && j == b->count;
}

static void rewrite_lookups(struct arci_buffer *text, const struct arci_tuples *tuples, uint8_t family)
{
    arci_buffer_format(text, "flush chain inet arctic route%u\n", family);
    for (size_t at = seek_family(tuples, 0, family); at < tuples->count;
         at = seek_family(tuples, next_map(tuples, at), family))
        append_lookup(text, &tuples->items[at].map);
}

void arci_ruleset_add_maps(struct arci_buffer *text, const struct arci_tuples *from,
                           const struct arci_tuples *to)
{
    static const uint8_t families[] = {ARCTIC_FAMILY_IPV4, ARCTIC_FAMILY_IPV6};
    each_map_missing(text, to, from, add_map);
    for (size_t i = 0; i < 2; i++) {
        if (!same_maps(from, to, families[i]))
            rewrite_lookups(text, to, families[i]);
    }
}

void arci_ruleset_delete_maps(struct arci_buffer *text, const struct arci_tuples *from,
                              const struct arci_tuples *to)
{
    each_map_missing(text, from, to, delete_map);
}

static void append_element(struct arci_buffer *text, const struct arci_tuple *tuple,
                           const struct arctic_id *service)
{
    unsigned parts = 0;
    if (tuple->map.match_class == ARCTIC_CLASS_INTERFACE) {
        join(text, &parts);
        arci_buffer_format(text, "\"%s\"", tuple->interface);
    }
    if (tuple->map.source_length != ARCI_RANK_ABSENT) {
        join(text, &parts);
        append_address(text, tuple->map.family, tuple->source);
    }
    if (tuple->map.destination_length != ARCI_RANK_ABSENT) {
        join(text, &parts);
        append_address(text, tuple->map.family, tuple->destination);
    }
    arci_buffer_format(text, " : goto %s", service->text);
}

/* One command for each run of elements of one map; an element a line, since nft quotes the line at fault. */
struct run {
    struct arci_buffer *text;
    const char *verb;
    const struct arci_tuple_map *map; /* NULL outside a run */
};

static void run_element(struct run *run, const struct arci_tuple *tuple, const struct arctic_id *service)
{
    if (!run->map || arci_tuple_map_compare(run->map, &tuple->map) != 0) {
        arci_buffer_text(run->text, run->map ? " }\n" : "");
        arci_buffer_format(run->text, "%s element inet arctic ", run->verb);
        arci_ruleset_map_name(run->text, &tuple->map);
        arci_buffer_text(run->text, " {\n");
        run->map = &tuple->map;
    } else {
        arci_buffer_text(run->text, ",\n");
    }
    append_element(run->text, tuple, service);
}

/*
 * Whether the same bytes in both plans mean the same services: not where a slot has passed from one to another.
 */
static bool slots_agree(const struct arci_plan *a, const struct arci_plan *b)
{
    for (size_t i = 0; i < a->service_count; i++) {
        const struct arci_plan_service *service = &a->services[i];
        bool taken = service->slot < b->slot_count && b->by_slot[service->slot];
        if (taken && !arctic_id_equal(&arci_plan_of_slot(b, service->slot)->id, &service->id))
            return false;
    }
    return true;
}

/* Steps over tuples that are byte for byte the same, many at a time: nearly all, where one route has changed. */
static void skip_equal(const struct arci_tuples *a, size_t *at_a, const struct arci_tuples *b, size_t *at_b)
{
    enum { STRIDE = 64 };
    while (*at_a + STRIDE <= a->count && *at_b + STRIDE <= b->count &&
           memcmp(&a->items[*at_a], &b->items[*at_b], STRIDE * sizeof *a->items) == 0) {
        *at_a += STRIDE;
        *at_b += STRIDE;
    }
}

/* Whether the element at `at` of `some` is one of `others` too; *other moves on behind where it would be. */
static bool has_element(const struct arci_plan *some, size_t at, const struct arci_plan *others,
                        size_t *other)
{
    const struct arci_tuple *tuple = &some->tuples.items[at];
    const struct arci_tuples *list = &others->tuples;
    while (*other < list->count &&
           (list->items[*other].loses || arci_tuple_compare(&list->items[*other], tuple) < 0))
        ++*other;
    if (*other == list->count || arci_tuple_compare(&list->items[*other], tuple) != 0)
        return false;
    uint16_t slot = list->items[(*other)++].slot;
    return arctic_id_equal(&arci_plan_of_slot(others, slot)->id, &arci_plan_of_slot(some, tuple->slot)->id);
}

/* Writes the elements of `some` that `others` lacks or gives to another service. */
static void elements_missing(struct arci_buffer *text, const char *verb, const struct arci_plan *some,
                             const struct arci_plan *others)
{
    struct run run = {.text = text, .verb = verb};
    bool skip = slots_agree(some, others);
    size_t at = 0;
    size_t other = 0;
    while (at < some->tuples.count) {
        size_t before = at;
        if (skip)
            skip_equal(&some->tuples, &at, &others->tuples, &other);
        if (at != before)
            continue;
        const struct arci_tuple *tuple = &some->tuples.items[at];
        if (!tuple->loses && !has_element(some, at, others, &other))
            run_element(&run, tuple, &arci_plan_of_slot(some, tuple->slot)->id);
        at++;
    }
    if (run.map)
        arci_buffer_text(text, " }\n");
}

void arci_ruleset_change_elements(struct arci_buffer *text, const struct arci_plan *from,
                                  const struct arci_plan *to)
{
    elements_missing(text, "delete", from, to);
    elements_missing(text, "add", to, from);
}
