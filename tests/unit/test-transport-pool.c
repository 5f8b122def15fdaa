/*
 * The connections to a peer: used again, limited, padded, and ended without loss. One suite for all transports: one enrols with a row in
 * `subjects` of transport-world.c.
 */
#include "transport-world.h"

static void connection_is_used_again_after_a_clean_end(void **state)
{
    struct world *world = *state;
    wait_until(world, warm_connections(&world->near) == 1);
    one_flow(world);
    wait_until(world, warm_connections(&world->near) == 2);
    for (int i = 0; i < 5; i++)
        one_flow(world);
    wait_until(world, warm_connections(&world->near) == 2);
    assert_int_equal(accepted_connections(&world->far), 2);
}

static void connection_is_used_again_after_an_abort(void **state)
{
    struct world *world = *state;
    wait_until(world, warm_connections(&world->near) == 1);
    one_flow(world);
    wait_until(world, warm_connections(&world->near) == 2);
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    send_text(&user, "under way");
    end_flow(&user, ARCI_REASON_RESET);
    wait_until(world, other->failed && warm_connections(&world->near) == 2);
    one_flow(world);
    assert_int_equal(accepted_connections(&world->far), 2);
}

static void cut_connection_is_not_used_again(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    wait_until(world, warm_connections(&world->near) == 1);
    struct user *other = open_pair(world, &user);
    forget_all(world, &world->far);
    assert_true(other->failed);
    assert_int_equal(other->reason, ARCI_REASON_CONNECTION_LOST);
    wait_until(world, user.failed);
    assert_int_equal(user.reason, ARCI_REASON_CONNECTION_LOST);
    assert_false(user.finished);
    end_flow(&user, ARCI_REASON_NONE);
    wait_until(world, warm_connections(&world->near) == 0);
    introduce(world, &world->far, &world->near, false);
    wait_until(world, world->near.peer_reachable && warm_connections(&world->near) == 1);
    one_flow(world);
}

static void idle_connections_have_limits(void **state)
{
    struct world *world = *state;
    struct user users[10] = {0};
    world->settings.pool_maximum = 3;
    world->settings.idle_ms = 300;
    introduce(world, &world->near, &world->far, true);
    world->far.echo = true;
    for (int i = 0; i < 10; i++)
        open_pair(world, &users[i]);
    for (int i = 0; i < 10; i++)
        ops->finish(users[i].stream);
    for (int i = 0; i < 10; i++) {
        wait_until(world, users[i].finished);
        end_flow(&users[i], ARCI_REASON_NONE);
        assert_true(warm_connections(&world->near) <= 3);
    }
    wait_until(world, warm_connections(&world->near) == 1);
}

/* The flow is over for the opener when its FIN waits behind data that the path does not take yet. */
static void last_bytes_leave_before_a_connection_is_given_up(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    world->settings.pool_maximum = 0;
    introduce(world, &world->near, &world->far, true);
    world->far.appetite = 0;
    struct user *reader = open_pair(world, &user);
    ops->finish(reader->stream);
    wait_until(world, user.finished);
    size_t written = write_until_full(world, &user);
    ops->finish(user.stream);
    end_flow(&user, ARCI_REASON_NONE);
    reader->appetite = SIZE_MAX;
    ops->resume(reader->stream);
    wait_until(world, reader->finished || reader->failed);
    assert_false(reader->failed);
    assert_int_equal(reader->length, written);
}

static void fresh_connections_are_primed(void **state)
{
    struct world *world = *state;
    world->settings.prime_bytes = 200000;
    introduce(world, &world->near, &world->far, true);
    introduce(world, &world->far, &world->near, false);
    one_flow(world);
    wait_until(world, atomic_load(&world->near.counters.primed_bytes) >= 200000);
    wait_until(world, atomic_load(&world->far.counters.primed_bytes) >= 200000);
    assert_true(atomic_load(&world->near.counters.primed_bytes) < 10 * 200000);
    one_flow(world);
}

/* Flows that stay take one connection of the minimum after the other; padding each would cost more than the flows. */
static void priming_is_bounded(void **state)
{
    struct world *world = *state;
    struct user users[12] = {0};
    world->settings.prime_bytes = 50000;
    introduce(world, &world->near, &world->far, true);
    introduce(world, &world->far, &world->near, false);
    int64_t began = arci_time_monotonic();
    for (int i = 0; i < 12; i++) {
        open_pair(world, &users[i]);
        wait_until(world, warm_connections(&world->near) >= 1);
    }
    int64_t refills = (arci_time_monotonic() - began) / 2000 + 1;
    assert_true(atomic_load(&world->near.counters.primed_bytes) <= (uint64_t)(2 + refills) * 50000);
    for (int i = 0; i < 12; i++)
        end_flow(&users[i], ARCI_REASON_RESET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRANSPORT_TEST(connection_is_used_again_after_a_clean_end),
        TRANSPORT_TEST(connection_is_used_again_after_an_abort),
        TRANSPORT_TEST(cut_connection_is_not_used_again),
        TRANSPORT_TEST(idle_connections_have_limits),
        TRANSPORT_TEST(last_bytes_leave_before_a_connection_is_given_up),
        TRANSPORT_TEST(fresh_connections_are_primed),
        TRANSPORT_TEST(priming_is_bounded),
    };
    return run_over_transports(tests, sizeof tests / sizeof tests[0]);
}
