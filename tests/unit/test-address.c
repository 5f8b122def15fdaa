/* Addresses, prefixes and endpoints: what operators type and what they are told when it is wrong. */
#include "tests/unit/unit.h"

#include <arctic/address.h>

#include "base/address.h"

static void assert_cidr_error(const char *text, const char *message)
{
    struct arctic_cidr cidr;
    struct arctic_error error;
    assert_int_equal(arctic_cidr_parse(text, &cidr, &error), ARCTIC_E_INVALID_CIDR);
    assert_string_equal(error.message, message);
}

static void test_cidr_round_trip(void **state)
{
    (void)state;
    static const char *const texts[] = {"0.0.0.0/0",   "10.0.0.0/8",    "192.168.100.0/24", "203.0.113.7/32",
                                        "::/0",        "2001:db8::/32", "fc00::/7",         "2001:db8::1/128",
                                        "128.0.0.0/1", "10.1.2.0/23",   "8000::/1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arctic_cidr cidr;
        char text[ARCTIC_CIDR_TEXT];
        assert_int_equal(arctic_cidr_parse(texts[i], &cidr, NULL), ARCTIC_OK);
        assert_string_equal(arctic_cidr_format(&cidr, text), texts[i]);
    }
}

static void test_cidr_messages_name_the_right_notation(void **state)
{
    (void)state;
    assert_cidr_error("10.1.2.3/8", "10.1.2.3/8: host bits set, did you mean 10.0.0.0/8?");
    assert_cidr_error("2001:db8::1/32", "2001:db8::1/32: host bits set, did you mean 2001:db8::/32?");
    assert_cidr_error(
        "10.0.0.0",
        "10.0.0.0: no prefix length, use slash notation such as 10.0.0.0/32 for this one address");
    assert_cidr_error("10.0.0.0/33", "10.0.0.0/33: the prefix length must be a number from 0 to 32");
    assert_cidr_error("::/129", "::/129: the prefix length must be a number from 0 to 128");
    assert_cidr_error("10.0.0.0/", "10.0.0.0/: the prefix length must be a number from 0 to 32");
    assert_cidr_error("10.0.0.0/08", "10.0.0.0/08: the prefix length must be a number from 0 to 32");
    assert_cidr_error("10.0.0.0/-1", "10.0.0.0/-1: the prefix length must be a number from 0 to 32");
    assert_cidr_error("10.0.0/8", "10.0.0/8: the part before the slash is no IPv4 or IPv6 address");
    assert_cidr_error("", ": not a CIDR, expected address/length such as 10.0.0.0/8 or 2001:db8::/32");
}

/* Each of them means something else to some program: here they mean nothing. */
static void test_notations_that_are_refused(void **state)
{
    (void)state;
    static const char *const addresses[] = {
        " 10.0.0.0/8", "10.0.0.0 /8",  "0x0a.0.0.0/8", "010.0.0.0/8",     "10/8",
        "167772160/8", "10.0.0.0.0/8", "[fe80::]/10",  "fe80::1%eth0/64", "1::2::3/64",
        "12345::/16",  "1.2.3.4::/64", "/8",           "10.0.0.256/32",   "\xef\xbc\x91.0.0.0/8",
    };
    static const char *const lengths[] = {
        "10.0.0.0/8 ",   "10.0.0.0/ 8",  "10.0.0.0/+8",
        "10.0.0.0/0x8",  "10.0.0.0/8/8", "10.0.0.0/255.0.0.0",
        "10.0.0.0/0008", "10.0.0.0/256", "10.0.0.0/99999999999999999999",
    };
    char message[256];
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        snprintf(message, sizeof message, "%s: the part before the slash is no IPv4 or IPv6 address",
                 addresses[i]);
        assert_cidr_error(addresses[i], message);
    }
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        snprintf(message, sizeof message, "%s: the prefix length must be a number from 0 to 32", lengths[i]);
        assert_cidr_error(lengths[i], message);
    }
    assert_cidr_error("10.0.0.0/8\n", "10.0.0.0/8?: the prefix length must be a number from 0 to 32");

    static const char *const alone[] = {"",          " 10.0.0.1",    "10.0.0.1 ", "10.1",
                                        "167772161", "0x0a.0.0.1",   "010.0.0.1", "[::1]",
                                        "::1%lo",    "fe80::1%eth0", "::1::2",    "1.2.3.4::"};
    struct arctic_address address;
    for (size_t i = 0; i < sizeof alone / sizeof alone[0]; i++)
        assert_int_equal(arctic_address_parse(alone[i], &address, NULL), ARCTIC_E_INVALID_REQUEST);
    assert_int_equal(arctic_address_parse(NULL, &address, NULL), ARCTIC_E_INVALID_REQUEST);
}

