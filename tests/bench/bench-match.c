/*
 * Speed and size of the route table, with two yardsticks beside it: a naive scan over all routes, and a longest-prefix match over the
 * destinations alone, bit by bit (IPv4), which is what a router without sources needs at least. Times are of the processor, so that
 * other work on the machine counts less.
 *
 *     bench-match [routes [4|6|46 [random|sites]]]
 *
 * sites   Networks as operators have them: 1000 sites of one /24 (IPv6: /48) each, destinations with the lengths of the Internet's
 *         routes. Six of ten routes have both, three a destination, one a source. Flows come from the sites.
 * random  Nothing but nesting: every third route has source and destination, every third a source, every third a destination, of even
 *         lengths between 8 and 32 (IPv6: 16 and 64), so that about eight sources cover each address and most have destinations of
 *         their own. The worst that a table of this size does.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arctic/match.h>

#include "tests/unit/random.h"

#define SERVICES 100
#define FLOWS (1u << 20)
#define REPEATS 5
#define BATCH 64
#define SITES 1000
#define NAIVE_FLOWS 40

struct route {
    struct arctic_cidr source;
    struct arctic_cidr destination;
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static struct arctic_address random_address(struct test_random *random, uint8_t family)
{
    struct arctic_address address = {.family = family};
    for (int i = 0; i < (family == ARCTIC_FAMILY_IPV4 ? 4 : 16); i++)
        address.bytes[i] = (uint8_t)test_random_next(random);
    if (family == ARCTIC_FAMILY_IPV6)
        address.bytes[0] = (uint8_t)(0x20 | (address.bytes[0] & 0x1f));
    return address;
}

static void clear_host_bits(struct arctic_cidr *cidr)
{
    unsigned bits = cidr->address.family == ARCTIC_FAMILY_IPV4 ? 32 : 128;
    for (unsigned bit = cidr->length; bit < bits; bit++)
        cidr->address.bytes[bit / 8] = (uint8_t)(cidr->address.bytes[bit / 8] & ~(0x80u >> bit % 8));
}

static struct arctic_cidr random_cidr(struct test_random *random, uint8_t family)
{
    bool ipv4 = family == ARCTIC_FAMILY_IPV4;
    struct arctic_cidr cidr = {.address = random_address(random, family)};
    cidr.length = (uint8_t)(ipv4 ? 8 + test_random_below(random, 25) : 16 + test_random_below(random, 49));
    clear_host_bits(&cidr);
    return cidr;
}

static struct arctic_cidr site(struct test_random *random, uint8_t family)
{
    uint32_t number = test_random_below(random, SITES);
    struct arctic_cidr cidr = {.address = {.family = family}};
    uint8_t *bytes = cidr.address.bytes;
    if (family == ARCTIC_FAMILY_IPV4) {
        cidr.length = 24;
        bytes[0] = 10;
        bytes[1] = (uint8_t)(number >> 8);
        bytes[2] = (uint8_t)number;
    } else {
        cidr.length = 48;
        bytes[0] = 0xfd;
        bytes[4] = (uint8_t)(number >> 8);
        bytes[5] = (uint8_t)number;
    }
    return cidr;
}

/* Shares of a hundred, as in the Internet's table of 2024 (bgp.potaroo.net). */
static struct arctic_cidr internet(struct test_random *random, uint8_t family)
{
    static const uint8_t ipv4[][2] = {{60, 24}, {70, 23}, {82, 22}, {87, 21},
                                      {92, 20}, {95, 19}, {97, 18}, {100, 16}};
    static const uint8_t ipv6[][2] = {{47, 48}, {57, 44}, {69, 40}, {80, 36}, {85, 33}, {97, 32}, {100, 29}};
    const uint8_t(*shares)[2] = family == ARCTIC_FAMILY_IPV4 ? ipv4 : ipv6;
    uint32_t dice = test_random_below(random, 100);
    struct arctic_cidr cidr = {.address = random_address(random, family)};
    while (dice >= (*shares)[0])
        shares++;
    cidr.length = (*shares)[1];
    clear_host_bits(&cidr);
    return cidr;
}

static struct route make_route(struct test_random *random, size_t number, bool sites, uint8_t family)
{
    struct route route = {0};
    if (sites && number % 10 != 0)
        route.destination = internet(random, family);
    if (sites && number % 10 < 7)
        route.source = site(random, family);
    if (!sites && number % 3 != 2)
        route.source = random_cidr(random, family);
    if (!sites && number % 3 != 1)
        route.destination = random_cidr(random, family);
    return route;
}

