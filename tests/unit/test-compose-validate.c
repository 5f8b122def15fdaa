/* Compose files with faults: each is told, all at once, at the line and column where it is. */
#include "tests/unit/unit.h"

#include <string.h>

#include <arctic/compose.h>

#define PEERS                                                                                                \
    "peers:\n"                                                                                               \
    "  - {name: a, address: \"10.0.1.10:8080\"}\n"                                                           \
    "  - {name: b, address: \"10.0.2.10:8080\"}\n"
#define HEAD "version: v1\n" PEERS "services:\n"
/* The service begins at line 6, its further members at line 10. */
#define SERVICE                                                                                              \
    HEAD "  - name: s\n"                                                                                     \
         "    source_peer: a\n"                                                                              \
         "    target_peer: b\n"                                                                              \
         "    transport_type: tcp\n"
#define ROUTES SERVICE "    routes:\n"
#define ROUTE ROUTES "      - {dest_cidr: 10.2.0.0/24, priority: 1}\n"

struct row {
    const char *text;
    const char *faults; /* "line:column: message\n" each; a message is the beginning of one */
};

static struct arctic_compose *load(const char *text)
{
    struct arctic_compose *compose = NULL;
    struct arctic_error error;
    assert_ok(arctic_compose_load(text, strlen(text), &compose, &error), error);
    return compose;
}

static void check_row(const struct row *row)
{
    struct arctic_compose *compose = load(row->text);
    const char *expected = row->faults;
    for (size_t i = 0; i < arctic_compose_fault_count(compose); i++) {
        struct arctic_compose_fault fault = {.size = sizeof fault};
        struct arctic_error error;
        char told[700];
        assert_ok(arctic_compose_fault(compose, i, &fault, &error), error);
        snprintf(told, sizeof told, "%llu:%llu: %s", (unsigned long long)fault.line,
                 (unsigned long long)fault.column, fault.message);
        size_t length = strcspn(expected, "\n");
        if (length == 0 || strncmp(told, expected, length) != 0)
            fail_msg("of\n%s\n'%s' was told, not '%.*s'", row->text, told, (int)length, expected);
        expected += length + 1;
    }
    if (*expected)
        fail_msg("of\n%s\nnot told: %s", row->text, expected);
    arctic_compose_free(compose);
}

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        check_row(&rows[i]);
}

#define CHECK(rows) check_rows((rows), sizeof(rows) / sizeof((rows)[0]))

static void test_valid(void **state)
{
    static const struct row rows[] = {
        {ROUTE, ""},
        {"version: v1\n" PEERS, ""},
        {"version: v1\n" PEERS "services:\n", ""},
        {"version: v1\n" PEERS "services: []\nlicense:\n", ""},
        {"---\nversion: 'v1'\n" PEERS "...\n", ""},
        {"\xef\xbb\xbfversion: v1\r\npeers:\r\n- name: a\r\n  address: h:1\r\n", ""},
        {"{\"version\": \"v1\", \"peers\": [{\"name\": \"a\", \"address\": \"h:1\"}]}", ""},
        {SERVICE "    interface: {enabled: true}\n", ""},
        {SERVICE "    interface: {ipv4: 192.168.100.10/24}\n    fully_transparent: true\n", ""},
        {SERVICE "    interface: {enabled: true, ipv4: , ipv6: \"fd00::1/64\"}\n    qos: {rtt_ms: 10000}\n   "
                 " routes:\n",
         ""},
        {ROUTE "    interface: {enabled: false, ipv4: 192.168.100.10/24}\n", ""},
        {ROUTE "    when_unreachable: block\n    qos:\n    interface:\n", ""},
        {ROUTE "      - {dest_cidr: 10.2.0.0/24, priority: 2}\n      - {source_cidr: \"::/0\", dest_cidr: , "
               "priority: 2147483647}\n",
         ""},
    };
    (void)state;
    CHECK(rows);
    char *text = strdup(arctic_compose_template());
    check_row(&(struct row){text, ""});
    free(text);
}

