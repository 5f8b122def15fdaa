/* The rules of the route table, one by one. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include <arctic/match.h>

/* Ids by one character, ordered by it. */
static struct arctic_id service_id(char name)
{
    struct arctic_id id;
    snprintf(id.text, sizeof id.text, "svc_0000000000000000000000000%c", name);
    return id;
}

static struct arctic_cidr cidr(const char *text)
{
    struct arctic_cidr value = {0};
    struct arctic_error error;
    if (text)
        assert_ok(arctic_cidr_parse(text, &value, &error), error);
    return value;
}

static struct arctic_flow flow(const char *source, const char *destination, const char *interface)
{
    struct arctic_flow value = {0};
    struct arctic_error error;
    assert_ok(arctic_address_parse(source, &value.source, &error), error);
    assert_ok(arctic_address_parse(destination, &value.destination, &error), error);
    snprintf(value.interface, sizeof value.interface, "%s", interface);
    return value;
}

struct row {
    char service;
    uint64_t id;
    const char *source;
    const char *destination;
    int32_t priority;
};

static void add_service(struct arctic_route_table *table, char name, const char *interface)
{
    struct arctic_error error;
    struct arctic_id id = service_id(name);
    assert_ok(arctic_route_table_add_service(table, &id, interface, &error), error);
}

static void add(struct arctic_route_table *table, const struct row *row)
{
    struct arctic_error error;
    struct arctic_id id = service_id(row->service);
    struct arctic_cidr source = cidr(row->source);
    struct arctic_cidr destination = cidr(row->destination);
    assert_ok(arctic_route_table_add_route(table, &id, row->id, &source, &destination, row->priority, &error),
              error);
}

static void remove_route(struct arctic_route_table *table, char service, uint64_t id)
{
    struct arctic_error error;
    struct arctic_id name = service_id(service);
    assert_ok(arctic_route_table_remove_route(table, &name, id, &error), error);
}

/* Services A, B and C; C has the interface "mvc". */
static int setup(void **state)
{
    struct arctic_route_table *table;
    struct arctic_error error;
    assert_ok(arctic_route_table_create(&table, &error), error);
    add_service(table, 'A', NULL);
    add_service(table, 'B', "");
    add_service(table, 'C', "mvc");
    *state = table;
    return 0;
}

static int teardown(void **state)
{
    arctic_route_table_free(*state);
    return 0;
}

/* Checks the winner, in both ways of asking; service 0: none. */
static void assert_winner(const struct arctic_route_table *table, const struct arctic_flow *asked,
                          char service, uint64_t route_id)
{
    struct arctic_match match;
    struct arctic_match *rows;
    size_t count;
    int code = arctic_route_table_match(table, asked, &match, NULL);
    assert_int_equal(arctic_route_table_explain(table, asked, &rows, &count, NULL), ARCTIC_OK);
    bool explained = count > 0 && rows[0].reason == ARCTIC_MATCH_WINNER;
    if (!service) {
        assert_int_equal(code, ARCTIC_E_NOT_FOUND);
        assert_false(explained);
    } else {
        struct arctic_id id = service_id(service);
        assert_int_equal(code, ARCTIC_OK);
        assert_string_equal(match.service_id.text, id.text);
        assert_int_equal(match.route_id, route_id);
        assert_true(explained);
        assert_string_equal(rows[0].service_id.text, id.text);
        assert_int_equal(rows[0].route_id, route_id);
        assert_int_equal(rows[0].match_class, match.match_class);
    }
    arctic_match_free(rows);
}

static void test_empty_table_matches_nothing(void **state)
{
    struct arctic_error error = {.code = 7};
    struct arctic_match match;
    struct arctic_flow asked = flow("10.0.0.1", "192.0.2.1", "");
    assert_int_equal(arctic_route_table_match(*state, &asked, &match, &error), ARCTIC_E_NOT_FOUND);
    assert_int_equal(error.code, 7); /* an expected outcome does not touch the error */
    assert_int_equal(arctic_route_table_count(*state), 0);
}

