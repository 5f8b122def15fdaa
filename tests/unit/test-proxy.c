/* The exit of the data plane: how flows of a peer begin, move and end. */
#include "proxy-world.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/address.h"

static void flow_reaches_its_destination_and_is_counted(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, "question");
    int client = accept_client(world);
    assert_reads(world, client, "question");
    assert_int_equal(write(client, "an answer", 9), 9);
    wait_until(world, flow->length == 9);
    ops->finish(flow->stream);
    assert_int_equal(end_of(world, client), 0);
    close(client);
    wait_until(world, flow->finished && stats(world).flows_open == 0);
    assert_int_equal(stats(world).flows_opened, 1);
    assert_int_equal(stats(world).flows_failed, 0);
    assert_int_equal(stats(world).bytes_up, 8);
    assert_int_equal(stats(world).bytes_down, 9);
    close_flow(flow);
}

static void server_may_finish_first(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, NULL);
    int client = accept_client(world);
    assert_int_equal(write(client, "bye", 3), 3);
    shutdown(client, SHUT_WR);
    wait_until(world, flow->finished && flow->length == 3 && flow->writable);
    send_text(flow, "last");
    ops->finish(flow->stream);
    assert_reads(world, client, "last");
    assert_int_equal(end_of(world, client), 0);
    close(client);
    close_flow(flow);
}

static int64_t processor_ms(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* An end that was read is an event that the kernel reports again and again to whoever still asks. */
static void half_closed_flows_do_not_spin(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, NULL), *other = open_flow(world, NULL);
    int clients[] = {accept_client(world), accept_client(world)};
    shutdown(clients[0], SHUT_WR);
    shutdown(clients[1], SHUT_WR);
    wait_until(world, flow->finished && other->finished);
    int64_t until = arci_time_monotonic() + 500, used = processor_ms();
    wait_until(world, arci_time_monotonic() >= until);
    assert_true(processor_ms() - used < 250);
    close(clients[0]);
    close(clients[1]);
    close_flow(flow);
    close_flow(other);
}

static void resets_pass_in_both_directions(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, "x");
    int client = accept_client(world);
    assert_reads(world, client, "x");
    wait_until(world, flow->opened);
    reset_socket(client);
    wait_until(world, flow->failed);
    assert_int_equal(flow->reason, ARCI_REASON_RESET);
    assert_false(flow->finished || flow->refused);
    close_flow(flow);

    flow = open_flow(world, "y");
    client = accept_client(world);
    assert_reads(world, client, "y");
    close_flow(flow);
    assert_int_equal(end_of(world, client), ECONNRESET);
    close(client);
    wait_until(world, stats(world).flows_open == 0);
    assert_int_equal(stats(world).flows_failed, 2);
}

/* While nothing is read from the server, because the peer does not take it. */
static void data_before_a_reset_arrives(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, NULL);
    int client = accept_client(world);
    wait_until(world, flow->opened);
    assert_int_equal(write(client, "words", 5), 5);
    reset_socket(client);
    wait_until(world, flow->failed);
    assert_true(flow->length == 5 || flow->length == 0);
    assert_false(flow->finished);
    close_flow(flow);
}

static void closed_port_is_a_refusal(void **state)
{
    struct world *world = *state;
    struct arctic_endpoint closed;
    int fd = listen_on_loopback(&closed, 0);
    assert_refused_with(world, open_flow_to(world, &closed, "x"), ARCI_REASON_REFUSED);
    close(fd);
}

static void silent_destination_is_given_up(void **state)
{
    struct world *world = *state;
    struct arctic_endpoint full;
    int fd = listen_on_loopback(&full, 1);
    struct sockaddr_storage name;
    socklen_t length = arci_endpoint_to_sockaddr(&full, &name);
    int fillers[8];
    /* A backlog that is full drops further SYNs. */
    for (int i = 0; i < 8; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fillers[i], (struct sockaddr *)&name, length);
    }
    assert_refused_with(world, open_flow_to(world, &full, NULL), ARCI_REASON_TIMED_OUT);
    for (int i = 0; i < 8; i++)
        close(fillers[i]);
    close(fd);
}

/* Workers take a new configuration when they come to it: flows before that are served. */
static void refused_once_known(struct world *world)
{
    for (;;) {
        struct user *flow = open_flow(world, "x");
        wait_until(world, flow->failed || flow->opened);
        bool refused = flow->refused;
        assert_true(!refused || flow->reason == ARCI_REASON_NOT_PERMITTED);
        close_flow(flow);
        if (refused)
            return;
        close(accept_client(world));
    }
}

static void uncovered_and_forbidden_destinations_are_refused(void **state)
{
    struct world *world = *state;
    struct arctic_endpoint outside = {{ARCTIC_FAMILY_IPV4, {10, 0, 0, 1}}, 80};
    assert_refused_with(world, open_flow_to(world, &outside, "x"), ARCI_REASON_NOT_PERMITTED);
    publish(world, true, false);
    refused_once_known(world);
    publish(world, true, true);
    publish(world, false, true);
    refused_once_known(world);
}

static void flows_of_a_removed_service_are_reset(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, "x");
    int client = accept_client(world);
    assert_reads(world, client, "x");
    wait_until(world, flow->opened);
    publish(world, true, true); /* nothing changes: it lives on */
    assert_int_equal(write(client, "y", 1), 1);
    wait_until(world, flow->length == 1);
    publish(world, false, true);
    wait_until(world, flow->failed);
    assert_int_equal(flow->reason, ARCI_REASON_WITHDRAWN);
    assert_int_equal(end_of(world, client), ECONNRESET);
    close(client);
    close_flow(flow);
}

static void stop_waits_for_flows_and_then_resets_them(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, "x");
    int client = accept_client(world);
    assert_reads(world, client, "x");
    wait_until(world, flow->opened);
    int64_t stopped_at = arci_time_monotonic();
    arci_proxy_stop(world->proxy, 1000);
    assert_int_equal(write(client, "y", 1), 1);
    wait_until(world, flow->length == 1);
    wait_until(world, flow->failed);
    assert_true(arci_time_monotonic() - stopped_at >= 990);
    assert_int_equal(end_of(world, client), ECONNRESET);
    close(client);
    close_flow(flow);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PROXY_TEST(flow_reaches_its_destination_and_is_counted),
        PROXY_TEST(server_may_finish_first),
        PROXY_TEST(half_closed_flows_do_not_spin),
        PROXY_TEST(resets_pass_in_both_directions),
        PROXY_TEST(data_before_a_reset_arrives),
        PROXY_TEST(closed_port_is_a_refusal),
        PROXY_TEST(silent_destination_is_given_up),
        PROXY_TEST(uncovered_and_forbidden_destinations_are_refused),
        PROXY_TEST(flows_of_a_removed_service_are_reset),
        PROXY_TEST(stop_waits_for_flows_and_then_resets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
