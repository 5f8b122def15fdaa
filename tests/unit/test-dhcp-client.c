/* The DHCP client's state machine, by a clock that the tests turn. */
#include "unit.h"

#include <string.h>

#include "kernel/dhcp/client.h"
#include "kernel/dhcp/ipv4.h"
#include "kernel/dhcp/packet.h"
#include "tests/unit/dhcp-reply.h"

#define SERVER ADDRESS(10, 1, 0, 1)
#define OTHER_SERVER ADDRESS(10, 1, 0, 2)
#define OFFERED ADDRESS(10, 1, 0, 7)
#define WALL_START 1700000000
#define MINUTE 60000

static const uint8_t server_mac[6] = {0x02, 1, 1, 1, 1, 1};
static const uint8_t thief[6] = {0x02, 9, 9, 9, 9, 9};
static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

struct world {
    struct arci_dhcp_client client;
    int64_t began, now;
    struct arci_dhcp_outgoing sent; /* the last message; `length` 0: none since it was looked for */
};

static int64_t wall(const struct world *world)
{
    return WALL_START + (world->now - world->began) / 1000;
}

static void init(struct world *world)
{
    struct arci_dhcp_self self = {.hostname = "web"};
    memcpy(self.mac, reply_mac, sizeof self.mac);
    memset(self.identifier, 7, sizeof self.identifier);
    *world = (struct world){.began = 5000, .now = 5000};
    arci_dhcp_client_init(&world->client, &self, "mac0", 42, world->now);
}

static void take(struct world *world)
{
    struct arci_dhcp_outgoing outgoing;
    world->sent.length = 0;
    if (arci_dhcp_client_take(&world->client, &outgoing))
        world->sent = outgoing;
    assert_false(arci_dhcp_client_take(&world->client, &outgoing));
}

/* Goes to the next deadline; returns how long that took. */
static int64_t advance(struct world *world)
{
    int64_t deadline = arci_dhcp_client_deadline(&world->client);
    int64_t waited = deadline - world->now;
    assert_true(deadline != INT64_MAX && waited >= 0);
    world->now = deadline;
    arci_dhcp_client_tick(&world->client, world->now);
    take(world);
    return waited;
}

static uint32_t number_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* An option of the message that was sent; 0: it has none. Numbers of one or four bytes. */
static uint32_t option(const struct world *world, uint8_t code)
{
    const uint8_t *bytes = world->sent.message;
    for (size_t at = 240; at + 1 < world->sent.length && bytes[at] != 255; at += 2u + bytes[at + 1]) {
        if (bytes[at] == code)
            return bytes[at + 1] == 1 ? bytes[at + 2] : number_at(bytes + at + 2);
    }
    return 0;
}

static void assert_sent(const struct world *world, enum arci_dhcp_type type)
{
    assert_true(world->sent.length >= 300);
    assert_int_equal(option(world, 53), type);
}

static uint32_t transaction(const struct world *world)
{
    return number_at(world->sent.message + 4);
}

static struct arci_dhcp_reply reply_of(const struct world *world, uint8_t type)
{
    struct arci_dhcp_reply reply = {
        .type = type,
        .transaction = world->client.transaction,
        .address = type == ARCI_DHCP_NAK ? 0 : OFFERED,
        .server = SERVER,
        .has_mask = true,
        .mask = 0xffffff00,
        .has_lease_time = true,
        .lease_time = 3600,
    };
    memcpy(reply.mac, reply_mac, sizeof reply.mac);
    return reply;
}

static void receive(struct world *world, const struct arci_dhcp_reply *reply)
{
    arci_dhcp_client_receive(&world->client, reply, server_mac, world->now, wall(world));
    take(world);
}

static void receive_type(struct world *world, uint8_t type)
{
    struct arci_dhcp_reply reply = reply_of(world, type);
    receive(world, &reply);
}

static void request_address(struct world *world)
{
    init(world);
    advance(world);
    receive_type(world, ARCI_DHCP_OFFER);
}