/* The page's "Example ordering (most preferred first)". */
static void test_example_of_the_manual(void **state)
{
    static const struct row rows[] = {
        {'A', 1, "10.1.0.0/16", "192.168.100.0/24", 100},
        {'A', 2, "10.0.0.0/8", "192.168.100.0/24", 200},
        {'A', 3, NULL, "192.168.0.0/16", 100},
    };
    struct arctic_flow specific = flow("10.1.2.3", "192.168.100.5", "");
    struct arctic_flow wider = flow("10.2.2.3", "192.168.100.5", "");
    struct arctic_flow any_source = flow("172.16.0.1", "192.168.100.5", "");
    for (size_t i = 0; i < 3; i++)
        add(*state, &rows[i]);
    assert_winner(*state, &specific, 'A', 1);
    assert_winner(*state, &wider, 'A', 2);
    assert_winner(*state, &any_source, 'A', 3);
    remove_route(*state, 'A', 1);
    assert_winner(*state, &specific, 'A', 2);
    remove_route(*state, 'A', 2);
    assert_winner(*state, &specific, 'A', 3);
    remove_route(*state, 'A', 3);
    assert_winner(*state, &specific, 0, 0);
}

/* Each pair says which of two routes takes 10.1.2.3 -> 192.168.100.5, and the rule by which the other loses. */
static void test_each_rule_of_the_order(void **state)
{
    static const struct {
        struct row winner;
        struct row loser;
        enum arctic_match_reason reason;
    } pairs[] = {
        /* class before length: the widest source with a destination beats the longest source alone */
        {{'B', 9, "0.0.0.0/0", "192.168.100.0/24", 900},
         {'A', 1, "10.1.2.3/32", NULL, 1},
         ARCTIC_MATCH_LOWER_CLASS},
        {{'B', 9, "0.0.0.0/0", "0.0.0.0/0", 900},
         {'A', 1, NULL, "192.168.100.5/32", 1},
         ARCTIC_MATCH_LOWER_CLASS},
        {{'B', 9, "0.0.0.0/0", NULL, 900}, {'A', 1, NULL, "192.168.100.5/32", 1}, ARCTIC_MATCH_LOWER_CLASS},
        /* source length before destination length before priority before ids */
        {{'B', 9, "10.1.0.0/16", "0.0.0.0/0", 900},
         {'A', 1, "10.0.0.0/8", "192.168.100.5/32", 1},
         ARCTIC_MATCH_SHORTER_SOURCE},
        {{'B', 9, "10.0.0.0/8", "192.168.100.0/24", 900},
         {'A', 1, "10.0.0.0/8", "192.168.0.0/16", 1},
         ARCTIC_MATCH_SHORTER_DEST},
        {{'B', 9, "10.0.0.0/8", "192.168.0.0/16", 100},
         {'A', 1, "10.0.0.0/8", "192.168.0.0/16", 101},
         ARCTIC_MATCH_HIGHER_PRIORITY},
        {{'A', 9, "10.0.0.0/8", NULL, 100}, {'B', 1, "10.0.0.0/8", NULL, 100}, ARCTIC_MATCH_LATER_SERVICE},
        {{'A', 1, NULL, "192.168.0.0/16", 100},
         {'A', 2, NULL, "192.168.0.0/16", 100},
         ARCTIC_MATCH_LATER_ROUTE},
        /* a route that does not match loses whatever its rank */
        {{'B', 9, NULL, "0.0.0.0/0", 900},
         {'A', 1, "10.1.2.0/25", "192.168.101.0/24", 1},
         ARCTIC_MATCH_DEST_MISMATCH},
        {{'B', 9, NULL, "0.0.0.0/0", 900},
         {'A', 1, "10.1.2.128/25", "192.168.100.0/24", 1},
         ARCTIC_MATCH_SOURCE_MISMATCH},
        {{'B', 9, NULL, "0.0.0.0/0", 900}, {'A', 1, "::/0", "::/0", 1}, ARCTIC_MATCH_OTHER_FAMILY},
        {{'B', 9, "10.0.0.0/8", NULL, 900}, {'A', 1, NULL, "::/0", 1}, ARCTIC_MATCH_OTHER_FAMILY},
    };
    struct arctic_flow asked = flow("10.1.2.3", "192.168.100.5", "");
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        for (int loser_first = 0; loser_first < 2; loser_first++) {
            struct arctic_match *rows;
            size_t count;
            add(*state, loser_first ? &pairs[i].loser : &pairs[i].winner);
            add(*state, loser_first ? &pairs[i].winner : &pairs[i].loser);
            assert_winner(*state, &asked, pairs[i].winner.service, pairs[i].winner.id);
            assert_int_equal(arctic_route_table_explain(*state, &asked, &rows, &count, NULL), ARCTIC_OK);
            assert_int_equal(count, 3); /* the third is C's interface */
            size_t loser = rows[1].route_id == pairs[i].loser.id ? 1 : 2;
            assert_int_equal(rows[loser].route_id, pairs[i].loser.id);
            if (rows[loser].reason != (int32_t)pairs[i].reason)
                fail_msg("pair %zu: %s, not %s", i, arctic_match_reason_text(rows[loser].reason),
                         arctic_match_reason_text((int32_t)pairs[i].reason));
            assert_int_equal(rows[3 - loser].reason, ARCTIC_MATCH_OTHER_INTERFACE);
            arctic_match_free(rows);
            remove_route(*state, pairs[i].winner.service, pairs[i].winner.id);
            assert_winner(*state, &asked,
                          pairs[i].reason >= ARCTIC_MATCH_LOWER_CLASS ? pairs[i].loser.service : 0,
                          pairs[i].loser.id);
            remove_route(*state, pairs[i].loser.service, pairs[i].loser.id);
        }
    }
}

