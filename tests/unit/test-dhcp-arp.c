/* Address conflict detection, by a clock that the tests turn. */
#include "unit.h"

#include <string.h>

#include "kernel/dhcp/arp.h"
#include "tests/unit/dhcp-reply.h"

#define OURS ADDRESS(10, 1, 0, 7)

static const uint8_t thief[6] = {0x02, 9, 9, 9, 9, 9};

struct world {
    struct arci_arp arp;
    int64_t now;
    struct arci_arp_frame sent;
};

static void start(struct world *world, uint32_t chance)
{
    *world = (struct world){.now = 1000};
    arci_arp_start(&world->arp, OURS, reply_mac, 1000, chance, world->now);
}

/* To the next deadline, where something is always sent; returns how long that took. */
static int64_t advance(struct world *world, uint32_t chance, enum arci_arp_event expected)
{
    int64_t waited = arci_arp_deadline(&world->arp) - world->now;
    bool send = false;
    assert_true(waited >= 0 && waited < 100000);
    world->now += waited;
    assert_int_equal(arci_arp_tick(&world->arp, chance, world->now, &world->sent, &send), expected);
    assert_true(send);
    assert_memory_equal(world->sent.sender_mac, reply_mac, 6);
    assert_int_equal(world->sent.operation, ARCI_ARP_REQUEST);
    assert_int_equal(world->sent.target, OURS);
    return waited;
}

static void free_address_is_probed_and_announced(void **state)
{
    const uint32_t chances[] = {0, 999, 1000, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct world world;
        start(&world, chances[i]);
        assert_in_range(advance(&world, chances[i], ARCI_ARP_NOTHING), 0, 1000);
        assert_int_equal(world.sent.sender, 0);
        for (int probe = 1; probe < 3; probe++) {
            assert_in_range(advance(&world, chances[i], ARCI_ARP_NOTHING), 1000, 2000);
            assert_int_equal(world.sent.sender, 0);
        }
        assert_int_equal(advance(&world, chances[i], ARCI_ARP_FREE), 2000);
        assert_int_equal(world.sent.sender, OURS);
        assert_int_equal(advance(&world, chances[i], ARCI_ARP_NOTHING), 2000);
        assert_int_equal(world.sent.sender, OURS);
        assert_true(arci_arp_deadline(&world.arp) == INT64_MAX);
    }
}

static enum arci_arp_event receive(struct world *world, uint16_t operation, const uint8_t mac[6],
                                   uint32_t sender, uint32_t target)
{
    struct arci_arp_frame frame = {.operation = operation, .sender = sender, .target = target};
    memcpy(frame.sender_mac, mac, 6);
    return arci_arp_receive(&world->arp, &frame, world->now);
}

static void answer_to_a_probe_and_rival_probes_take_the_address(void **state)
{
    struct world world;
    (void)state;
    start(&world, 0);
    advance(&world, 0, ARCI_ARP_NOTHING);
    assert_int_equal(receive(&world, ARCI_ARP_REPLY, thief, OURS + 1, OURS), ARCI_ARP_NOTHING);
    assert_int_equal(receive(&world, ARCI_ARP_REQUEST, thief, OURS + 1, OURS), ARCI_ARP_NOTHING);
    assert_int_equal(receive(&world, ARCI_ARP_REPLY, reply_mac, OURS, OURS),
                     ARCI_ARP_NOTHING); /* ourselves */
    assert_int_equal(receive(&world, ARCI_ARP_REPLY, thief, OURS, 0), ARCI_ARP_TAKEN);
    assert_true(arci_arp_deadline(&world.arp) == INT64_MAX);
    assert_int_equal(receive(&world, ARCI_ARP_REPLY, thief, OURS, 0), ARCI_ARP_NOTHING);
    start(&world, 0);
    assert_int_equal(receive(&world, ARCI_ARP_REQUEST, thief, OURS, OURS + 1), ARCI_ARP_TAKEN);
    start(&world, 0);
    assert_int_equal(receive(&world, ARCI_ARP_REQUEST, thief, 0, OURS), ARCI_ARP_TAKEN);
}

static void address_is_defended_once_in_ten_seconds(void **state)
{
    struct world world;
    (void)state;
    start(&world, 0);
    for (int i = 0; i < 3; i++)
        advance(&world, 0, ARCI_ARP_NOTHING);
    advance(&world, 0, ARCI_ARP_FREE);
    advance(&world, 0, ARCI_ARP_NOTHING);
    assert_int_equal(receive(&world, ARCI_ARP_REQUEST, thief, 0, OURS), ARCI_ARP_NOTHING);
    assert_int_equal(receive(&world, ARCI_ARP_REQUEST, thief, OURS, OURS), ARCI_ARP_CONTESTED);
    assert_true(arci_arp_deadline(&world.arp) <= world.now);
    bool send = false;
    arci_arp_tick(&world.arp, 0, world.now, &world.sent, &send);
    assert_true(send);
    assert_int_equal(world.sent.sender, OURS);
    world.now += 9999;
    assert_int_equal(receive(&world, ARCI_ARP_REQUEST, thief, OURS, OURS), ARCI_ARP_CONTESTED);
    assert_true(arci_arp_deadline(&world.arp) == INT64_MAX);
    world.now += 1;
    assert_int_equal(receive(&world, ARCI_ARP_REQUEST, thief, OURS, OURS), ARCI_ARP_CONTESTED);
    assert_true(arci_arp_deadline(&world.arp) <= world.now);
}

static void frames_go_to_bytes_and_back(void **state)
{
    struct arci_arp_frame frame = {.operation = 2, .sender = OURS, .target = OURS + 1};
    struct arci_arp_frame again;
    uint8_t bytes[ARCI_ARP_SIZE];
    (void)state;
    memcpy(frame.sender_mac, reply_mac, 6);
    memcpy(frame.target_mac, thief, 6);
    arci_arp_build(&frame, bytes);
    assert_memory_equal(bytes, ((uint8_t[]){0, 1, 8, 0, 6, 4, 0, 2, 2, 0xaa}), 10);
    assert_true(arci_arp_parse(bytes, sizeof bytes, &again));
    assert_int_equal(again.operation, 2);
    assert_memory_equal(again.sender_mac, reply_mac, 6);
    assert_memory_equal(again.target_mac, thief, 6);
    assert_int_equal(again.sender, OURS);
    assert_int_equal(again.target, OURS + 1);
    assert_false(arci_arp_parse(bytes, sizeof bytes - 1, &again));
    for (size_t i = 0; i < 6; i++) {
        bytes[i] ^= 1;
        assert_false(arci_arp_parse(bytes, sizeof bytes, &again));
        bytes[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_address_is_probed_and_announced),
        cmocka_unit_test(answer_to_a_probe_and_rival_probes_take_the_address),
        cmocka_unit_test(address_is_defended_once_in_ten_seconds),
        cmocka_unit_test(frames_go_to_bytes_and_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