static void obtain(struct world *world)
{
    request_address(world);
    receive_type(world, ARCI_DHCP_ACK);
    arci_dhcp_client_accept(&world->client, world->now);
    take(world);
    assert_int_equal(world->client.phase, ARCI_DHCP_PHASE_BOUND);
    assert_true(world->client.holds);
}

/* Ticks until the phase is another one. */
static void pass(struct world *world, enum arci_dhcp_phase phase)
{
    for (int i = 0; i < 100 && world->client.phase == phase; i++)
        advance(world);
    assert_int_not_equal(world->client.phase, phase);
}

static void assert_state(const struct world *world, enum arci_dhcp_state state, bool holds)
{
    assert_int_equal(arci_dhcp_client_state(&world->client), state);
    assert_int_equal(world->client.holds, holds);
}

static void discover_is_repeated_more_and_more_seldom(void **state)
{
    static const int64_t expected[] = {4000, 8000, 16000, 32000, 64000, 64000, 64000};
    struct world world;
    (void)state;
    init(&world);
    assert_string_equal(world.client.reason, "waiting for a DHCP lease on mac0");
    assert_in_range(advance(&world), 0, 1000);
    uint32_t first = transaction(&world);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_sent(&world, ARCI_DHCP_DISCOVER);
        assert_memory_equal(world.sent.mac, everybody, 6);
        assert_int_equal(world.sent.destination, ARCI_DHCP_BROADCAST);
        assert_int_equal(world.sent.source, 0);
        assert_int_equal(world.sent.message[10], 0x80);
        assert_int_equal(transaction(&world), first);
        assert_in_range(advance(&world), expected[i] - 1000, expected[i] + 1000);
    }
    assert_non_null(strstr(world.client.reason, "on mac0: no answer for 25"));
    assert_int_equal(world.sent.message[8] << 8 | world.sent.message[9],
                     (world.now - world.client.asking_since) / 1000);
    assert_state(&world, ARCI_DHCP_WAITING, false);
}

static void address_is_offered_granted_checked_and_held(void **state)
{
    struct world world;
    (void)state;
    request_address(&world);
    assert_sent(&world, ARCI_DHCP_REQUEST);
    assert_int_equal(option(&world, 50), OFFERED);
    assert_int_equal(option(&world, 54), SERVER);
    assert_int_equal(number_at(world.sent.message + 12), 0);
    assert_int_equal(world.sent.message[10], 0x80); /* the answer is to be broadcast */
    world.now += 2500;                              /* times count from the request */
    receive_type(&world, ARCI_DHCP_ACK);
    assert_state(&world, ARCI_DHCP_CHECKING, false);
    assert_int_equal(arci_dhcp_client_deadline(&world.client), world.now - 2500 + 3600 * 1000);
    arci_dhcp_client_accept(&world.client, world.now);
    assert_state(&world, ARCI_DHCP_BOUND, true);
    assert_string_equal(world.client.reason, "");
    const struct arci_dhcp_lease *lease = &world.client.grant.lease;
    assert_int_equal(arci_ipv4_number(&lease->address), OFFERED);
    assert_int_equal(lease->prefix_length, 24);
    assert_in_range(lease->expires_at, wall(&world) - 3 + 3600, wall(&world) - 2 + 3600);
    assert_in_range(lease->renew_at, lease->expires_at - 1800 - 113, lease->expires_at - 1800);
    assert_int_equal(lease->rebind_at, lease->expires_at - 450);
}

static void request_without_an_answer_is_given_up(void **state)
{
    static const int64_t expected[] = {4000, 8000, 16000};
    struct world world;
    (void)state;
    request_address(&world);
    uint32_t first = transaction(&world);
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        assert_in_range(advance(&world), expected[i] - 1000, expected[i] + 1000);
        assert_sent(&world, ARCI_DHCP_REQUEST);
        assert_int_equal(transaction(&world), first);
    }
    pass(&world, ARCI_DHCP_PHASE_REQUESTING);
    assert_string_equal(world.client.reason, "10.1.0.1 offered 10.1.0.7 and does not grant it: asking again");
    advance(&world);
    assert_sent(&world, ARCI_DHCP_DISCOVER);
    assert_int_not_equal(transaction(&world), first);
}