static void test_explain_order(void **state)
{
    static const struct row rows[] = {
        {'A', 1, NULL, "192.168.0.0/16", 100},         /* third */
        {'A', 2, "10.1.0.0/16", NULL, 100},            /* second */
        {'B', 1, "10.9.0.0/16", NULL, 1},              /* no match */
        {'A', 4, "10.1.0.0/16", "192.168.0.0/16", 100} /* winner */
    };
    static const struct {
        uint64_t route_id;
        int32_t reason;
        int32_t match_class;
    } wanted[] = {
        {4, ARCTIC_MATCH_WINNER, ARCTIC_CLASS_SOURCE_DEST},
        {2, ARCTIC_MATCH_LOWER_CLASS, ARCTIC_CLASS_SOURCE},
        {1, ARCTIC_MATCH_LOWER_CLASS, ARCTIC_CLASS_DEST},
        {1, ARCTIC_MATCH_SOURCE_MISMATCH, ARCTIC_CLASS_SOURCE},
        {0, ARCTIC_MATCH_OTHER_INTERFACE, ARCTIC_CLASS_INTERFACE},
    };
    struct arctic_match *matches;
    size_t count;
    struct arctic_flow asked = flow("10.1.2.3", "192.168.100.5", "eth0");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        add(*state, &rows[i]);
    assert_int_equal(arctic_route_table_explain(*state, &asked, &matches, &count, NULL), ARCTIC_OK);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(matches[i].route_id, wanted[i].route_id);
        assert_int_equal(matches[i].reason, wanted[i].reason);
        assert_int_equal(matches[i].match_class, wanted[i].match_class);
    }
    arctic_match_free(matches);
}

static void test_interface_without_routes_takes_all(void **state)
{
    static const struct row best = {'A', 1, "10.1.2.3/32", "192.168.100.5/32", 1};
    static const struct row own = {'C', 1, NULL, "203.0.113.0/24", 1};
    struct arctic_flow arrived = flow("10.1.2.3", "192.168.100.5", "mvc");
    struct arctic_flow arrived6 = flow("2001:db8::1", "2001:db8::2", "mvc");
    struct arctic_flow elsewhere = flow("10.1.2.3", "192.168.100.5", "eth0");
    add(*state, &best);
    assert_winner(*state, &arrived, 'C', 0);
    assert_winner(*state, &arrived6, 'C', 0);
    assert_winner(*state, &elsewhere, 'A', 1);
    /* With a route it takes what that route matches, and other traffic goes by the other classes. */
    add(*state, &own);
    assert_winner(*state, &arrived, 'A', 1);
    assert_winner(*state, &arrived6, 0, 0);
    remove_route(*state, 'C', 1);
    assert_winner(*state, &arrived, 'C', 0);
}

static void test_interface_beats_every_class(void **state)
{
    static const struct row rows[] = {
        {'A', 1, "10.1.2.3/32", "192.168.100.5/32", 1},
        {'C', 1, NULL, "0.0.0.0/0", 900},
        {'C', 2, NULL, "192.168.0.0/16", 900},
    };
    struct arctic_flow arrived = flow("10.1.2.3", "192.168.100.5", "mvc");
    struct arctic_flow elsewhere = flow("10.9.9.9", "192.168.100.5", "eth0");
    for (size_t i = 0; i < 3; i++)
        add(*state, &rows[i]);
    assert_winner(*state, &arrived, 'C', 2);
    remove_route(*state, 'C', 2);
    assert_winner(*state, &arrived, 'C', 1);
    assert_winner(*state, &elsewhere, 'C', 1); /* its routes match traffic from anywhere */
}