static struct route *make_routes(struct test_random *random, size_t count, const char *families, bool sites)
{
    struct route *routes = calloc(count, sizeof *routes);
    for (size_t i = 0; routes && i < count; i++) {
        bool ipv4 =
            strcmp(families, "6") != 0 && (strcmp(families, "4") == 0 || test_random_below(random, 2));
        routes[i] = make_route(random, i, sites, ipv4 ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_IPV6);
    }
    return routes;
}

static struct arctic_address inside(struct test_random *random, const struct arctic_cidr *cidr,
                                    uint8_t family)
{
    struct arctic_address address = random_address(random, family);
    for (unsigned bit = 0; cidr->address.family && bit < cidr->length; bit++) {
        uint8_t mask = (uint8_t)(0x80u >> bit % 8);
        address.bytes[bit / 8] =
            (uint8_t)((address.bytes[bit / 8] & ~mask) | (cidr->address.bytes[bit / 8] & mask));
    }
    return address;
}

static struct arctic_flow *make_flows(struct test_random *random, const struct route *routes, size_t count,
                                      bool sites)
{
    static const struct arctic_cidr none;
    struct arctic_flow *flows = calloc(FLOWS, sizeof *flows);
    for (size_t i = 0; flows && i < FLOWS; i++) {
        const struct route *route = &routes[test_random_below(random, (uint32_t)count)];
        bool hit = test_random_below(random, 10) > 0;
        uint8_t family = route->source.address.family | route->destination.address.family;
        struct arctic_cidr source =
            sites && !route->source.address.family ? site(random, family) : route->source;
        flows[i].source = inside(random, hit ? &source : &none, family);
        flows[i].destination = inside(random, hit ? &route->destination : &none, family);
    }
    return flows;
}

static void must(int code, const struct arctic_error *error)
{
    if (code < 0) {
        fprintf(stderr, "bench-match: %s\n", error->message);
        exit(1);
    }
}

static double fill(struct arctic_route_table *table, const struct arctic_id *ids, const struct route *routes,
                   size_t count, struct test_random *random)
{
    struct arctic_error error;
    double start = seconds_now();
    for (size_t i = 0; i < count; i++) {
        int32_t priority = (int32_t)(1 + test_random_below(random, 1000));
        must(arctic_route_table_add_route(table, &ids[i % SERVICES], i + 1, &routes[i].source,
                                          &routes[i].destination, priority, &error),
             &error);
    }
    return seconds_now() - start;
}

static double look_up(const struct arctic_route_table *table, const struct arctic_flow *flows,
                      size_t *ret_hits)
{
    struct arctic_match match;
    size_t hits = 0;
    double start = seconds_now();
    for (size_t i = 0; i < FLOWS; i++)
        hits += arctic_route_table_match(table, &flows[i], &match, NULL) == ARCTIC_OK;
    *ret_hits = hits;
    return seconds_now() - start;
}

static bool contains(const struct arctic_cidr *cidr, const struct arctic_address *address)
{
    return cidr->address.family == ARCTIC_FAMILY_NONE || arctic_cidr_contains(cidr, address);
}

static int order(const struct arctic_cidr *a, const struct arctic_cidr *b)
{
    int first = a->address.family ? a->length : -1;
    int second = b->address.family ? b->length : -1;
    return first - second;
}

/* Whether `a` ranks before `b`: by class, source, destination. */
static bool before(const struct route *a, const struct route *b)
{
    bool both_a = a->source.address.family && a->destination.address.family;
    bool both_b = b->source.address.family && b->destination.address.family;
    if (both_a != both_b)
        return both_a;
    int by_source = order(&a->source, &b->source);
    return by_source ? by_source > 0 : order(&a->destination, &b->destination) > 0;
}

/* Seconds for one flow. */
static double scan(const struct route *routes, size_t count, const struct arctic_flow *flows)
{
    volatile const struct route *last;
    double start = seconds_now();
    for (size_t i = 0; i < NAIVE_FLOWS; i++) {
        const struct route *best = NULL;
        for (size_t j = 0; j < count; j++) {
            uint8_t family = routes[j].source.address.family | routes[j].destination.address.family;
            if (family == flows[i].source.family && contains(&routes[j].source, &flows[i].source) &&
                contains(&routes[j].destination, &flows[i].destination) &&
                (!best || before(&routes[j], best)))
                best = &routes[j];
        }
        last = best;
    }
    (void)last;
    return (seconds_now() - start) / NAIVE_FLOWS;
}

struct bit {
    uint32_t child[2];
    uint32_t route; /* 1 + index, 0: none */
};