static void suspicious_offer_is_refused_and_said(void **state)
{
    struct world world;
    (void)state;
    init(&world);
    advance(&world);
    struct arci_dhcp_reply reply = reply_of(&world, ARCI_DHCP_OFFER);
    reply.address = SERVER;
    receive(&world, &reply);
    assert_int_equal(world.sent.length, 0);
    assert_string_equal(world.client.reason,
                        "10.1.0.1 offered by 10.1.0.1 is not accepted: it is the server's own");
    advance(&world);
    assert_non_null(strstr(world.client.reason, "not accepted")); /* the next repetition does not hide it */
    receive_type(&world, ARCI_DHCP_OFFER);
    assert_sent(&world, ARCI_DHCP_REQUEST);
}

static void messages_for_others_are_passed_over(void **state)
{
    struct world world;
    (void)state;
    request_address(&world);
    struct arci_dhcp_reply replies[6];
    for (size_t i = 0; i < 6; i++)
        replies[i] = reply_of(&world, i < 5 ? ARCI_DHCP_ACK : ARCI_DHCP_NAK);
    replies[0].transaction++;
    replies[1].mac[5]++;
    replies[2].has_identifier = true; /* all zero: not ours */
    replies[3].server = OTHER_SERVER;
    replies[4].address = OFFERED + 1;
    replies[5].server = OTHER_SERVER;
    for (size_t i = 0; i < 6; i++) {
        receive(&world, &replies[i]);
        assert_int_equal(world.client.phase, ARCI_DHCP_PHASE_REQUESTING);
    }
    struct arci_dhcp_reply good = reply_of(&world, ARCI_DHCP_ACK);
    good.has_identifier = true;
    memset(good.identifier, 7, sizeof good.identifier);
    receive(&world, &good);
    assert_int_equal(world.client.phase, ARCI_DHCP_PHASE_CHECKING);
}

static void refusals_slow_the_client_down(void **state)
{
    struct world world;
    int64_t waited = 0;
    (void)state;
    request_address(&world);
    for (int i = 0; i < 10; i++) {
        receive_type(&world, ARCI_DHCP_NAK);
        assert_state(&world, ARCI_DHCP_WAITING, false);
        assert_string_equal(world.client.reason,
                            "10.1.0.1 refuses 10.1.0.7 to mac0: asking for another address");
        waited = advance(&world);
        assert_true(i > 0 || waited <= 1000);
        assert_sent(&world, ARCI_DHCP_DISCOVER);
        assert_int_equal(option(&world, 50), 0);
        receive_type(&world, ARCI_DHCP_OFFER);
    }
    assert_in_range(waited, 63000, 64000);
}

static void address_in_use_is_declined(void **state)
{
    struct world world;
    (void)state;
    request_address(&world);
    for (int i = 0; i < 12; i++) {
        receive_type(&world, ARCI_DHCP_ACK);
        arci_dhcp_client_decline(&world.client, thief, world.now);
        take(&world);
        assert_sent(&world, ARCI_DHCP_DECLINE);
        assert_int_equal(option(&world, 50), OFFERED);
        assert_int_equal(option(&world, 54), SERVER);
        assert_memory_equal(world.sent.mac, everybody, 6);
        assert_state(&world, ARCI_DHCP_CONFLICT, false);
        assert_string_equal(world.client.reason,
                            "10.1.0.7 offered by 10.1.0.1 is in use by 02:09:09:09:09:09: declined");
        assert_int_equal(advance(&world), i < 10 ? 10000 : MINUTE);
        assert_sent(&world, ARCI_DHCP_DISCOVER);
        assert_int_equal(option(&world, 50), 0);
        assert_int_equal(number_at(world.sent.message + 8) >> 16, 0); /* secs: begun anew */
        receive_type(&world, ARCI_DHCP_OFFER);
    }
}