static void test_ipv4_inside_ipv6_is_no_network(void **state)
{
    (void)state;
    struct arctic_cidr cidr;
    assert_cidr_error("::ffff:10.0.0.0/104",
                      "::ffff:10.0.0.0/104: IPv4 inside IPv6, did you mean 10.0.0.0/8?");
    assert_cidr_error("::ffff:a00:1/128", "::ffff:a00:1/128: IPv4 inside IPv6, did you mean 10.0.0.1/32?");
    assert_cidr_error("::ffff:0:0/96", "::ffff:0:0/96: IPv4 inside IPv6, did you mean 0.0.0.0/0?");
    assert_int_equal(arctic_cidr_parse_host("::ffff:1.2.3.4/120", &cidr, NULL), ARCTIC_E_INVALID_CIDR);
    /* Networks around it or beside it are like any other. */
    assert_int_equal(arctic_cidr_parse("::/80", &cidr, NULL), ARCTIC_OK);
    assert_int_equal(arctic_cidr_parse("64:ff9b::/96", &cidr, NULL), ARCTIC_OK);
}

static void test_cidr_host_form_keeps_host_bits(void **state)
{
    (void)state;
    struct arctic_cidr cidr;
    char text[ARCTIC_CIDR_TEXT];
    assert_int_equal(arctic_cidr_parse_host("192.168.100.10/24", &cidr, NULL), ARCTIC_OK);
    assert_string_equal(arctic_cidr_format(&cidr, text), "192.168.100.10/24");
}

static void test_contains(void **state)
{
    (void)state;
    static const struct {
        const char *cidr;
        const char *address;
        bool covered;
    } cases[] = {
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "fe80::1", true},
        {"::/0", "10.0.0.1", false},
        {"10.1.2.0/23", "10.1.3.255", true},
        {"10.1.2.0/23", "10.1.4.0", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arctic_cidr cidr;
        struct arctic_address address;
        assert_int_equal(arctic_cidr_parse(cases[i].cidr, &cidr, NULL), ARCTIC_OK);
        assert_int_equal(arctic_address_parse(cases[i].address, &address, NULL), ARCTIC_OK);
        assert_int_equal(arctic_cidr_contains(&cidr, &address), cases[i].covered);
    }
}

static void test_absent_cidr(void **state)
{
    (void)state;
    struct arctic_cidr none = {0};
    struct arctic_address address;
    char text[ARCTIC_CIDR_TEXT];
    assert_int_equal(arctic_address_parse("10.0.0.1", &address, NULL), ARCTIC_OK);
    assert_false(arctic_cidr_contains(&none, &address));
    assert_string_equal(arctic_cidr_format(&none, text), "");
    assert_true(arctic_cidr_equal(&none, &(struct arctic_cidr){0}));
}

static void test_endpoints(void **state)
{
    (void)state;
    struct arctic_endpoint endpoint;
    char text[ARCTIC_ENDPOINT_TEXT];
    assert_int_equal(arctic_endpoint_parse("192.0.2.1:443", &endpoint, NULL), ARCTIC_OK);
    assert_string_equal(arctic_endpoint_format(&endpoint, text), "192.0.2.1:443");
    assert_int_equal(arctic_endpoint_parse("[2001:db8::1]:65535", &endpoint, NULL), ARCTIC_OK);
    assert_string_equal(arctic_endpoint_format(&endpoint, text), "[2001:db8::1]:65535");
    static const char *const wrong[] = {"192.0.2.1",
                                        "192.0.2.1:0",
                                        "192.0.2.1:65536",
                                        "2001:db8::1:443",
                                        "[2001:db8::1]",
                                        "[2001:db8::1:443",
                                        "host:80",
                                        "192.0.2.1:+80",
                                        ":80",
                                        "[]:80"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(arctic_endpoint_parse(wrong[i], &endpoint, NULL), ARCTIC_E_INVALID_REQUEST);
}

static void test_socket_addresses(void **state)
{
    (void)state;
    static const char *const texts[] = {"192.0.2.1:443", "[2001:db8::1]:61000"};
    for (size_t i = 0; i < 2; i++) {
        struct arctic_endpoint endpoint;
        struct sockaddr_storage storage;
        assert_int_equal(arctic_endpoint_parse(texts[i], &endpoint, NULL), ARCTIC_OK);
        arci_endpoint_to_sockaddr(&endpoint, &storage);
        struct arctic_endpoint back = arci_endpoint_from_sockaddr((struct sockaddr *)&storage);
        assert_true(arci_endpoint_equal(&endpoint, &back));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cidr_round_trip),
        cmocka_unit_test(test_cidr_messages_name_the_right_notation),
        cmocka_unit_test(test_notations_that_are_refused),
        cmocka_unit_test(test_ipv4_inside_ipv6_is_no_network),
        cmocka_unit_test(test_cidr_host_form_keeps_host_bits),
        cmocka_unit_test(test_contains),
        cmocka_unit_test(test_absent_cidr),
        cmocka_unit_test(test_endpoints),
        cmocka_unit_test(test_socket_addresses),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
