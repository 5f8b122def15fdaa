/*
 * Speed and size of the route table: random routes, random flows of which about nine in ten hit.
 *
 *     bench-match [routes [4|6|46]]
 *
 * Every third route has source and destination, every third a source, every third a destination; lengths are
 * even between 8 and 32 (IPv6: 16 and 64).
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

struct route {
    struct arctic_cidr source;
    struct arctic_cidr destination;
};

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
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

static struct arctic_cidr random_cidr(struct test_random *random, uint8_t family)
{
    bool ipv4 = family == ARCTIC_FAMILY_IPV4;
    struct arctic_cidr cidr = {.address = random_address(random, family)};
    cidr.length = (uint8_t)(ipv4 ? 8 + test_random_below(random, 25) : 16 + test_random_below(random, 49));
    for (unsigned bit = cidr.length; bit < (ipv4 ? 32u : 128u); bit++)
        cidr.address.bytes[bit / 8] = (uint8_t)(cidr.address.bytes[bit / 8] & ~(0x80u >> bit % 8));
    return cidr;
}

static struct route *make_routes(struct test_random *random, size_t count, const char *families)
{
    struct route *routes = calloc(count, sizeof *routes);
    for (size_t i = 0; routes && i < count; i++) {
        bool ipv4 =
            strcmp(families, "6") != 0 && (strcmp(families, "4") == 0 || test_random_below(random, 2));
        uint8_t family = ipv4 ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_IPV6;
        if (i % 3 != 2)
            routes[i].source = random_cidr(random, family);
        if (i % 3 != 1)
            routes[i].destination = random_cidr(random, family);
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

static struct arctic_flow *make_flows(struct test_random *random, const struct route *routes, size_t count)
{
    static const struct arctic_cidr none;
    struct arctic_flow *flows = calloc(FLOWS, sizeof *flows);
    for (size_t i = 0; flows && i < FLOWS; i++) {
        const struct route *route = &routes[test_random_below(random, (uint32_t)count)];
        bool hit = test_random_below(random, 10) > 0;
        uint8_t family = route->source.address.family | route->destination.address.family;
        flows[i].source = inside(random, hit ? &route->source : &none, family);
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
    struct route *routes = make_routes(&random, count, families);
    struct arctic_flow *flows = routes && count ? make_flows(&random, routes, count) : NULL;
    if (!flows) {
        fprintf(stderr, "usage: bench-match [routes [4|6|46]]\n");
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
    printf("%zu routes of IPv%s: %.2f s to add (%.0f ns each), %.1f bytes each\n", count, families, filling,
           filling / (double)count * 1e9, (double)(memory_used() - before) / (double)count);
    double best = 1e9;
    size_t hits = 0;
    for (int i = 0; i < REPEATS; i++) {
        double took = look_up(table, flows, &hits);
        best = took < best ? took : best;
    }
    printf("%.2f million lookups/s (%.0f ns each), %.0f %% of them hit\n", FLOWS / best / 1e6,
           best / FLOWS * 1e9, (double)hits * 100 / FLOWS);
    arctic_route_table_free(table);
    free(routes);
    free(flows);
    return 0;
}