static void lease_is_renewed_with_its_server(void **state)
{
    struct world world;
    (void)state;
    obtain(&world);
    struct arci_dhcp_lease before = world.client.grant.lease;
    assert_in_range(advance(&world), 1687000, 1800000);
    assert_sent(&world, ARCI_DHCP_REQUEST);
    assert_memory_equal(world.sent.mac, server_mac, 6);
    assert_int_equal(world.sent.destination, SERVER);
    assert_int_equal(world.sent.source, OFFERED);
    assert_int_equal(number_at(world.sent.message + 12), OFFERED);
    assert_int_equal(world.sent.message[10], 0);
    assert_int_equal(option(&world, 50), 0);
    assert_int_equal(option(&world, 54), 0);
    assert_state(&world, ARCI_DHCP_BOUND, true);
    assert_string_equal(world.client.reason, "");
    receive_type(&world, ARCI_DHCP_ACK);
    assert_int_equal(world.client.phase, ARCI_DHCP_PHASE_BOUND);
    assert_int_equal(world.client.grant.lease.expires_at, wall(&world) + 3600);
    assert_true(world.client.grant.lease.expires_at > before.expires_at);
}

static void lease_that_its_server_does_not_renew_is_asked_of_all(void **state)
{
    struct world world;
    (void)state;
    obtain(&world);
    int64_t expires_at = world.client.expires_at;
    pass(&world, ARCI_DHCP_PHASE_BOUND);
    int64_t left = world.client.rebind_at - world.now;
    int64_t waited = advance(&world);
    assert_in_range(waited, left / 2 - 1, left / 2 + 1);
    assert_non_null(strstr(world.client.reason, "the DHCP lease of 10.1.0.7 is not renewed: no answer for"));
    assert_non_null(strstr(world.client.reason, "it ends at 2023-11-14T23:13:20"));
    while (world.client.phase == ARCI_DHCP_PHASE_RENEWING) {
        assert_memory_equal(world.sent.mac, server_mac, 6);
        waited = advance(&world);
    }
    assert_int_equal(world.client.phase, ARCI_DHCP_PHASE_REBINDING);
    assert_int_equal(world.now, expires_at - 450000);
    assert_memory_equal(world.sent.mac, everybody, 6);
    assert_int_equal(world.sent.source, OFFERED);
    assert_int_equal(number_at(world.sent.message + 12), OFFERED);
    struct arci_dhcp_reply reply = reply_of(&world, ARCI_DHCP_ACK);
    reply.server = OTHER_SERVER;
    receive(&world, &reply);
    assert_int_equal(world.client.phase, ARCI_DHCP_PHASE_BOUND);
    assert_int_equal(arci_ipv4_number(&world.client.grant.lease.server), OTHER_SERVER);
    assert_string_equal(world.client.reason, "");
}

static void lease_that_nobody_renews_ends_in_time(void **state)
{
    struct world world;
    (void)state;
    obtain(&world);
    int64_t expires_at = world.client.expires_at;
    while (world.client.holds)
        advance(&world);
    assert_int_equal(world.now, expires_at);
    assert_state(&world, ARCI_DHCP_WAITING, false);
    assert_string_equal(world.client.reason, "the DHCP lease of 10.1.0.7 has ended: no server renewed it");
    assert_sent(&world, ARCI_DHCP_DISCOVER); /* at once, and for the same address */
    assert_int_equal(option(&world, 50), OFFERED);
}

