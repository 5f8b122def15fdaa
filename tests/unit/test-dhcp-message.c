/* DHCP on the wire: what is sent, what is understood, and what is passed over. */
#include "unit.h"

#include <string.h>

#include "kernel/dhcp/grant.h"
#include "kernel/dhcp/identifier.h"
#include "kernel/dhcp/ipv4.h"
#include "kernel/dhcp/message.h"
#include "kernel/dhcp/names.h"
#include "kernel/dhcp/packet.h"
#include "tests/unit/alloc-failure.h"
#include "tests/unit/dhcp-reply.h"

#define SERVER ADDRESS(10, 1, 0, 1)
#define OFFERED ADDRESS(10, 1, 0, 7)

static void begin_ack(struct reply_bytes *bytes)
{
    reply_begin(bytes, 0x12345678, OFFERED);
    reply_option_byte(bytes, 53, 5);
    reply_option_number(bytes, 54, SERVER);
    reply_option_number(bytes, 51, 3600);
    reply_option_number(bytes, 1, ADDRESS(255, 255, 255, 0));
}

static bool parse(const struct reply_bytes *bytes, struct arci_dhcp_reply *reply)
{
    /* Exactly as long as the message, so that a sanitizer sees a read past its end. */
    uint8_t *exact = malloc(bytes->length);
    assert_non_null(exact);
    memcpy(exact, bytes->bytes, bytes->length);
    bool parsed = arci_dhcp_reply_parse(exact, bytes->length, reply);
    free(exact);
    return parsed;
}

static void ack_is_read(void **state)
{
    struct reply_bytes bytes;
    struct arci_dhcp_reply reply;
    (void)state;
    begin_ack(&bytes);
    reply_option(&bytes, 3, (uint8_t[]){10, 1, 0, 1, 10, 1, 0, 2}, 8);
    reply_option(&bytes, 6, (uint8_t[]){9, 9, 9, 9}, 4);
    reply_option(&bytes, 15, "lab.example", 12); /* with the NUL that some servers send */
    reply_option_number(&bytes, 58, 100);
    reply_option_number(&bytes, 59, 200);
    reply_end(&bytes);
    assert_true(parse(&bytes, &reply));
    assert_int_equal(reply.type, ARCI_DHCP_ACK);
    assert_int_equal(reply.transaction, 0x12345678);
    assert_int_equal(reply.address, OFFERED);
    assert_int_equal(reply.server, SERVER);
    assert_memory_equal(reply.mac, reply_mac, 6);
    assert_int_equal(reply.lease_time, 3600);
    assert_int_equal(reply.renewal_time, 100);
    assert_int_equal(reply.rebinding_time, 200);
    assert_int_equal(reply.mask, ADDRESS(255, 255, 255, 0));
    assert_int_equal(reply.router_count, 2);
    assert_int_equal(reply.routers[1], ADDRESS(10, 1, 0, 2));
    assert_int_equal(reply.dns_count, 1);
    assert_string_equal(reply.domain, "lab.example");
    assert_false(reply.has_identifier);
}

static void options_overflow_into_file_and_name(void **state)
{
    struct reply_bytes bytes;
    struct arci_dhcp_reply reply;
    (void)state;
    reply_begin(&bytes, 1, OFFERED);
    reply_option_byte(&bytes, 53, 2);
    reply_option_byte(&bytes, 52, 3);
    memcpy(bytes.bytes + 108, (uint8_t[]){54, 4, 10, 1, 0, 1, 255}, 7);
    memcpy(bytes.bytes + 44, (uint8_t[]){0, 51, 4, 0, 0, 1, 0, 255}, 8);
    assert_true(parse(&bytes, &reply));
    assert_int_equal(reply.server, SERVER);
    assert_int_equal(reply.lease_time, 256);
    bytes.bytes[bytes.length - 1] = 2; /* of the file nothing now, and with it no server */
    assert_false(parse(&bytes, &reply));
    bytes.bytes[bytes.length - 1] = 4; /* no such overload */
    assert_false(parse(&bytes, &reply));
    bytes.bytes[bytes.length - 1] = 3;
    bytes.bytes[109] = 200; /* longer than the field */
    assert_false(parse(&bytes, &reply));
}