/* Within the interface class absent prefixes rank last, where the other classes would decide by class. */
static void test_interface_ranks_absent_prefixes_last(void **state)
{
    static const struct row order[] = {
        {'C', 1, "10.1.0.0/16", NULL, 900},         {'C', 2, "10.0.0.0/8", "192.168.100.0/24", 100},
        {'C', 3, "0.0.0.0/0", "192.168.0.0/16", 1}, {'C', 4, "0.0.0.0/0", NULL, 1},
        {'C', 5, NULL, "192.168.100.5/32", 1},      {'C', 6, NULL, "0.0.0.0/0", 1},
    };
    struct arctic_flow arrived = flow("10.1.2.3", "192.168.100.5", "mvc");
    size_t count = sizeof order / sizeof order[0];
    for (size_t i = count; i > 0; i--)
        add(*state, &order[i - 1]);
    for (size_t i = 0; i < count; i++) {
        assert_winner(*state, &arrived, 'C', order[i].id);
        remove_route(*state, 'C', order[i].id);
    }
    assert_winner(*state, &arrived, 'C', 0);
}

/* Many routes of one prefix, removed from anywhere in their ranking. */
static void test_next_best_comes_back(void **state)
{
    enum { COUNT = 200 };
    struct arctic_flow asked = flow("10.1.2.3", "192.168.100.5", "");
    for (uint64_t i = 0; i < COUNT; i++)
        add(*state, &(struct row){'A', i + 1, "10.0.0.0/8", NULL, (int32_t)(1 + i * 37 % COUNT)});
    /* Priorities 1..COUNT, each once: remove every odd one first, then from the best on. */
    for (int pass = 0; pass < 2; pass++) {
        for (uint64_t priority = 1 + (uint64_t)pass; priority <= COUNT; priority += 2) {
            uint64_t best = pass == 0 ? 2 : priority;
            uint64_t id = 1;
            uint64_t best_id = 1;
            for (uint64_t i = 0; i < COUNT; i++) {
                id = 1 + i * 37 % COUNT == priority ? i + 1 : id;
                best_id = 1 + i * 37 % COUNT == best ? i + 1 : best_id;
            }
            if (priority > 1)
                assert_winner(*state, &asked, 'A', best_id);
            remove_route(*state, 'A', id);
        }
    }
    assert_winner(*state, &asked, 0, 0);
}

static void test_removing_a_service(void **state)
{
    static const struct row rows[] = {
        {'A', 1, "10.0.0.0/8", "192.168.0.0/16", 1},
        {'A', 2, "10.0.0.0/8", NULL, 1},
        {'A', 3, "2001:db8::/32", NULL, 1},
        {'B', 1, NULL, "192.168.0.0/16", 1},
    };
    struct arctic_flow asked = flow("10.1.2.3", "192.168.100.5", "");
    struct arctic_id a = service_id('A');
    struct arctic_id c = service_id('C');
    struct arctic_error error;
    for (size_t i = 0; i < 4; i++)
        add(*state, &rows[i]);
    assert_winner(*state, &asked, 'A', 1);
    assert_ok(arctic_route_table_remove_service(*state, &a, &error), error);
    assert_winner(*state, &asked, 'B', 1);
    assert_int_equal(arctic_route_table_count(*state), 1);
    /* An interface is free again when its service has gone. */
    assert_ok(arctic_route_table_remove_service(*state, &c, &error), error);
    add_service(*state, 'D', "mvc");
    struct arctic_flow arrived = flow("10.1.2.3", "192.168.100.5", "mvc");
    assert_winner(*state, &arrived, 'D', 0);
}