static void renewals_are_a_minute_apart_at_least(void **state)
{
    struct world world;
    (void)state;
    request_address(&world);
    struct arci_dhcp_reply reply = reply_of(&world, ARCI_DHCP_ACK);
    reply.lease_time = 200;
    receive(&world, &reply);
    arci_dhcp_client_accept(&world.client, world.now);
    pass(&world, ARCI_DHCP_PHASE_BOUND);
    while (world.client.holds) {
        int64_t limit =
            world.client.phase == ARCI_DHCP_PHASE_RENEWING ? world.client.rebind_at : world.client.expires_at;
        int64_t waited = advance(&world);
        assert_true(waited >= MINUTE || world.now == limit);
    }
}

static void refused_renewal_loses_the_lease(void **state)
{
    struct world world;
    (void)state;
    obtain(&world);
    pass(&world, ARCI_DHCP_PHASE_BOUND);
    struct arci_dhcp_reply reply = reply_of(&world, ARCI_DHCP_NAK);
    reply.server = OTHER_SERVER;
    receive(&world, &reply);
    assert_true(world.client.holds);
    snprintf(reply.comment, sizeof reply.comment, "wrong network");
    reply.server = SERVER;
    receive(&world, &reply);
    assert_state(&world, ARCI_DHCP_WAITING, false);
    assert_non_null(strstr(world.client.reason, "10.1.0.1 refuses 10.1.0.7 to mac0 (wrong network)"));

    obtain(&world);
    pass(&world, ARCI_DHCP_PHASE_BOUND);
    pass(&world, ARCI_DHCP_PHASE_RENEWING);
    reply = reply_of(&world, ARCI_DHCP_NAK);
    reply.server = OTHER_SERVER; /* any server may say so now */
    receive(&world, &reply);
    assert_state(&world, ARCI_DHCP_WAITING, false);
}

static void answer_with_another_address_does_not_renew(void **state)
{
    struct world world;
    (void)state;
    obtain(&world);
    pass(&world, ARCI_DHCP_PHASE_BOUND);
    struct arci_dhcp_reply reply = reply_of(&world, ARCI_DHCP_ACK);
    reply.address = OFFERED + 1;
    receive(&world, &reply);
    assert_int_equal(world.client.phase, ARCI_DHCP_PHASE_RENEWING);
    assert_int_equal(arci_ipv4_number(&world.client.grant.lease.address), OFFERED);
    assert_non_null(strstr(world.client.reason, "not the address that was asked for"));
}

/* A lease of an earlier run that has `left` seconds, of 3600. */
static void recall(struct world *world, int64_t left)
{
    struct arci_dhcp_lease lease;
    obtain(world);
    lease = world->client.grant.lease;
    lease.expires_at = wall(world) + left;
    lease.renew_at = lease.expires_at - 1800;
    lease.rebind_at = lease.expires_at - 450;
    int64_t at = wall(world);
    init(world);
    arci_dhcp_client_recall(&world->client, &lease, world->now, at);
}

static void earlier_lease_is_confirmed(void **state)
{
    struct world world;
    (void)state;
    recall(&world, 3000);
    assert_state(&world, ARCI_DHCP_CONFIRMING, false);
    assert_int_equal(advance(&world), 0);
    assert_sent(&world, ARCI_DHCP_REQUEST);
    assert_int_equal(option(&world, 50), OFFERED);
    assert_int_equal(option(&world, 54), 0);
    assert_int_equal(number_at(world.sent.message + 12), 0);
    assert_memory_equal(world.sent.mac, everybody, 6);
    struct arci_dhcp_reply reply = reply_of(&world, ARCI_DHCP_ACK);
    reply.server = OTHER_SERVER;
    receive(&world, &reply);
    assert_state(&world, ARCI_DHCP_CHECKING, false);
    arci_dhcp_client_accept(&world.client, world.now);
    assert_state(&world, ARCI_DHCP_BOUND, true);
    assert_int_equal(world.client.grant.lease.expires_at, wall(&world) + 3600);
}

