/*
 * The route table against a matcher that is nothing but the text of the rules: it goes through all routes and
 * keeps the better of two. It shares no code with the library's order. Tables, changes and flows are random,
 * from a seed that every failure names; ARCTIC_TEST_SEED repeats one.
 */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arctic/match.h>

#include "match/change.h"
#include "tests/unit/random.h"

#define SERVICES 12
#define ROUTES 400
#define ROUNDS 150
#define CHANGES 12
#define FLOWS 40

struct model_service {
    struct arctic_id id;
    char interface[ARCTIC_INTERFACE_NAME];
    bool present;
};

struct model_route {
    bool present;
    unsigned service;
    uint64_t id;
    struct arctic_cidr source;
    struct arctic_cidr destination;
    int32_t priority;
};

struct world {
    struct test_random random;
    uint64_t seed;
    unsigned families; /* 1: IPv4, 2: IPv6, 3: both */
    struct model_service services[SERVICES];
    struct model_route routes[ROUTES];
    uint64_t next_id;
    struct arctic_route_table *table;
};

static uint32_t below(struct world *world, uint32_t limit)
{
    return test_random_below(&world->random, limit);
}

/* Few distinct values in each byte, so that prefixes nest, repeat and meet. */
static struct arctic_address random_address(struct world *world, uint8_t family)
{
    static const uint8_t values[] = {10, 11, 10, 0, 128, 192, 255, 1};
    struct arctic_address address = {.family = family};
    int size = family == ARCTIC_FAMILY_IPV4 ? 4 : 16;
    for (int i = 0; i < size; i++)
        address.bytes[i] = values[below(world, i == 0 ? 2 : 8)];
    return address;
}

static struct arctic_cidr random_cidr(struct world *world, uint8_t family)
{
    static const uint8_t usual4[] = {0, 8, 15, 16, 17, 24, 31, 32};
    static const uint8_t usual6[] = {0, 16, 32, 33, 48, 64, 127, 128};
    uint8_t bits = family == ARCTIC_FAMILY_IPV4 ? 32 : 128;
    struct arctic_cidr cidr = {.address = random_address(world, family)};
    cidr.length = (family == ARCTIC_FAMILY_IPV4 ? usual4 : usual6)[below(world, 8)];
    if (below(world, 3) == 0)
        cidr.length = (uint8_t)below(world, bits + 1u);
    for (unsigned bit = cidr.length; bit < bits; bit++)
        cidr.address.bytes[bit / 8] = (uint8_t)(cidr.address.bytes[bit / 8] & ~(0x80u >> bit % 8));
    return cidr;
}

static uint8_t random_family(struct world *world)
{
    unsigned families = world->families == 3 ? 1 + below(world, 2) : world->families;
    return families == 1 ? ARCTIC_FAMILY_IPV4 : ARCTIC_FAMILY_IPV6;
}

/* --- the rules of the reference, word by word --- */

static bool covers(const struct arctic_cidr *cidr, const struct arctic_address *address)
{
    if (cidr->address.family == ARCTIC_FAMILY_NONE)
        return true;
    if (cidr->address.family != address->family)
        return false;
    for (unsigned bit = 0; bit < cidr->length; bit++) {
        unsigned difference = (unsigned)(cidr->address.bytes[bit / 8] ^ address->bytes[bit / 8]);
        if (difference & (0x80u >> bit % 8))
            return false;
    }
    return true;
}

static bool arrived_on(const struct model_service *service, const struct arctic_flow *flow)
{
    return service->interface[0] && strcmp(service->interface, flow->interface) == 0;
}

/* 1 interface, 2 source and destination, 3 source, 4 destination. */
static int class_of(const struct world *world, const struct model_route *route,
                    const struct arctic_flow *flow)
{
    if (arrived_on(&world->services[route->service], flow))
        return 1;
    if (route->source.address.family && route->destination.address.family)
        return 2;
    return route->source.address.family ? 3 : 4;
}

static int length_of(const struct arctic_cidr *cidr)
{
    return cidr->address.family ? cidr->length : -1;
}