static void test_not_yaml(void **state)
{
    static const struct row rows[] = {
        {"", "1:1: the file is empty\n"},
        {"# nothing\n", "1:1: the file is empty\n"},
        {"- a\n", "1:1: the file must be a mapping\n"},
        {"version: v1\npeers:\n\t- name: a\n", "3:1: a tab\n"},
        {"version: [v1\n", "2:1: did not find expected ',' or ']'\n"},
        {"version: [v1", "1:13: did not find expected ',' or ']'\n"},
        {"version: v1\nversion: v1\n", "2:1: the key 'version' comes twice\n"},
        {"version: v1\n---\nversion: v1\n", "2:1: a second document begins here\n"},
        {"version: &x v1\n", "1:10: anchors\n"},
        {"version: *x\n", "1:10: aliases\n"},
        {"version: !!str v1\n", "1:10: anchors (&) and tags\n"},
        {"a: {b: ::/0}\n", "1:8: a text that begins with ':' needs quotes\n"},
        {"peers: &p\n  - a\n", "1:8: anchors\n"},
        {"<<: *x\n", "1:5: aliases\n"},
        {"version: |\n  v1\n", "1:10: texts in blocks\n"},
        {"%YAML 1.1\n---\nversion: v1\n", "1:1: directives\n"},
        {"? [a]\n: b\n", "1:3: a key must be a text\n"},
        {"? \n: b\n", "1:2: a key is missing\n"},
        {"version: v1\x01\n", "1:12: the character U+0001\n"},
        {"a: \"\xc3\xa4\xc3\xa4\xff\"\n", "1:7: this is not valid UTF-8\n"},
        {"a: b\xe2\x80\xa8\nc: \xc2\x85\n", "1:5: the character U+2028\n2:4: the character U+0085\n"},
        {"a: [[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]\n", "1:19: nested too deeply\n"},
    };
    (void)state;
    CHECK(rows);
}

static void test_file(void **state)
{
    static const struct row rows[] = {
        {"a: 1\n", "1:1: unknown key 'a', expected one of version\n1:1: 'version' is missing\n1:1: 'peers' "
                   "is missing\n"},
        {"version: v2\n" PEERS, "1:10: version 'v2' is not known\n"},
        {"version: 1\n" PEERS, "1:10: version '1'\n"},
        {"version:\n" PEERS, "1:1: 'version' has no value\n"},
        {"version: v1\nlicense: [x]\n" PEERS, "2:10: 'license' must be a single value, not a sequence\n"},
        {"version: v1\nlicense: 7\n" PEERS, "2:10: 'license' must be\n"},
        {"version: v1\npeers: {}\n", "2:8: 'peers' must be a sequence\n"},
        {"version: v1\npeers: []\n", "2:8: 'peers' must name at least one peer\n"},
        {"version: v1\npeers:\n  - a\n", "3:5: this must be a mapping\n"},
        {"version: v1\npeers:\n  - name: a\n    adress: h:1\n",
         "3:5: 'address' is missing\n4:5: unknown key 'adress', expected\n"},
        {"version: v1\npeers:\n  - {name: 7, address: 10.0.0.1}\n",
         "3:12: 'name' must be\n3:24: '10.0.0.1' is no address such as\n"},
        {"version: v1\npeers:\n  - {name: peer_x, address: h:0}\n",
         "3:12: 'name' must not begin with peer_\n3:29: 'h:0' is no\n"},
        {"version: v1\npeers:\n  - {name: a, address: h:1}\n  - {name: a, address: h:1}\n",
         "4:12: the peer at line 3 is named 'a' already\n4:24: the peer at line 3 has the address h:1 "
         "already\n"},
        {"version: v1\n" PEERS "services: 7\n", "5:11: 'services' must be a sequence\n"},
        {"version: v1\n" PEERS "services:\n  - 7\n", "6:5: this must be a mapping\n"},
    };
    (void)state;
    CHECK(rows);
}

static void test_services(void **state)
{
    static const struct row rows[] = {
        {HEAD "  - nam: s\n", "6:5: unknown key 'nam', expected one of name, source_peer\n6:5: 'name' is "
                              "missing\n6:5: 'source_peer' is missing\n"
                              "6:5: 'target_peer' is missing\n6:5: 'transport_type' is missing\n6:5: the "
                              "service takes no traffic\n"},
        {HEAD
         "  - {name: s, source_peer: a, target_peer: a, transport_type: tcp, interface: {enabled: true}}\n",
         "6:44: source and target are the same peer, 'a'\n"},
        {HEAD
         "  - {name: s, source_peer: c, target_peer: 1, transport_type: udp, interface: {enabled: yes}}\n",
         "6:28: 'source_peer': there is no peer 'c'\n6:44: 'target_peer' must be\n6:63: 'udp' is no "
         "transport\n"
         "6:89: 'enabled' must be true or false\n"},
        {ROUTE
         "  - {name: s, source_peer: a, target_peer: b, transport_type: tcp, interface: {enabled: true}}\n",
         "12:12: the service at line 6 is named 's' already\n"},
        {SERVICE, "6:5: the service takes no traffic\n"},
        {SERVICE "    routes: []\n    interface: {enabled: false}\n", "6:5: the service takes no traffic\n"},
        {SERVICE "    routes: {}\n", "10:13: 'routes' must be a sequence\n"},
        {ROUTE "    fully_transparent: true\n", "12:24: 'fully_transparent' needs an enabled interface\n"},
        {HEAD "  - {name: s, source_peer: a, target_peer: b, transport_type: kcp, fully_transparent: true, "
              "interface: {}}\n",
         "6:87: 'fully_transparent' works with transport_type tcp only, not kcp\n"},
        {ROUTE "    interface: {ipv4: 192.168.100.0/24, ipv6: 10.0.0.1/8, mtu: 3}\n",
         "12:23: 'ipv4': 192.168.100.0/24 is the network itself\n12:47: 'ipv6' must be an IPv6 address\n"
         "12:59: unknown key 'mtu', expected one of enabled, ipv4, ipv6\n"},
        {ROUTE "    interface: {enabled: false, ipv4: 1.2.3.4}\n", "12:39: 1.2.3.4: no prefix length\n"},
        {ROUTE "    interface: true\n", "12:16: 'interface' must be a mapping\n"},
        {ROUTE "    qos: {bandwidth_limit_mbps: 1000001, rtt_ms: 10001, memory_limit_kb: -1}\n",
         "12:33: 'bandwidth_limit_mbps' must be between 0 and 1000000, not 1000001\n12:50: 'rtt_ms' must be "
         "between\n"
         "12:74: 'memory_limit_kb' must be between\n"},
        {ROUTE "    qos: {rtt_ms: fast, memory_limit_kb: 010}\n    when_unreachable: panic\n",
         "12:19: 'rtt_ms' must be\n12:42: 'memory_limit_kb' must be\n13:23: 'when_unreachable' must be "
         "step_aside or block\n"},
    };
    (void)state;
    CHECK(rows);
}

