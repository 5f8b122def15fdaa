/* A DHCP client and the server that it talks to, by a clock that the tests turn. */
#ifndef ARCTIC_TESTS_DHCP_WORLD_H
#define ARCTIC_TESTS_DHCP_WORLD_H

#include "tests/unit/unit.h"

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

static inline int64_t wall(const struct world *world)
{
    return WALL_START + (world->now - world->began) / 1000;
}

static inline void init(struct world *world)
{
    struct arci_dhcp_self self = {.hostname = "web"};
    memcpy(self.mac, reply_mac, sizeof self.mac);
    memset(self.identifier, 7, sizeof self.identifier);
    *world = (struct world){.began = 5000, .now = 5000};
    arci_dhcp_client_init(&world->client, &self, "mac0", 42, world->now);
}

static inline void take(struct world *world)
{
    struct arci_dhcp_outgoing outgoing;
    world->sent.length = 0;
    if (arci_dhcp_client_take(&world->client, &outgoing))
        world->sent = outgoing;
    assert_false(arci_dhcp_client_take(&world->client, &outgoing));
}

/* Goes to the next deadline; returns how long that took. */
static inline int64_t advance(struct world *world)
{
    int64_t deadline = arci_dhcp_client_deadline(&world->client);
    int64_t waited = deadline - world->now;
    assert_true(deadline != INT64_MAX && waited >= 0);
    world->now = deadline;
    arci_dhcp_client_tick(&world->client, world->now);
    take(world);
    return waited;
}

static inline uint32_t number_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* An option of the message that was sent; 0: it has none. Numbers of one or four bytes. */
static inline uint32_t option(const struct world *world, uint8_t code)
{
    const uint8_t *bytes = world->sent.message;
    for (size_t at = 240; at + 1 < world->sent.length && bytes[at] != 255; at += 2u + bytes[at + 1]) {
        if (bytes[at] == code)
            return bytes[at + 1] == 1 ? bytes[at + 2] : number_at(bytes + at + 2);
    }
    return 0;
}

static inline void assert_sent(const struct world *world, enum arci_dhcp_type type)
{
    assert_true(world->sent.length >= 300);
    assert_int_equal(option(world, 53), type);
}

static inline uint32_t transaction(const struct world *world)
{
    return number_at(world->sent.message + 4);
}

static inline struct arci_dhcp_reply reply_of(const struct world *world, uint8_t type)
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

static inline void receive(struct world *world, const struct arci_dhcp_reply *reply)
{
    arci_dhcp_client_receive(&world->client, reply, server_mac, world->now, wall(world));
    take(world);
}

static inline void receive_type(struct world *world, uint8_t type)
{
    struct arci_dhcp_reply reply = reply_of(world, type);
    receive(world, &reply);
}

static inline void request_address(struct world *world)
{
    init(world);
    advance(world);
    receive_type(world, ARCI_DHCP_OFFER);
}

static inline void obtain(struct world *world)
{
    request_address(world);
    receive_type(world, ARCI_DHCP_ACK);
    arci_dhcp_client_accept(&world->client, world->now);
    take(world);
    assert_int_equal(world->client.phase, ARCI_DHCP_PHASE_BOUND);
    assert_true(world->client.holds);
}

/* Ticks until the phase is another one. */
static inline void pass(struct world *world, enum arci_dhcp_phase phase)
{
    for (int i = 0; i < 100 && world->client.phase == phase; i++)
        advance(world);
    assert_int_not_equal(world->client.phase, phase);
}

static inline void assert_state(const struct world *world, enum arci_dhcp_state state, bool holds)
{
    assert_int_equal(arci_dhcp_client_state(&world->client), state);
    assert_int_equal(world->client.holds, holds);
}

#endif