static void pieces_of_an_option_are_joined(void **state)
{
    struct reply_bytes bytes;
    struct arci_dhcp_reply reply;
    (void)state;
    begin_ack(&bytes);
    reply_option(&bytes, 15, "lab.", 4);
    reply_option(&bytes, 6, (uint8_t[]){9, 9}, 2);
    reply_option(&bytes, 15, "exam", 4);
    reply_option(&bytes, 6, (uint8_t[]){9, 9}, 2);
    reply_option_byte(&bytes, 52, 1);
    memcpy(bytes.bytes + 108, (uint8_t[]){15, 3, 'p', 'l', 'e', 255}, 6);
    reply_end(&bytes);
    assert_true(parse(&bytes, &reply));
    assert_string_equal(reply.domain, "lab.example");
    assert_int_equal(reply.dns_count, 1);
    assert_int_equal(reply.dns[0], ADDRESS(9, 9, 9, 9));
}

static void what_does_not_fit_is_cut_or_left_out(void **state)
{
    struct reply_bytes bytes;
    struct arci_dhcp_reply reply;
    uint8_t many[240];
    (void)state;
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = (uint8_t)(1 + i % 100);
    begin_ack(&bytes);
    reply_option(&bytes, 3, many, sizeof many);
    reply_option(&bytes, 6, many, 7); /* no whole addresses */
    memset(many, 'a', sizeof many);
    reply_option(&bytes, 15, many, sizeof many);
    reply_option(&bytes, 15, many, 16); /* 256 letters */
    reply_option(&bytes, 61, many, sizeof many);
    assert_true(parse(&bytes, &reply));
    assert_int_equal(reply.router_count, ARCI_DHCP_ADDRESSES_MAX);
    assert_int_equal(reply.dns_count, 0);
    assert_string_equal(reply.domain, "");
    assert_true(reply.has_identifier);
    assert_int_equal(reply.identifier[0], 0);
    begin_ack(&bytes);
    reply_option(&bytes, 15, many, 240);
    reply_option(&bytes, 15, many, 15); /* one letter less: it fits */
    assert_true(parse(&bytes, &reply));
    assert_int_equal(strlen(reply.domain), 255);
}

static void nonsense_for_people_is_left_out(void **state)
{
    struct reply_bytes bytes;
    struct arci_dhcp_reply reply;
    (void)state;
    begin_ack(&bytes);
    reply_option(&bytes, 15, "lab\x1b[2J", 7);
    reply_option(&bytes, 56, "no\x07 way\xff", 8);
    reply_option(&bytes, 3, (uint8_t[]){0, 0, 0, 0, 127, 0, 0, 1, 10, 1, 0, 1, 224, 0, 0, 1}, 16);
    reply_end(&bytes);
    assert_true(parse(&bytes, &reply));
    assert_string_equal(reply.domain, "");
    assert_string_equal(reply.comment, "no? way?");
    assert_int_equal(reply.router_count, 1);
    assert_int_equal(reply.routers[0], SERVER);
}

static void wrong_forms_are_refused(void **state)
{
    struct reply_bytes good;
    struct reply_bytes bad;
    struct arci_dhcp_reply reply;
    (void)state;
    begin_ack(&good);
    reply_end(&good);
    assert_true(parse(&good, &reply));
    const struct {
        size_t at;
        uint8_t value;
    } rows[] = {
        {0, 1},   /* a request */
        {1, 6},   /* not Ethernet */
        {2, 7},   /* a longer hardware address */
        {236, 0}, /* BOOTP without DHCP */
        {242, 1}, /* DISCOVER */
        {242, 8}, /* INFORM */
        {241, 0}, /* a type of no length */
        {244, 3}, /* a server of three bytes, and then anything */
        {245, 0}, /* server 0.1.0.1 */
        {245, 255},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bad = good;
        bad.bytes[rows[i].at] = rows[i].value;
        if (parse(&bad, &reply))
            fail_msg("byte %zu = %u was taken", rows[i].at, rows[i].value);
    }
    bad = good;
    bad.length = 1473;
    assert_false(parse(&bad, &reply));
    begin_ack(&bad);
    reply_option_number(&bad, 54, SERVER); /* twice: eight bytes */
    assert_false(parse(&bad, &reply));
}