static uint32_t ipv4_of(const struct arctic_address *address)
{
    const uint8_t *bytes = address->bytes;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* One node for each bit of each prefix. Returns NULL where memory runs out. */
static struct bit *make_bits(const struct route *routes, size_t count)
{
    size_t used = 1, room = 1;
    for (size_t i = 0; i < count; i++)
        room += routes[i].destination.length;
    struct bit *bits = calloc(room, sizeof *bits);
    for (size_t i = 0; bits && i < count; i++) {
        const struct arctic_cidr *cidr = &routes[i].destination;
        uint32_t node = 0;
        if (cidr->address.family != ARCTIC_FAMILY_IPV4)
            continue;
        for (unsigned bit = 0; bit < cidr->length; bit++) {
            uint32_t *child = &bits[node].child[ipv4_of(&cidr->address) >> (31 - bit) & 1];
            if (!*child)
                *child = (uint32_t)used++;
            node = *child;
        }
        bits[node].route = (uint32_t)i + 1;
    }
    return bits;
}

/* Seconds for one flow, IPv4 destinations alone. */
static double longest_prefix(const struct bit *bits, const struct arctic_flow *flows)
{
    uint32_t sum = 0;
    double start = seconds_now();
    for (size_t i = 0; i < FLOWS; i++) {
        uint32_t address = ipv4_of(&flows[i].destination);
        uint32_t best = 0;
        uint32_t node = 0;
        for (unsigned bit = 0; bit < 32; bit++) {
            node = bits[node].child[address >> (31 - bit) & 1];
            if (!node)
                break;
            best = bits[node].route ? bits[node].route : best;
        }
        sum += best;
    }
    volatile uint32_t kept = sum;
    (void)kept;
    return (seconds_now() - start) / FLOWS;
}

static void print_yardsticks(const struct route *routes, size_t count, const struct arctic_flow *flows)
{
    double one = scan(routes, count, flows);
    printf("naive scan: %.0f lookups/s (%.0f us each)\n", 1 / one, one * 1e6);
    struct bit *bits = flows[0].source.family == ARCTIC_FAMILY_IPV4 ? make_bits(routes, count) : NULL;
    if (bits) {
        one = longest_prefix(bits, flows);
        printf("longest prefix of the destination alone: %.2f million lookups/s (%.0f ns each)\n", 1e-6 / one,
               one * 1e9);
    }
    free(bits);
}

static double look_up_many(const struct arctic_route_table *table, const struct arctic_flow *flows)
{
    static struct arctic_match matches[BATCH];
    size_t matched = 0;
    double start = seconds_now();
    for (size_t i = 0; i < FLOWS; i += BATCH)
        must(arctic_route_table_match_many(table, flows + i, BATCH, matches, &matched, NULL), NULL);
    return seconds_now() - start;
}

static size_t memory_used(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

int main(int argc, char **argv)
{
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    const char *families = argc > 2 ? argv[2] : "4";
    struct test_random random = {1};
    bool sites = argc > 3 ? strcmp(argv[3], "sites") == 0 : true;
    struct route *routes = make_routes(&random, count, families, sites);
    struct arctic_flow *flows = routes && count ? make_flows(&random, routes, count, sites) : NULL;
    if (!flows) {
        fprintf(stderr, "usage: bench-match [routes [4|6|46 [random|sites]]]\n");
        return 1;
    }
    size_t before = memory_used();
    struct arctic_error error;
    struct arctic_route_table *table;
    struct arctic_id ids[SERVICES];
    must(arctic_route_table_create(&table, &error), &error);
    for (int i = 0; i < SERVICES; i++) {
        must(arctic_id_generate(ARCTIC_ID_SERVICE, &ids[i], &error), &error);
        must(arctic_route_table_add_service(table, &ids[i], NULL, &error), &error);
    }
    double filling = fill(table, ids, routes, count, &random);
    printf("%zu routes of IPv%s, %s: %.2f s to add (%.0f ns each), %.1f bytes each\n", count, families,
           sites ? "sites" : "random", filling, filling / (double)count * 1e9,
           (double)(memory_used() - before) / (double)count);
    double best = 1e9;
    size_t hits = 0;
    for (int i = 0; i < REPEATS; i++) {
        double took = look_up(table, flows, &hits);
        best = took < best ? took : best;
    }
    printf("%.2f million lookups/s (%.0f ns each), %.0f %% of them hit\n", FLOWS / best / 1e6,
           best / FLOWS * 1e9, (double)hits * 100 / FLOWS);
    best = 1e9;
    for (int i = 0; i < REPEATS; i++) {
        double took = look_up_many(table, flows);
        best = took < best ? took : best;
    }
    printf("%.2f million lookups/s in batches of %d (%.0f ns each)\n", FLOWS / best / 1e6, BATCH,
           best / FLOWS * 1e9);
    print_yardsticks(routes, count, flows);
    arctic_route_table_free(table);
    free(routes);
    free(flows);
    return 0;
}