static bool first_wins(const struct world *world, const struct model_route *a, const struct model_route *b,
                       const struct arctic_flow *flow)
{
    int class_a = class_of(world, a, flow);
    int class_b = class_of(world, b, flow);
    if (class_a != class_b)
        return class_a < class_b;
    if (length_of(&a->source) != length_of(&b->source))
        return length_of(&a->source) > length_of(&b->source);
    if (length_of(&a->destination) != length_of(&b->destination))
        return length_of(&a->destination) > length_of(&b->destination);
    if (a->priority != b->priority)
        return a->priority < b->priority;
    if (a->service != b->service)
        return strcmp(world->services[a->service].id.text, world->services[b->service].id.text) < 0;
    return a->id < b->id;
}

static const struct model_route *naive_match(const struct world *world, const struct arctic_flow *flow,
                                             const struct model_service **ret_takes_all)
{
    const struct model_route *best = NULL;
    unsigned routes_of[SERVICES] = {0};
    *ret_takes_all = NULL;
    for (size_t i = 0; i < ROUTES; i++) {
        const struct model_route *route = &world->routes[i];
        if (!route->present)
            continue;
        routes_of[route->service]++;
        uint8_t family =
            route->source.address.family ? route->source.address.family : route->destination.address.family;
        if (family == flow->source.family && covers(&route->source, &flow->source) &&
            covers(&route->destination, &flow->destination) &&
            (!best || first_wins(world, route, best, flow)))
            best = route;
    }
    for (size_t i = 0; i < SERVICES; i++) {
        if (world->services[i].present && arrived_on(&world->services[i], flow) && routes_of[i] == 0)
            *ret_takes_all = &world->services[i];
    }
    return best;
}

/* --- random changes, made to both --- */

static void change_service(struct world *world)
{
    unsigned index = below(world, SERVICES);
    struct model_service *service = &world->services[index];
    struct arctic_error error;
    if (service->present) {
        assert_ok(arctic_route_table_remove_service(world->table, &service->id, &error), error);
        for (size_t i = 0; i < ROUTES; i++)
            world->routes[i].present &= world->routes[i].service != index;
        service->present = false;
        return;
    }
    memset(service->interface, 0, sizeof service->interface);
    if (below(world, 2) == 0)
        snprintf(service->interface, sizeof service->interface, "mv%u", index);
    assert_ok(arctic_route_table_add_service(world->table, &service->id, service->interface, &error), error);
    service->present = true;
}

static void fill_route(struct world *world, struct model_route *route)
{
    const struct model_route *other = &world->routes[below(world, ROUTES)];
    if (other->present && below(world, 3) == 0) {
        route->source = other->source;
        route->destination = other->destination;
    } else {
        uint8_t family = random_family(world);
        unsigned parts = 1 + below(world, 3);
        route->source = parts & 1 ? random_cidr(world, family) : (struct arctic_cidr){0};
        route->destination = parts & 2 ? random_cidr(world, family) : (struct arctic_cidr){0};
    }
    route->priority = (int32_t)(1 + below(world, 3));
    route->id = below(world, 2) ? ++world->next_id : 1000000 - ++world->next_id;
}

static void change_route(struct world *world, bool add)
{
    struct model_route *route = &world->routes[below(world, ROUTES)];
    struct arctic_error error;
    if (route->present && !add) {
        const struct arctic_id *id = &world->services[route->service].id;
        assert_ok(arctic_route_table_remove_route(world->table, id, route->id, &error), error);
        route->present = false;
    } else if (!route->present && add) {
        unsigned service = below(world, SERVICES);
        if (!world->services[service].present)
            return;
        fill_route(world, route);
        route->service = service;
        assert_ok(arctic_route_table_add_route(world->table, &world->services[service].id, route->id,
                                               &route->source, &route->destination, route->priority, &error),
                  error);
        route->present = true;
    }
}

/* An address inside a prefix, or near it. */
static struct arctic_address address_near(struct world *world, const struct arctic_cidr *cidr, uint8_t family)
{
    struct arctic_address address = random_address(world, family);
    if (cidr->address.family != family)
        return address;
    unsigned kept = cidr->length;
    if (kept > 0 && below(world, 6) == 0)
        kept = below(world, kept);
    for (unsigned bit = 0; bit < kept; bit++) {
        uint8_t mask = (uint8_t)(0x80u >> bit % 8);
        address.bytes[bit / 8] =
            (uint8_t)((address.bytes[bit / 8] & ~mask) | (cidr->address.bytes[bit / 8] & mask));
    }
    return address;
}

