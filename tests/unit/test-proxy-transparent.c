/*
 * The exit of fully transparent flows: whose address its connections bear. In a network namespace of its own, where 192.0.2.0/24 and
 * 2001:db8::/64 lead to this host without being addresses of it, as the agent's marks and rules do it for replies.
 */
#include "proxy-world.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <netlink/route/route.h>

#include "base/address.h"
#include "proxy/outbound.h"

static void lead_to_this_host(struct nl_sock *socket, const char *network, uint8_t family)
{
    struct nl_addr *address;
    struct rtnl_route *route = rtnl_route_alloc();
    struct rtnl_nexthop *hop = rtnl_route_nh_alloc();
    assert_true(route && hop);
    assert_int_equal(nl_addr_parse(network, family, &address), 0);
    rtnl_route_nh_set_ifindex(hop, (int)if_nametoindex("lo"));
    rtnl_route_add_nexthop(route, hop);
    rtnl_route_set_family(route, family);
    rtnl_route_set_table(route, RT_TABLE_LOCAL);
    rtnl_route_set_scope(route, family == AF_INET ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE);
    assert_int_equal(rtnl_route_set_type(route, RTN_LOCAL), 0);
    assert_int_equal(rtnl_route_set_dst(route, address), 0);
    assert_int_equal(rtnl_route_add(socket, route, NLM_F_CREATE), 0);
    nl_addr_put(address);
    rtnl_route_put(route);
}

static int set_up_network(void **state)
{
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    (void)state;
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
    close(fd);
    struct nl_sock *socket = nl_socket_alloc();
    assert_non_null(socket);
    assert_int_equal(nl_connect(socket, NETLINK_ROUTE), 0);
    lead_to_this_host(socket, "192.0.2.0/24", AF_INET);
    lead_to_this_host(socket, "2001:db8::/64", AF_INET6);
    nl_socket_free(socket);
    return 0;
}

static int set_up_transparent(void **state)
{
    set_up_proxy(state);
    struct world *world = *state;
    world->transparent = true;
    publish(world, true, true);
    return 0;
}

#define TRANSPARENT_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_transparent, tear_down_proxy)

static struct arctic_endpoint endpoint(const char *text)
{
    struct arctic_endpoint value;
    struct arctic_error error;
    assert_ok(arctic_endpoint_parse(text, &value, &error), error);
    return value;
}

static struct arctic_endpoint other_end(int fd)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    assert_int_equal(getpeername(fd, (struct sockaddr *)&name, &length), 0);
    return arci_endpoint_from_sockaddr((struct sockaddr *)&name);
}

static bool is_same(struct arctic_endpoint a, struct arctic_endpoint b)
{
    return arci_endpoint_equal(&a, &b);
}

static int listen_at(const char *text)
{
    int on = 1;
    struct sockaddr_storage name;
    struct arctic_endpoint place = endpoint(text);
    socklen_t length = arci_endpoint_to_sockaddr(&place, &name);
    int fd = socket(name.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, length), 0);
    assert_int_equal(listen(fd, 5), 0);
    return fd;
}

/* Flows of a peer */

static void server_sees_the_client(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, "question");
    int client = accept_client(world);
    assert_true(is_same(other_end(client), endpoint("192.0.2.1:40000")));
    assert_reads(world, client, "question");
    assert_int_equal(write(client, "an answer", 9), 9);
    wait_until(world, flow->length == 9);
    close(client);
    close_flow(flow);
}

/* What decides is the record that the exit has of the service. */
static void server_of_a_plain_service_sees_the_exit(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, "question");
    int client = accept_client(world);
    struct arctic_endpoint seen = other_end(client);
    assert_true(is_same((struct arctic_endpoint){seen.address, 1}, endpoint("127.0.0.1:1")));
    close(client);
    close_flow(flow);
}

static void second_flow_of_both_ends_gets_another_port(void **state)
{
    struct world *world = *state;
    struct user *flow = open_flow(world, NULL), *other = open_flow(world, NULL);
    int clients[] = {accept_client(world), accept_client(world)};
    struct arctic_endpoint seen[] = {other_end(clients[0]), other_end(clients[1])};
    assert_true((seen[0].port == 40000) != (seen[1].port == 40000));
    assert_int_equal(arctic_address_compare(&seen[0].address, &seen[1].address), 0);
    close(clients[0]);
    close(clients[1]);
    close_flow(flow);
    close_flow(other);
}

static void silent_destination_is_given_up(void **state)
{
    struct world *world = *state;
    world->client = endpoint("203.0.113.1:5"); /* where nothing comes back from */
    assert_refused_with(world, open_flow(world, NULL), ARCI_REASON_TIMED_OUT);
}