static void every_cut_is_survived(void **state)
{
    struct reply_bytes bytes;
    struct arci_dhcp_reply reply;
    (void)state;
    begin_ack(&bytes);
    reply_option_byte(&bytes, 52, 3);
    reply_end(&bytes);
    while (bytes.length-- > 0) {
        bool whole = bytes.length >= 240 + 3 + 6;
        if (parse(&bytes, &reply))
            assert_true(whole);
    }
}

static size_t find_option(const uint8_t *bytes, size_t length, uint8_t code)
{
    for (size_t at = 240; at + 1 < length && bytes[at] != 255; at += 2u + bytes[at + 1]) {
        if (bytes[at] == code)
            return at;
    }
    return 0;
}

static struct arci_dhcp_self make_self(void)
{
    struct arci_dhcp_self self = {.hostname = "web-1"};
    struct arctic_error error = {0};
    assert_ok(
        arci_dhcp_identifier(&(struct arctic_id){"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"}, self.identifier, &error),
        error);
    memcpy(self.mac, reply_mac, sizeof self.mac);
    return self;
}

static void discover_says_who_asks(void **state)
{
    struct arci_dhcp_self self = make_self();
    struct arci_dhcp_request request = {.type = ARCI_DHCP_DISCOVER,
                                        .transaction = 0xcafebabe,
                                        .seconds = 258,
                                        .broadcast = true,
                                        .wanted = OFFERED};
    uint8_t bytes[ARCI_DHCP_REQUEST_SIZE];
    (void)state;
    size_t length = arci_dhcp_request_build(&self, &request, bytes);
    assert_in_range(length, 300, sizeof bytes);
    assert_memory_equal(bytes, ((uint8_t[]){1, 1, 6, 0, 0xca, 0xfe, 0xba, 0xbe, 1, 2, 0x80, 0}), 12);
    assert_memory_equal(bytes + 28, reply_mac, 6);
    assert_memory_equal(bytes + 236, ((uint8_t[]){0x63, 0x82, 0x53, 0x63, 53, 1, 1}), 7);
    assert_memory_equal(bytes + find_option(bytes, length, 60),
                        "\x3c\x06"
                        "arctic",
                        8);
    assert_memory_equal(bytes + find_option(bytes, length, 12),
                        "\x0c\x05"
                        "web-1",
                        7);
    assert_memory_equal(bytes + find_option(bytes, length, 50), ((uint8_t[]){50, 4, 10, 1, 0, 7}), 6);
    /* RFC 4361: type 255, IAID, DUID-UUID; the id's 26 digits are these 16 bytes. */
    const uint8_t identifier[] = {61,   23,   255,  0,    0,    0,    1,    0,    4,
                                  0x01, 0x93, 0x45, 0x72, 0x78, 0xf4, 0x45, 0x53, 0x60,
                                  0x5f, 0x19, 0xd6, 0xf9, 0xdf, 0x7c, 0x22};
    assert_memory_equal(bytes + find_option(bytes, length, 61), identifier, sizeof identifier);
    assert_true(find_option(bytes, length, 55) != 0);
    assert_int_equal(find_option(bytes, length, 54), 0);
}

static void release_carries_no_wishes(void **state)
{
    struct arci_dhcp_self self = make_self();
    struct arci_dhcp_request request = {.type = ARCI_DHCP_RELEASE, .address = OFFERED, .server = SERVER};
    uint8_t bytes[ARCI_DHCP_REQUEST_SIZE];
    (void)state;
    size_t length = arci_dhcp_request_build(&self, &request, bytes);
    assert_memory_equal(bytes + 12, ((uint8_t[]){10, 1, 0, 7}), 4);
    assert_int_equal(bytes[10], 0);
    assert_true(find_option(bytes, length, 54) && find_option(bytes, length, 61));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(find_option(bytes, length, ((uint8_t[]){12, 50, 55, 57, 60})[i]), 0);
}