static struct arctic_flow random_flow(struct world *world)
{
    const struct model_route *route = &world->routes[below(world, ROUTES)];
    const struct model_route *other = below(world, 4) ? route : &world->routes[below(world, ROUTES)];
    uint8_t family = random_family(world);
    if (route->present && below(world, 8))
        family =
            route->source.address.family ? route->source.address.family : route->destination.address.family;
    struct arctic_flow flow = {
        .source = address_near(world, &route->source, family),
        .destination = address_near(world, &other->destination, family),
    };
    if (below(world, 3) == 0)
        snprintf(flow.interface, sizeof flow.interface, "mv%u", below(world, SERVICES + 1));
    return flow;
}

/* --- the comparison --- */

static void describe(char *text, size_t size, const struct world *world, const struct arctic_flow *flow)
{
    char source[ARCTIC_ADDRESS_TEXT];
    char destination[ARCTIC_ADDRESS_TEXT];
    snprintf(text, size, "ARCTIC_TEST_SEED=%llu: %s -> %s on '%s'", (unsigned long long)world->seed,
             arctic_address_format(&flow->source, source),
             arctic_address_format(&flow->destination, destination), flow->interface);
}

static void check_winner(const struct world *world, const struct arctic_flow *flow, const char *where,
                         bool found, const struct arctic_match *got)
{
    const struct model_service *takes_all;
    const struct model_route *wanted = naive_match(world, flow, &takes_all);
    const struct arctic_id *id = takes_all ? &takes_all->id
                                 : wanted  ? &world->services[wanted->service].id
                                           : NULL;
    uint64_t route_id = takes_all ? 0 : wanted ? wanted->id : 0;
    char text[256];
    describe(text, sizeof text, world, flow);
    if (!id && found)
        fail_msg("%s: %s gave %s route %llu, nothing should match", text, where, got->service_id.text,
                 (unsigned long long)got->route_id);
    if (id && !found)
        fail_msg("%s: %s gave nothing, not %s route %llu", text, where, id->text,
                 (unsigned long long)route_id);
    if (id && (!arctic_id_equal(id, &got->service_id) || route_id != got->route_id))
        fail_msg("%s: %s gave %s route %llu, not %s route %llu", text, where, got->service_id.text,
                 (unsigned long long)got->route_id, id->text, (unsigned long long)route_id);
    if (wanted && !takes_all) {
        assert_true(arctic_cidr_equal(&wanted->source, &got->source));
        assert_true(arctic_cidr_equal(&wanted->destination, &got->destination));
        assert_int_equal(wanted->priority, got->priority);
        assert_int_equal(class_of(world, wanted, flow), got->match_class + 1);
    }
}

static void check_explain(const struct world *world, const struct arctic_flow *flow)
{
    struct arctic_match *rows;
    size_t count;
    struct arctic_error error;
    assert_ok(arctic_route_table_explain(world->table, flow, &rows, &count, &error), error);
    bool found = count > 0 && rows[0].reason == ARCTIC_MATCH_WINNER;
    check_winner(world, flow, "explain", found, &rows[0]);
    size_t routes = 0;
    for (size_t i = 0; i < count; i++) {
        routes += rows[i].route_id != 0;
        assert_true(i == 0 || rows[i].reason != ARCTIC_MATCH_WINNER);
    }
    assert_int_equal(routes, arctic_route_table_count(world->table));
    arctic_match_free(rows);
}

static void check_flow(struct world *world)
{
    struct arctic_flow flow = random_flow(world);
    struct arctic_match match;
    int code = arctic_route_table_match(world->table, &flow, &match, NULL);
    assert_true(code == ARCTIC_OK || code == ARCTIC_E_NOT_FOUND);
    check_winner(world, &flow, "match", code == ARCTIC_OK, &match);
    if (below(world, 10) == 0)
        check_explain(world, &flow);
}

/* More than go side by side, so that batches end in their midst. */
static void check_many(struct world *world)
{
    enum { MOST = 100 };
    struct arctic_flow flows[MOST];
    struct arctic_match matches[MOST];
    struct arctic_error error;
    size_t count = below(world, MOST + 1);
    size_t matched = 0;
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        flows[i] = random_flow(world);
    assert_ok(arctic_route_table_match_many(world->table, flows, count, matches, &matched, &error), error);
    for (size_t i = 0; i < count; i++) {
        struct arctic_match alone = {0};
        found += arctic_route_table_match(world->table, &flows[i], &alone, NULL) == ARCTIC_OK;
        check_winner(world, &flows[i], "match_many", matches[i].service_id.text[0] != '\0', &matches[i]);
        assert_int_equal(matches[i].match_class, alone.match_class);
    }
    assert_int_equal(matched, found);
}