static void clients_that_can_not_be_are_refused(void **state)
{
    struct world *world = *state;
    static const char *const clients[] = {"127.9.9.9:5", "0.1.2.3:5", "224.0.0.1:5", "169.254.1.1:5",
                                          "255.255.255.255:5"};
    for (size_t i = 0; i < sizeof clients / sizeof *clients; i++) {
        world->client = endpoint(clients[i]);
        assert_refused_with(world, open_flow(world, "x"), ARCI_REASON_NOT_PERMITTED);
    }
    world->client = endpoint("127.0.0.1:5");
    assert_refused_with(world, open_flow(world, "x"), ARCI_REASON_LOOP);
}

/* Sockets */

/* Waits for the connection, closes it, and tells whom the server has seen. */
static struct arctic_endpoint seen_by(int server, int fd)
{
    assert_true(fd >= 0);
    int client = accept(server, NULL, NULL);
    struct arctic_endpoint seen = other_end(client);
    close(client);
    close(fd);
    return seen;
}

struct place {
    const char *server, *other_server, *client, *listener; /* the last: all addresses, at the client's port */
};

static const struct place places[] = {
    {"127.0.0.1:2000", "127.0.0.2:2000", "192.0.2.7:45000", "0.0.0.0:45000"},
    {"[::1]:2000", "[::1]:2001", "[2001:db8::7]:45000", "[::]:45000"},
};

static void one_port_serves_many_destinations(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int servers[] = {listen_at(places[i].server), listen_at(places[i].other_server)};
        struct arctic_endpoint first = endpoint(places[i].server), second = endpoint(places[i].other_server),
                               client = endpoint(places[i].client);
        int fd = arci_outbound_connect(0, &first, &client);
        int other = arci_outbound_connect(0, &second, &client);
        assert_true(is_same(seen_by(servers[0], fd), client));
        assert_true(is_same(seen_by(servers[1], other), client));
        close(servers[0]);
        close(servers[1]);
    }
}

static void port_of_a_listener_is_left_to_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int server = listen_at(places[i].server), listener = listen_at(places[i].listener);
        struct arctic_endpoint destination = endpoint(places[i].server), client = endpoint(places[i].client);
        struct arctic_endpoint seen = seen_by(server, arci_outbound_connect(0, &destination, &client));
        assert_int_equal(arctic_address_compare(&seen.address, &client.address), 0);
        assert_int_not_equal(seen.port, client.port);
        close(server);
        close(listener);
    }
}

/* A client may come back sooner than what it left here is forgotten. */
static void ended_connection_of_both_ends_is_no_obstacle(void **state)
{
    (void)state;
    struct linger gently = {0};
    for (size_t i = 0; i < 2; i++) {
        int server = listen_at(places[i].server);
        struct arctic_endpoint destination = endpoint(places[i].server), client = endpoint(places[i].client);
        int fd = arci_outbound_connect(0, &destination, &client);
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &gently, sizeof gently), 0);
        int accepted = accept(server, NULL, NULL);
        close(fd); /* first, and so it is here that TIME_WAIT is kept */
        close(accepted);
        struct arctic_endpoint seen = seen_by(server, arci_outbound_connect(0, &destination, &client));
        assert_int_equal(arctic_address_compare(&seen.address, &client.address), 0);
        close(server);
    }
}

static void refusal_is_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct arctic_endpoint destination = endpoint(places[i].server), client = endpoint(places[i].client);
        int fd = arci_outbound_connect(0, &destination, &client), errnum = 0;
        socklen_t length = sizeof errnum;
        if (fd < 0)
            assert_int_equal(errno, ECONNREFUSED);
        if (fd < 0)
            continue;
        assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &length), 0);
        assert_int_equal(errnum, ECONNREFUSED);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRANSPARENT_TEST(server_sees_the_client),
        PROXY_TEST(server_of_a_plain_service_sees_the_exit),
        TRANSPARENT_TEST(second_flow_of_both_ends_gets_another_port),
        TRANSPARENT_TEST(silent_destination_is_given_up),
        TRANSPARENT_TEST(clients_that_can_not_be_are_refused),
        cmocka_unit_test(one_port_serves_many_destinations),
        cmocka_unit_test(port_of_a_listener_is_left_to_it),
        cmocka_unit_test(ended_connection_of_both_ends_is_no_obstacle),
        cmocka_unit_test(refusal_is_told),
    };
    return cmocka_run_group_tests(tests, set_up_network, NULL);
}
