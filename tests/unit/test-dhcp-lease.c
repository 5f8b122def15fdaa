/* The DHCP client's leases of before: known from an earlier run, after a change of the link or of the name, given back. */
#include "tests/unit/dhcp-world.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
