/*
 * Whether a peer answers: what flows towards it do meanwhile. One suite for all transports: one enrols with a row in
 * `subjects` of transport-world.c.
 */
#include "transport-world.h"

#include <string.h>
#include <unistd.h>

#include "crypto/identity.h"

static void vanished_peer_is_noticed_and_comes_back(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    open_pair(world, &user);
    wait_until(world, world->near.peer_reachable);
    stop_end(&world->far);
    wait_until(world, user.failed);
    assert_int_equal(user.reason, ARCI_REASON_CONNECTION_LOST);
    end_flow(&user, ARCI_REASON_NONE);
    wait_until(world, !world->near.peer_reachable);
    assert_int_equal(try_open(world), ARCTIC_E_PEER_UNREACHABLE);
    start_end(&world->far);
    introduce(world, &world->far, &world->near, false);
    wait_until(world, world->near.peer_reachable);
    one_flow(world);
}

static void stranger_gets_no_flow(void **state)
{
    struct world *world = *state;
    struct user user = {.early = "secret"};
    forget_all(world, &world->far);
    open_flow(world, &user);
    wait_until(world, user.failed);
    assert_int_equal(user.reason, ARCI_REASON_PEER_UNREACHABLE);
    assert_int_equal(world->far.incoming_count, 0);
    assert_false(world->near.peer_reachable);
    end_flow(&user, ARCI_REASON_NONE);
}

static void second_address_of_a_peer_is_tried(void **state)
{
    struct world *world = *state;
    struct arctic_error error;
    struct arci_transport_peer peer = {.id = world->far.party.id,
                                       .endpoints = {world->far.endpoint, world->far.endpoint},
                                       .endpoint_count = 2,
                                       .warm = true,
                                       .counters = &world->near.counters};
    uint16_t port = 0;
    int fd = bind_loopback(&port); /* bound and not listening: refuses */
    peer.endpoints[0].port = port;
    memcpy(peer.key, arci_identity_public_key(world->far.party.identity), sizeof peer.key);
    forget_all(world, &world->near);
    assert_ok(ops->configure(world->near.transport, &world->settings, &peer, 1, &error), error);
    one_flow(world);
    close(fd);
}

/* The peer takes the handshake for the key that it may come to know, and closes the connection. */
static void wait_until_turned_away(struct world *world)
{
    wait_until(world, warm_connections(&world->near) > 0);
    wait_until(world, warm_connections(&world->near) == 0);
}

/* Two agents are introduced to each other one after the other. */
static void flow_waits_for_a_peer_that_does_not_know_us_yet(void **state)
{
    struct world *world = *state;
    struct user user = {.early = "first words"};
    forget_all(world, &world->far);
    forget_all(world, &world->near);
    introduce(world, &world->near, &world->far, true);
    open_flow(world, &user);
    wait_until_turned_away(world);
    wait_until_turned_away(world);
    assert_false(user.failed);
    introduce(world, &world->far, &world->near, false);
    wait_until(world, user.opened || user.failed);
    assert_false(user.failed);
    struct user *other = &world->far.incoming[0];
    wait_until(world, other->length > 0);
    assert_string_equal(other->received, user.early);
    end_flow(&user, ARCI_REASON_RESET);
}

/* Many flows at once are no reason to knock as often at a door that may be closed. */
static void peer_that_may_not_know_us_is_not_stormed(void **state)
{
    struct world *world = *state;
    struct user users[50] = {0};
    forget_all(world, &world->far);
    forget_all(world, &world->near);
    introduce(world, &world->near, &world->far, true);
    for (int i = 0; i < 50; i++)
        open_flow(world, &users[i]);
    assert_in_range(atomic_load(&world->near.counters.dialling), 1, 4);
    wait_until_turned_away(world);
    introduce(world, &world->far, &world->near, false);
    for (int i = 0; i < 50; i++) {
        wait_until(world, users[i].opened || users[i].failed);
        assert_false(users[i].failed);
    }
    for (int i = 0; i < 50; i++)
        end_flow(&users[i], ARCI_REASON_RESET);
}

/* Its flows may end in any order, and each is told once. */
static void peer_is_removed_under_many_flows(void **state)
{
    struct world *world = *state;
    struct user users[50] = {0};
    for (int i = 0; i < 50; i++) {
        open_flow(world, &users[i]);
        if (i % 3 == 0)
            ops->finish(users[i].stream);
        if (i < 25)
            wait_until(world, users[i].opened);
    }
    forget_all(world, &world->near);
    for (int i = 0; i < 50; i++) {
        assert_true(users[i].failed);
        end_flow(&users[i], ARCI_REASON_RESET);
    }
    for (size_t i = 0; i < world->far.incoming_count; i++)
        wait_until(world, world->far.incoming[i].failed);
    assert_int_equal(try_open(world), ARCTIC_E_PEER_UNREACHABLE);
}