static int compare_route_ids(const void *left, const void *right)
{
    const struct arci_route *a = left;
    const struct arci_route *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

/* Routes of a service go, come from the free ones, change in part or stay. Gives them as the library takes them. */
static size_t redraw_service(struct world *world, unsigned index, struct arci_route *ret_routes)
{
    size_t count = 0;
    for (size_t i = 0; i < ROUTES; i++) {
        struct model_route *route = &world->routes[i];
        if (route->present && route->service == index) {
            route->present = below(world, 5) > 0;
            if (route->present && below(world, 5) == 0)
                route->priority = (int32_t)(1 + below(world, 3));
        } else if (!route->present && below(world, 40) == 0) {
            fill_route(world, route);
            route->service = index;
            route->present = true;
        }
        if (route->present && route->service == index)
            ret_routes[count++] =
                (struct arci_route){route->id, route->source, route->destination, route->priority};
    }
    qsort(ret_routes, count, sizeof *ret_routes, compare_route_ids);
    return count;
}

/* One service becomes another in a copy, which takes the place of the table; the table itself does not change. */
static void change_in_copy(struct world *world)
{
    struct arctic_error error;
    struct world after = *world;
    struct arci_route routes[ROUTES];
    unsigned index = below(&after, SERVICES);
    struct model_service *service = &after.services[index];
    if (!service->present || below(&after, 4) == 0) {
        memset(service->interface, 0, sizeof service->interface);
        if (below(&after, 2))
            snprintf(service->interface, sizeof service->interface, "mv%u", index);
    }
    service->present = true;
    size_t count = redraw_service(&after, index, routes);
    assert_ok(arci_route_table_copy(world->table, &after.table, &error), error);
    assert_ok(
        arci_route_table_set_service(after.table, &service->id, service->interface, routes, count, &error),
        error);
    world->random = after.random;
    for (int i = 0; i < 5; i++)
        check_flow(world);
    arctic_route_table_free(world->table);
    after.random = world->random;
    *world = after;
}

static void run_world(uint64_t seed, unsigned families)
{
    struct world world = {.random = {seed}, .seed = seed, .families = families};
    struct arctic_error error;
    assert_ok(arctic_route_table_create(&world.table, &error), error);
    for (unsigned i = 0; i < SERVICES; i++) {
        /* Ids in an order that is not that of their numbers. */
        snprintf(world.services[i].id.text, sizeof world.services[i].id.text,
                 "svc_0000000000000000000000%02X%02X", i * 5 % SERVICES, i);
    }
    for (unsigned i = 0; i < SERVICES; i++)
        change_service(&world);
    for (unsigned round = 0; round < ROUNDS; round++) {
        /* Tables fill, then shrink to nothing, then fill again. */
        bool filling = round / 30 % 2 == 0;
        for (unsigned i = 0; i < CHANGES * 3; i++)
            change_route(&world, below(&world, 10) < (filling ? 8u : 2u));
        if (below(&world, 5) == 0)
            change_service(&world);
        if (below(&world, 2) == 0)
            change_in_copy(&world);
        for (unsigned i = 0; i < FLOWS; i++)
            check_flow(&world);
        check_many(&world);
    }
    arctic_route_table_free(world.table);
}

static void run_family(unsigned families)
{
    const char *fixed = getenv("ARCTIC_TEST_SEED");
    if (fixed) {
        run_world(strtoull(fixed, NULL, 10), families);
        return;
    }
    for (uint64_t seed = 1; seed <= 4; seed++)
        run_world(seed * 1000 + families, families);
}

static void test_ipv4(void **state)
{
    (void)state;
    run_family(1);
}

static void test_ipv6(void **state)
{
    (void)state;
    run_family(2);
}

static void test_both_families(void **state)
{
    (void)state;
    run_family(3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_both_families),
    };
    return cmocka_run_group_tests_name("match-property", tests, NULL, NULL);
}
