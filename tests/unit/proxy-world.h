/*
 * The exit half of the data plane with its threads: a peer on the test's own loop opens flows by the transport, the proxy connects
 * them to servers on the loopback interface. The entry half needs captured connections: tests/system.
 */
#ifndef ARCTIC_TESTS_PROXY_WORLD_H
#define ARCTIC_TESTS_PROXY_WORLD_H

#include "stream-user.h"

#include "proxy/proxy.h"

struct world {
    uv_loop_t loop;
    struct party local, remote; /* the proxy; the peer that the test plays */
    struct arci_proxy *proxy;
    struct arci_transport *transport; /* the peer's */
    struct arci_peer_counters counters;
    uint16_t tunnel_port;
    int server; /* listens */
    struct arctic_endpoint server_endpoint;
    bool transport_closed;
    bool transparent;              /* what the service that is published next is */
    struct arctic_endpoint client; /* of the flows that are opened next */
};

/*
 * For cmocka: a proxy whose snapshot has one service with a route to 127.0.0.0/8, where destinations there are allowed; or none but
 * the peer. They need CAP_NET_ADMIN, for the transparent listeners.
 */
int set_up_proxy(void **state);
int set_up_proxy_without_service(void **state);
int tear_down_proxy(void **state);
#define PROXY_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_proxy, tear_down_proxy)

/* Gives the proxy a new snapshot. */
void publish(struct world *world, bool with_service, bool allow_loopback);
struct arci_service_stats stats(struct world *world);
bool has_stats(struct world *world); /* whether the service has counters */

/* Flows of the peer, to be ended by close_flow(). */
struct user *open_flow(struct world *world, const char *early);
struct user *open_flow_to(struct world *world, const struct arctic_endpoint *destination, const char *early);
void close_flow(struct user *user);

/* Waits for its refusal, and closes it. */
void assert_refused_with(struct world *world, struct user *user, enum arci_stream_reason reason);

/* Sockets of the test's servers */
int listen_on_loopback(struct arctic_endpoint *ret_endpoint, int backlog); /* 0: it does not listen */
int accept_client(struct world *world);
bool readable(int fd);
void assert_reads(struct world *world, int fd, const char *expected);
int end_of(struct world *world, int fd); /* 0: FIN, else the error number */
void reset_socket(int fd);

#endif