static void earlier_lease_is_used_where_no_server_answers(void **state)
{
    struct world world;
    (void)state;
    recall(&world, 3000);
    int64_t began = world.now;
    advance(&world);
    assert_in_range(advance(&world), 3000, 5000);
    assert_sent(&world, ARCI_DHCP_REQUEST);
    pass(&world, ARCI_DHCP_PHASE_REBOOTING);
    assert_in_range(world.now - began, 10000, 14000);
    assert_state(&world, ARCI_DHCP_CHECKING, false);
    arci_dhcp_client_accept(&world.client, world.now);
    assert_state(&world, ARCI_DHCP_BOUND, true);
    assert_int_equal(world.client.expires_at, began + 3000 * 1000);
    pass(&world, ARCI_DHCP_PHASE_BOUND);
    assert_int_equal(world.now, began + 1200 * 1000);
    assert_sent(&world, ARCI_DHCP_REQUEST); /* to all: where the server is nobody has said yet */
    assert_memory_equal(world.sent.mac, everybody, 6);
    assert_int_equal(number_at(world.sent.message + 12), OFFERED);
}

static void earlier_lease_that_is_due_is_renewed_at_once(void **state)
{
    struct world world;
    (void)state;
    recall(&world, 400);
    pass(&world, ARCI_DHCP_PHASE_REBOOTING);
    arci_dhcp_client_accept(&world.client, world.now);
    take(&world);
    assert_state(&world, ARCI_DHCP_BOUND, true);
    assert_int_equal(world.client.phase, ARCI_DHCP_PHASE_REBINDING);
    assert_sent(&world, ARCI_DHCP_REQUEST);
}

static void earlier_lease_that_is_over_gives_its_address_as_a_hint(void **state)
{
    struct world world;
    (void)state;
    recall(&world, 0);
    assert_state(&world, ARCI_DHCP_WAITING, false);
    advance(&world);
    assert_sent(&world, ARCI_DHCP_DISCOVER);
    assert_int_equal(option(&world, 50), OFFERED);
    recall(&world, 6); /* ends while it is asked for */
    advance(&world);
    advance(&world);
    advance(&world);
    assert_int_equal(world.now, world.began + 6000);
    assert_state(&world, ARCI_DHCP_WAITING, false);
    assert_sent(&world, ARCI_DHCP_DISCOVER);
}

static void earlier_lease_that_is_refused_is_dropped(void **state)
{
    struct world world;
    (void)state;
    recall(&world, 3000);
    advance(&world);
    receive_type(&world, ARCI_DHCP_NAK);
    assert_state(&world, ARCI_DHCP_WAITING, false);
    advance(&world);
    assert_sent(&world, ARCI_DHCP_DISCOVER);
    assert_int_equal(option(&world, 50), 0);
}

static void lease_holds_on_while_it_is_confirmed_after_the_link_changed(void **state)
{
    struct world world;
    (void)state;
    obtain(&world);
    arci_dhcp_client_link_changed(&world.client, world.now);
    assert_state(&world, ARCI_DHCP_CONFIRMING, true);
    advance(&world);
    assert_sent(&world, ARCI_DHCP_REQUEST);
    assert_int_equal(option(&world, 50), OFFERED);
    receive_type(&world, ARCI_DHCP_ACK);
    assert_state(&world, ARCI_DHCP_CHECKING, true);
    arci_dhcp_client_accept(&world.client, world.now);
    assert_state(&world, ARCI_DHCP_BOUND, true);

    arci_dhcp_client_link_changed(&world.client, world.now);
    advance(&world);
    receive_type(&world, ARCI_DHCP_NAK); /* another network */
    assert_state(&world, ARCI_DHCP_WAITING, false);

    obtain(&world);
    arci_dhcp_client_link_changed(&world.client, world.now);
    advance(&world);
    receive_type(&world, ARCI_DHCP_ACK);
    arci_dhcp_client_decline(&world.client, thief, world.now);
    assert_state(&world, ARCI_DHCP_CONFLICT, false);
}