static void test_wrong_use(void **state)
{
    struct arctic_route_table *table = *state;
    struct arctic_id a = service_id('A');
    struct arctic_id unknown = service_id('Z');
    struct arctic_id broken = {"svc_1"};
    struct arctic_cidr v4 = cidr("10.0.0.0/8");
    struct arctic_cidr v6 = cidr("2001:db8::/32");
    struct arctic_cidr host_bits = {.address = {.family = ARCTIC_FAMILY_IPV4, .bytes = {10, 0, 0, 1}},
                                    .length = 8};
    struct arctic_cidr too_long = {.address = {.family = ARCTIC_FAMILY_IPV4}, .length = 33};
    struct arctic_cidr absent = {0};
    struct arctic_match match;
    size_t matched;
    struct arctic_flow mixed = flow("10.0.0.1", "2001:db8::1", "");
    assert_int_equal(arctic_route_table_add_service(table, &a, NULL, NULL), ARCTIC_E_ALREADY_EXISTS);
    assert_int_equal(arctic_route_table_add_service(table, &unknown, "mvc", NULL), ARCTIC_E_ALREADY_EXISTS);
    assert_int_equal(arctic_route_table_add_service(table, &broken, NULL, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_add_service(table, &unknown, "0123456789abcdef", NULL),
                     ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_remove_service(table, &unknown, NULL), ARCTIC_E_NOT_FOUND);
    assert_int_equal(arctic_route_table_add_route(table, &unknown, 1, &v4, NULL, 1, NULL),
                     ARCTIC_E_NOT_FOUND);
    assert_int_equal(arctic_route_table_add_route(table, &a, 0, &v4, NULL, 1, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_add_route(table, &a, 1, &v4, NULL, 0, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_add_route(table, &a, 1, NULL, NULL, 1, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_add_route(table, &a, 1, &absent, &absent, 1, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_add_route(table, &a, 1, &v4, &v6, 1, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_add_route(table, &a, 1, &host_bits, NULL, 1, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_add_route(table, &a, 1, &too_long, NULL, 1, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_add_route(table, &a, 1, &v4, NULL, 1, NULL), ARCTIC_OK);
    assert_int_equal(arctic_route_table_add_route(table, &a, 1, &v6, NULL, 1, NULL), ARCTIC_E_ALREADY_EXISTS);
    assert_int_equal(arctic_route_table_remove_route(table, &a, 2, NULL), ARCTIC_E_NOT_FOUND);
    assert_int_equal(arctic_route_table_match(table, &mixed, &match, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_match_many(table, &mixed, 1, &match, &matched, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_match_many(table, &mixed, 0, NULL, &matched, NULL), ARCTIC_OK);
    assert_int_equal(arctic_route_table_match_many(table, NULL, 1, &match, &matched, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_match(NULL, &mixed, &match, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_route_table_count(table), 1);
}

/* More prefixes than a counter counts that have their first bits in common and of which most go: the rest is found, longest first. */
static void test_crowds_that_thin_out(void **state)
{
    struct arctic_route_table *table = *state;
    struct arctic_match match;
    size_t matched;
    char text[40];
    add(table, &(struct row){'A', 1000, "10.0.0.0/8", "10.1.2.0/24", 1});
    add(table, &(struct row){'A', 1001, "10.0.0.0/8", "10.1.2.0/26", 1});
    for (unsigned i = 0; i < 64; i++) {
        snprintf(text, sizeof text, "10.1.2.%u/31", 2 * i);
        add(table, &(struct row){'A', i + 1, "10.0.0.0/8", text, 1});
    }
    for (unsigned i = 0; i < 64; i++) {
        if (i % 16 != 5)
            remove_route(table, 'A', i + 1);
    }
    for (unsigned i = 0; i < 128; i++) {
        snprintf(text, sizeof text, "10.1.2.%u", i);
        struct arctic_flow asked = flow("10.9.9.9", text, "");
        uint64_t expected = i / 2 % 16 == 5 ? i / 2 + 1 : i < 64 ? 1001 : 1000;
        assert_winner(table, &asked, 'A', expected);
        assert_int_equal(arctic_route_table_match_many(table, &asked, 1, &match, &matched, NULL), ARCTIC_OK);
        assert_int_equal(match.route_id, expected);
    }
}

static void test_every_reason_has_words(void **state)
{
    (void)state;
    for (int32_t i = ARCTIC_MATCH_WINNER; i <= ARCTIC_MATCH_LATER_ROUTE; i++)
        assert_string_not_equal(arctic_match_reason_text(i), "unknown reason");
    assert_string_equal(arctic_match_reason_text(ARCTIC_MATCH_LATER_ROUTE + 1), "unknown reason");
    assert_string_equal(arctic_match_reason_text(-1), "unknown reason");
}

#define TABLE_TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TABLE_TEST(test_empty_table_matches_nothing),
        TABLE_TEST(test_example_of_the_manual),
        TABLE_TEST(test_each_rule_of_the_order),
        TABLE_TEST(test_explain_order),
        TABLE_TEST(test_interface_without_routes_takes_all),
        TABLE_TEST(test_interface_beats_every_class),
        TABLE_TEST(test_interface_ranks_absent_prefixes_last),
        TABLE_TEST(test_next_best_comes_back),
        TABLE_TEST(test_removing_a_service),
        TABLE_TEST(test_wrong_use),
        TABLE_TEST(test_crowds_that_thin_out),
        cmocka_unit_test(test_every_reason_has_words),
    };
    return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
