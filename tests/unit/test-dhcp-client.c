/* The DHCP client's state machine, by a clock that the tests turn: from the first message to a lease that ends. */
#include "tests/unit/dhcp-world.h"

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
        cmocka_unit_test(wrong_options_are_the_callers_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