static void waiting_client_asks_at_once_when_the_link_changed(void **state)
{
    struct world world;
    (void)state;
    init(&world);
    for (int i = 0; i < 6; i++)
        advance(&world);
    arci_dhcp_client_link_changed(&world.client, world.now);
    assert_int_equal(advance(&world), 0);
    assert_sent(&world, ARCI_DHCP_DISCOVER);
    assert_in_range(advance(&world), 3000, 5000);
    request_address(&world);
    arci_dhcp_client_link_changed(&world.client, world.now);
    assert_int_equal(advance(&world), 0);
    assert_sent(&world, ARCI_DHCP_DISCOVER);
}

static void release_gives_the_lease_back(void **state)
{
    struct world world;
    (void)state;
    obtain(&world);
    arci_dhcp_client_release(&world.client);
    take(&world);
    assert_sent(&world, ARCI_DHCP_RELEASE);
    assert_memory_equal(world.sent.mac, server_mac, 6);
    assert_int_equal(world.sent.destination, SERVER);
    assert_int_equal(number_at(world.sent.message + 12), OFFERED);
    assert_int_equal(option(&world, 54), SERVER);
    assert_state(&world, ARCI_DHCP_RELEASED, false);
    assert_true(arci_dhcp_client_deadline(&world.client) == INT64_MAX);
    arci_dhcp_client_link_changed(&world.client, world.now);
    receive_type(&world, ARCI_DHCP_ACK);
    assert_state(&world, ARCI_DHCP_RELEASED, false);

    init(&world);
    advance(&world); /* nothing is asked of a server yet: nothing to give back */
    arci_dhcp_client_release(&world.client);
    take(&world);
    assert_int_equal(world.sent.length, 0);
}

static void address_that_is_asked_for_is_given_back(void **state)
{
    struct world world;
    (void)state;
    request_address(&world);
    arci_dhcp_client_release(&world.client);
    take(&world);
    assert_sent(&world, ARCI_DHCP_RELEASE);
    assert_int_equal(world.sent.destination, ARCI_DHCP_BROADCAST);
    assert_int_equal(number_at(world.sent.message + 12), OFFERED);
    receive_type(&world, ARCI_DHCP_ACK);
    assert_state(&world, ARCI_DHCP_RELEASED, false);
}

static void lease_without_an_end_is_not_renewed(void **state)
{
    struct world world;
    (void)state;
    request_address(&world);
    struct arci_dhcp_reply reply = reply_of(&world, ARCI_DHCP_ACK);
    reply.lease_time = UINT32_MAX;
    receive(&world, &reply);
    arci_dhcp_client_accept(&world.client, world.now);
    assert_true(world.client.grant.lease.expires_at == ARCI_DHCP_FOREVER);
    assert_true(arci_dhcp_client_deadline(&world.client) == INT64_MAX);
}

static void contest_is_told_for_a_minute(void **state)
{
    struct world world;
    (void)state;
    obtain(&world);
    arci_dhcp_client_contest(&world.client, thief, world.now);
    assert_non_null(
        strstr(world.client.reason, "10.1.0.7, which 10.1.0.1 has granted to mac0, is used by 02:09"));
    assert_state(&world, ARCI_DHCP_BOUND, true);
    assert_int_equal(advance(&world), MINUTE);
    assert_string_equal(world.client.reason, "");
    assert_state(&world, ARCI_DHCP_BOUND, true);
}

/* Option 12 of four letters. */
static void assert_sent_name(const struct world *world, const char *name)
{
    assert_sent(world, ARCI_DHCP_REQUEST);
    assert_int_equal(option(world, 12), name[0] ? number_at((const uint8_t *)name) : 0);
}