static void flow_waits_for_a_peer_that_restarts(void **state)
{
    struct world *world = *state;
    struct user user = {.early = "first words"};
    one_flow(world);
    stop_end(&world->far);
    wait_until(world, warm_connections(&world->near) == 0);
    open_flow(world, &user);
    start_end(&world->far);
    wait_until_turned_away(world);
    introduce(world, &world->far, &world->near, false);
    wait_until(world, user.opened || user.failed);
    assert_false(user.failed);
    end_flow(&user, ARCI_REASON_RESET);
}

/* Its control link is there again: no need to wait for the back-off of the dials, nor to reset flows until then. */
static void news_of_a_peer_end_the_refusal_of_flows(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct arctic_error error;
    wait_until(world, world->near.peer_reachable);
    stop_end(&world->far);
    wait_until(world, !world->near.peer_reachable);
    introduce(world, &world->near, &world->far, true);
    assert_int_equal(try_open(world), ARCTIC_E_PEER_UNREACHABLE);
    struct arci_transport_peer row = peer_row(&world->near, &world->far, true);
    row.met_at++;
    assert_ok(ops->configure(world->near.transport, &world->settings, &row, 1, &error), error);
    open_flow(world, &user);
    start_end(&world->far);
    introduce(world, &world->far, &world->near, false);
    wait_until(world, user.opened || user.failed);
    assert_false(user.failed);
    end_flow(&user, ARCI_REASON_RESET);
}

/* As on a path that has died one way: that says nothing of the destination, which must not be taken for one that refuses. */
static void silent_exit_is_no_refusal(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    world->far.hesitate = true;
    world->settings.open_ms = 300;
    introduce(world, &world->near, &world->far, true);
    open_flow(world, &user);
    wait_until(world, user.failed);
    assert_int_equal(world->far.incoming_count, 1);
    assert_false(user.refused);
    assert_int_equal(user.reason, ARCI_REASON_CONNECTION_LOST);
    end_flow(&user, ARCI_REASON_RESET);
}

static void say_silent(struct world *world, bool silent)
{
    struct arctic_error error;
    struct arci_transport_peer row = peer_row(&world->near, &world->far, true);
    row.silent = silent;
    assert_ok(ops->configure(world->near.transport, &world->settings, &row, 1, &error), error);
}

/* As by the control protocol, while its host acknowledges all. */
static void flow_that_a_silent_peer_has_not_confirmed_is_given_up(void **state)
{
    struct world *world = *state;
    struct user confirmed = {0}, user = {0};
    open_pair(world, &confirmed);
    world->far.hesitate = true;
    open_flow(world, &user);
    wait_until(world, world->far.incoming_count == 2);
    say_silent(world, true);
    assert_true(user.failed);
    assert_false(user.refused);
    assert_int_equal(user.reason, ARCI_REASON_PEER_UNREACHABLE);
    assert_false(confirmed.failed);
    end_flow(&user, ARCI_REASON_RESET);
    assert_int_equal(try_open(world), ARCTIC_E_PEER_UNREACHABLE);
    world->far.hesitate = false;
    say_silent(world, false);
    one_flow(world);
    end_flow(&confirmed, ARCI_REASON_RESET);
}

static void flows_of_a_peer_that_stays_silent_end(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    world->settings.silent_ms = 300;
    open_pair(world, &user);
    say_silent(world, true);
    wait_until(world, user.failed);
    assert_int_equal(user.reason, ARCI_REASON_CONNECTION_LOST);
    end_flow(&user, ARCI_REASON_RESET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRANSPORT_TEST(vanished_peer_is_noticed_and_comes_back),
        TRANSPORT_TEST(stranger_gets_no_flow),
        TRANSPORT_TEST(second_address_of_a_peer_is_tried),
        TRANSPORT_TEST(flow_waits_for_a_peer_that_does_not_know_us_yet),
        TRANSPORT_TEST(peer_that_may_not_know_us_is_not_stormed),
        TRANSPORT_TEST(peer_is_removed_under_many_flows),
        TRANSPORT_TEST(flow_waits_for_a_peer_that_restarts),
        TRANSPORT_TEST(news_of_a_peer_end_the_refusal_of_flows),
        TRANSPORT_TEST(silent_exit_is_no_refusal),
        TRANSPORT_TEST(flow_that_a_silent_peer_has_not_confirmed_is_given_up),
        TRANSPORT_TEST(flows_of_a_peer_that_stays_silent_end),
    };
    return run_over_transports(tests, sizeof tests / sizeof tests[0]);
}