static void test_routes(void **state)
{
    static const struct row rows[] = {
        {ROUTES "      - {}\n",
         "11:9: 'priority' is missing\n11:9: a route needs source_cidr or dest_cidr\n"},
        {ROUTES "      - {dest_cidr: 10.1.2.3/8, priority: 100}\n",
         "11:21: 10.1.2.3/8: host bits set, did you mean 10.0.0.0/8?\n"},
        {ROUTES "      - {source_cidr: 10.0.0.0, dest_cidr: \"fe80::1/64\", priority: 0, prio: 1}\n",
         "11:23: 10.0.0.0: no prefix length\n11:44: fe80::1/64: host bits set, did you mean fe80::/64?\n"
         "11:68: priority must be between 1 and 2147483647, not 0\n11:71: unknown key 'prio', expected one "
         "of source_cidr\n"},
        {ROUTES "      - {source_cidr: 10.0.0.0/8, dest_cidr: \"::/0\", priority: 1}\n",
         "11:46: source_cidr 10.0.0.0/8 and dest_cidr ::/0 must be of one family\n"},
        {ROUTES "      - {dest_cidr: [x], priority: \"1\"}\n",
         "11:21: 'dest_cidr' must be a single value, not a sequence\n11:36: 'priority' must be\n"},
        {ROUTES "      - 10.0.0.0/8\n", "11:9: this must be a mapping\n"},
        {ROUTES
         "      - {dest_cidr: 10.2.0.0/24, priority: 1}\n      - {dest_cidr: 10.2.0.0/24, priority: 2}\n"
         "      - {dest_cidr: 10.2.0.0/24, priority: 1}\n",
         "13:9: the same route as at line 11\n"},
    };
    (void)state;
    CHECK(rows);
}

static void test_bounds(void **state)
{
    struct arctic_compose *compose = NULL;
    struct arctic_error error;
    char *text = malloc(ARCTIC_COMPOSE_TEXT_MAX + 1);
    (void)state;
    memset(text, ' ', ARCTIC_COMPOSE_TEXT_MAX + 1);
    assert_int_equal(arctic_compose_load(text, ARCTIC_COMPOSE_TEXT_MAX + 1, &compose, &error),
                     ARCTIC_E_LIMIT);
    assert_int_equal(arctic_compose_load(NULL, 0, &compose, &error), ARCTIC_E_USAGE);
    assert_null(compose);
    /* A mapping of more keys than any has, a key too long, and more faults than are kept. */
    size_t length = 0;
    for (int i = 0; i < 100; i++)
        length += (size_t)sprintf(text + length, "k%d: 1\n", i);
    check_row(&(struct row){text, "65:1: more keys than any mapping\n"});
    length = (size_t)sprintf(text, "%0129d: 1\n", 7);
    check_row(&(struct row){text, "1:1: this key is too long\n"});
    length = (size_t)sprintf(text, "version: v1\npeers:\n");
    for (int i = 0; i < 20000; i++)
        length += (size_t)sprintf(text + length, " - x\n");
    compose = load(text);
    assert_int_equal(arctic_compose_fault_count(compose), 1);
    arctic_compose_free(compose);
    length = (size_t)sprintf(text, "%s", HEAD);
    for (int i = 0; i < 20000; i++)
        length += (size_t)sprintf(text + length, " - x\n");
    compose = load(text);
    assert_int_equal(arctic_compose_fault_count(compose), 10000);
    arctic_compose_free(compose);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_valid),    cmocka_unit_test(test_not_yaml), cmocka_unit_test(test_file),
        cmocka_unit_test(test_services), cmocka_unit_test(test_routes),   cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