static void another_name_is_told_at_once(void **state)
{
    struct world world;
    (void)state;
    obtain(&world);
    arci_dhcp_client_rename(&world.client, "web", world.now);
    assert_int_equal(arci_dhcp_client_deadline(&world.client), world.client.renew_at);
    arci_dhcp_client_rename(&world.client, "data", world.now);
    assert_int_equal(advance(&world), 0);
    assert_sent_name(&world, "data");
    assert_state(&world, ARCI_DHCP_BOUND, true);
    receive_type(&world, ARCI_DHCP_ACK);
    assert_int_equal(arci_dhcp_client_deadline(&world.client), world.client.renew_at);
    assert_string_equal(world.client.reason, "");
    arci_dhcp_client_rename(&world.client, "", world.now);
    advance(&world);
    assert_sent_name(&world, "");
}

static void name_that_comes_while_an_address_is_asked_for_is_told_afterwards(void **state)
{
    struct world world;
    (void)state;
    request_address(&world);
    arci_dhcp_client_rename(&world.client, "data", world.now);
    receive_type(&world, ARCI_DHCP_ACK);
    arci_dhcp_client_accept(&world.client, world.now);
    take(&world);
    assert_sent_name(&world, "data");
    receive_type(&world, ARCI_DHCP_ACK);
    assert_int_equal(arci_dhcp_client_deadline(&world.client), world.client.renew_at);
}

static void wrong_options_are_the_callers_fault(void **state)
{
    const struct arctic_id service = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"};
    const struct arctic_id peer = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ12"};
    const struct arci_dhcp_options rows[] = {
        {.interface_index = 0, .interface = "mac0", .service = &service},
        {.interface_index = 1, .interface = NULL, .service = &service},
        {.interface_index = 1, .interface = "", .service = &service},
        {.interface_index = 1, .interface = "mac0", .service = NULL},
        {.interface_index = 1, .interface = "mac0", .service = &peer},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct arci_dhcp *dhcp = NULL;
        struct arctic_error error = {0};
        assert_int_equal(arci_dhcp_start(&rows[i], &dhcp, &error), ARCTIC_E_USAGE);
        assert_null(dhcp);
        assert_true(error.message[0] != '\0');
    }
    arci_dhcp_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(discover_is_repeated_more_and_more_seldom),
        cmocka_unit_test(address_is_offered_granted_checked_and_held),
        cmocka_unit_test(request_without_an_answer_is_given_up),
        cmocka_unit_test(suspicious_offer_is_refused_and_said),
        cmocka_unit_test(messages_for_others_are_passed_over),
        cmocka_unit_test(refusals_slow_the_client_down),
        cmocka_unit_test(address_in_use_is_declined),
        cmocka_unit_test(lease_is_renewed_with_its_server),
        cmocka_unit_test(lease_that_its_server_does_not_renew_is_asked_of_all),
        cmocka_unit_test(lease_that_nobody_renews_ends_in_time),
        cmocka_unit_test(renewals_are_a_minute_apart_at_least),
        cmocka_unit_test(refused_renewal_loses_the_lease),
        cmocka_unit_test(answer_with_another_address_does_not_renew),
        cmocka_unit_test(earlier_lease_is_confirmed),
        cmocka_unit_test(earlier_lease_is_used_where_no_server_answers),
        cmocka_unit_test(earlier_lease_that_is_due_is_renewed_at_once),
        cmocka_unit_test(earlier_lease_that_is_over_gives_its_address_as_a_hint),
        cmocka_unit_test(earlier_lease_that_is_refused_is_dropped),
        cmocka_unit_test(lease_holds_on_while_it_is_confirmed_after_the_link_changed),
        cmocka_unit_test(waiting_client_asks_at_once_when_the_link_changed),
        cmocka_unit_test(release_gives_the_lease_back),
        cmocka_unit_test(address_that_is_asked_for_is_given_back),
        cmocka_unit_test(lease_without_an_end_is_not_renewed),
        cmocka_unit_test(contest_is_told_for_a_minute),
        cmocka_unit_test(another_name_is_told_at_once),
        cmocka_unit_test(name_that_comes_while_an_address_is_asked_for_is_told_afterwards),
        cmocka_unit_test(wrong_options_are_the_callers_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