static void identifiers_differ_as_ids_do(void **state)
{
    uint8_t one[ARCI_DHCP_IDENTIFIER_SIZE];
    uint8_t other[ARCI_DHCP_IDENTIFIER_SIZE];
    uint8_t again[ARCI_DHCP_IDENTIFIER_SIZE];
    struct arctic_error error = {0};
    (void)state;
    assert_ok(arci_dhcp_identifier(&(struct arctic_id){"svc_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"}, one, &error),
              error);
    assert_ok(arci_dhcp_identifier(&(struct arctic_id){"svc_7ZZZZZZZZZZZZZZZZZZZZZZZZY"}, other, &error),
              error);
    assert_ok(arci_dhcp_identifier(&(struct arctic_id){"svc_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"}, again, &error),
              error);
    assert_memory_equal(one, again, sizeof one);
    assert_memory_not_equal(one, other, sizeof one);
    for (size_t i = 7; i < sizeof one; i++)
        assert_int_equal(one[i], 0xff);
    assert_int_equal(other[22], 0xfe);
    assert_int_equal(arci_dhcp_identifier(&(struct arctic_id){"svc_1"}, one, &error), ARCTIC_E_USAGE);
}

static void names_that_can_be_sent(void **state)
{
    char text[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    (void)state;
    assert_true(arci_dhcp_is_hostname("Web-1"));
    assert_true(arci_dhcp_is_hostname(text + 1));
    assert_false(arci_dhcp_is_hostname(text));
    assert_false(arci_dhcp_is_hostname(""));
    assert_false(arci_dhcp_is_hostname("-web"));
    assert_false(arci_dhcp_is_hostname("web-"));
    assert_false(arci_dhcp_is_hostname("my web"));
    assert_false(arci_dhcp_is_hostname("b\xc3\xbcro"));
}

static const char *grant_of(const struct reply_bytes *bytes, struct arci_dhcp_grant *grant)
{
    struct arci_dhcp_reply reply;
    assert_true(parse(bytes, &reply));
    return arci_dhcp_grant_read(&reply, UINT32_MAX, grant);
}

static void begin_offer(struct reply_bytes *bytes, uint32_t address, uint32_t mask, uint32_t seconds)
{
    reply_begin(bytes, 1, address);
    reply_option_byte(bytes, 53, 2);
    reply_option_number(bytes, 54, SERVER);
    reply_option_number(bytes, 1, mask);
    reply_option_number(bytes, 51, seconds);
}

static void suspicious_offers_are_refused(void **state)
{
    const uint32_t wide = ADDRESS(255, 255, 255, 0);
    const struct {
        uint32_t address, mask, seconds;
        bool good;
    } rows[] = {
        {OFFERED, wide, 60, true},
        {OFFERED, 0xffffffff, 60, true},
        {OFFERED, 0xfffffffe, 60, true},
        {ADDRESS(10, 1, 0, 0), 0xfffffffe, 60, true}, /* RFC 3021 */
        {OFFERED, 0x80000000, 10, true},
        {OFFERED, 0, 60, false},
        {OFFERED, ADDRESS(255, 0, 255, 0), 60, false},
        {OFFERED, wide, 9, false},
        {OFFERED, wide, 0, false},
        {0, wide, 60, false},
        {ADDRESS(0, 1, 2, 3), wide, 60, false},
        {ADDRESS(127, 0, 0, 1), wide, 60, false},
        {ADDRESS(169, 254, 3, 4), wide, 60, false},
        {ADDRESS(224, 0, 0, 1), wide, 60, false},
        {ADDRESS(240, 0, 0, 1), wide, 60, false},
        {0xffffffff, wide, 60, false},
        {SERVER, wide, 60, false},
        {ADDRESS(10, 1, 0, 0), wide, 60, false},
        {ADDRESS(10, 1, 0, 255), wide, 60, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reply_bytes bytes;
        struct arci_dhcp_grant grant;
        begin_offer(&bytes, rows[i].address, rows[i].mask, rows[i].seconds);
        const char *fault = grant_of(&bytes, &grant);
        if (!fault != rows[i].good)
            fail_msg("row %zu: %s", i, fault ? fault : "taken");
    }
    struct reply_bytes router;
    struct arci_dhcp_grant grant;
    begin_offer(&router, OFFERED, wide, 60);
    reply_option_number(&router, 3, OFFERED);
    assert_non_null(grant_of(&router, &grant));
}

static void missing_mask_stands_for_the_address_alone(void **state)
{
    struct reply_bytes bytes;
    struct arci_dhcp_grant grant;
    (void)state;
    reply_begin(&bytes, 1, OFFERED);
    reply_option_byte(&bytes, 53, 2);
    reply_option_number(&bytes, 54, SERVER);
    assert_non_null(grant_of(&bytes, &grant)); /* not for how long */
    reply_option_number(&bytes, 51, 60);
    assert_null(grant_of(&bytes, &grant));
    assert_int_equal(grant.lease.prefix_length, 32);
}

static void times_are_the_servers_where_they_make_sense(void **state)
{
    const struct {
        uint32_t duration, t1, t2; /* 0: not sent */
        uint32_t renew, rebind;
    } rows[] = {
        {3200, 100, 200, 100, 200},
        {3200, 0, 0, 1500, 2800}, /* half of it, less the 100th second that the scatter gives */
        {3200, 2900, 0, 1500, 2800},
        {3200, 300, 200, 100, 200},
        {3200, 100, 3200, 100, 2800},
        {3200, 4, 7, 1500, 2800},
        {3200, 0, 3300, 1500, 2800},
        {10, 0, 0, 5, 8},
        {UINT32_MAX, 5, 6, UINT32_MAX, UINT32_MAX},
        {UINT32_MAX - 1, 0, 0, 0, 3758096382u},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reply_bytes bytes;
        struct arci_dhcp_grant grant;
        struct arci_dhcp_reply reply;
        begin_offer(&bytes, OFFERED, 0xffffff00, rows[i].duration);
        if (rows[i].t1)
            reply_option_number(&bytes, 58, rows[i].t1);
        if (rows[i].t2)
            reply_option_number(&bytes, 59, rows[i].t2);
        assert_true(parse(&bytes, &reply));
        assert_null(arci_dhcp_grant_read(&reply, rows[i].duration == 3200 ? 100 : 0, &grant));
        assert_int_equal(grant.rebind_after, rows[i].rebind);
        if (rows[i].renew)
            assert_int_equal(grant.renew_after, rows[i].renew);
        assert_true(grant.renew_after < grant.rebind_after || rows[i].duration == UINT32_MAX);
    }
}

static struct arci_dhcp_lease make_lease(void)
{
    return (struct arci_dhcp_lease){
        .address = arci_ipv4_address(OFFERED),
        .prefix_length = 24,
        .server = arci_ipv4_address(SERVER),
        .routers = {arci_ipv4_address(SERVER), arci_ipv4_address(ADDRESS(10, 1, 0, 2))},
        .router_count = 2,
        .dns = {arci_ipv4_address(ADDRESS(9, 9, 9, 9))},
        .dns_count = 1,
        .domain = "lab.example",
        .renew_at = 1000,
        .rebind_at = 2000,
        .expires_at = 3000,
    };
}

static void lease_goes_to_json_and_back(void **state)
{
    struct arci_dhcp_lease leases[] = {make_lease(), make_lease(), make_lease()};
    struct arctic_error error = {0};
    (void)state;
    leases[1].expires_at = leases[1].rebind_at = leases[1].renew_at = ARCI_DHCP_FOREVER;
    leases[2].domain[0] = '\0';
    leases[2].router_count = leases[2].dns_count = 0;
    for (size_t i = 0; i < 3; i++) {
        struct arci_dhcp_lease again = {0};
        json_t *object = arci_dhcp_lease_to_json(&leases[i]);
        assert_non_null(object);
        assert_ok(arci_dhcp_lease_from_json(object, &again, &error), error);
        assert_true(arci_dhcp_lease_equal(&leases[i], &again));
        json_decref(object);
    }
    assert_false(arci_dhcp_lease_equal(&leases[0], &leases[1]));
    assert_false(arci_dhcp_lease_equal(&leases[0], &leases[2]));
}

static void damaged_json_is_no_lease(void **state)
{
    const struct {
        const char *member;
        const char *value;
    } rows[] = {
        {"address", "\"10.1.0\""},
        {"address", "\"127.0.0.1\""},
        {"address", "\"fd00::1\""},
        {"address", "\"10.1.0.1\""}, /* the server's */
        {"address", "7"},
        {"prefix_length", "0"},
        {"prefix_length", "33"},
        {"server", "null"},
        {"routers", "\"10.1.0.1\""},
        {"routers", "[\"10.1.0.1\", 7]"},
        {"dns", "[\"9.9.9.1\",\"9.9.9.2\",\"9.9.9.3\",\"9.9.9.4\",\"9.9.9.5\"]"},
        {"domain", "\"a b\""},
        {"expires_at", "1500"},
        {"expires_at", "9223372036854775806"},
        {"expires_at", "9223372036854775807"}, /* and yet to be renewed */
        {"expires_at", "-1"},
        {"renew_at", "2500"},
        {"renew_at", "\"soon\""},
        {"rebind_at", "null"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arci_dhcp_lease lease = make_lease();
        struct arci_dhcp_lease read;
        struct arctic_error error = {0};
        json_t *object = arci_dhcp_lease_to_json(&lease);
        json_object_set_new(object, rows[i].member, json_loads(rows[i].value, JSON_DECODE_ANY, NULL));
        if (arci_dhcp_lease_from_json(object, &read, &error) == ARCTIC_OK)
            fail_msg("%s = %s was taken", rows[i].member, rows[i].value);
        assert_true(error.field[0] != '\0');
        json_decref(object);
    }
}

static bool attempt_lease(void *context)
{
    json_t *object = arci_dhcp_lease_to_json(context);
    bool made = object != NULL;
    json_decref(object);
    return made;
}

static void lease_without_memory_is_no_json(void **state)
{
    struct arci_dhcp_lease lease = make_lease();
    (void)state;
    alloc_failure_try_all(attempt_lease, &lease);
}

static void packets_are_wrapped_and_found(void **state)
{
    uint8_t packet[ARCI_DHCP_HEADERS + 301] = {0};
    const uint8_t *message;
    size_t length;
    (void)state;
    for (size_t i = 0; i < 301; i++)
        packet[ARCI_DHCP_HEADERS + i] = (uint8_t)(i * 7);
    assert_int_equal(arci_dhcp_packet_wrap(packet, 301, 0, ARCI_DHCP_BROADCAST), sizeof packet);
    /* To a server: not ours. With the ports exchanged, which no sum changes, it is. */
    assert_false(arci_dhcp_packet_unwrap(packet, sizeof packet, true, &message, &length));
    memcpy(packet + 20, (uint8_t[]){0, 67, 0, 68}, 4);
    assert_true(arci_dhcp_packet_unwrap(packet, sizeof packet, true, &message, &length));
    assert_int_equal(length, 301);
    assert_ptr_equal(message, packet + ARCI_DHCP_HEADERS);
    for (size_t i = 0; i < sizeof packet; i++) {
        packet[i] ^= 0x10;
        assert_false(arci_dhcp_packet_unwrap(packet, sizeof packet, true, &message, &length));
        packet[i] ^= 0x10;
    }
    packet[60] ^= 1; /* a sum that is not made yet is not looked at */
    assert_true(arci_dhcp_packet_unwrap(packet, sizeof packet, false, &message, &length));
    packet[26] = packet[27] = 0; /* nor one that the sender leaves out */
    assert_true(arci_dhcp_packet_unwrap(packet, sizeof packet, true, &message, &length));
    packet[25]++; /* a datagram that is longer than its packet */
    assert_false(arci_dhcp_packet_unwrap(packet, sizeof packet, false, &message, &length));
    packet[25]--;
    for (size_t cut = 0; cut < sizeof packet; cut++)
        assert_false(arci_dhcp_packet_unwrap(packet, cut, false, &message, &length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ack_is_read),
        cmocka_unit_test(options_overflow_into_file_and_name),
        cmocka_unit_test(pieces_of_an_option_are_joined),
        cmocka_unit_test(what_does_not_fit_is_cut_or_left_out),
        cmocka_unit_test(nonsense_for_people_is_left_out),
        cmocka_unit_test(wrong_forms_are_refused),
        cmocka_unit_test(every_cut_is_survived),
        cmocka_unit_test(discover_says_who_asks),
        cmocka_unit_test(release_carries_no_wishes),
        cmocka_unit_test(identifiers_differ_as_ids_do),
        cmocka_unit_test(names_that_can_be_sent),
        cmocka_unit_test(suspicious_offers_are_refused),
        cmocka_unit_test(missing_mask_stands_for_the_address_alone),
        cmocka_unit_test(times_are_the_servers_where_they_make_sense),
        cmocka_unit_test(lease_goes_to_json_and_back),
        cmocka_unit_test(damaged_json_is_no_lease),
        cmocka_unit_test(lease_without_memory_is_no_json),
        cmocka_unit_test(packets_are_wrapped_and_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
