/* Two ends of a transport that know each other, over real sockets on the loopback interface and on one loop. */
#ifndef ARCTIC_TESTS_TRANSPORT_WORLD_H
#define ARCTIC_TESTS_TRANSPORT_WORLD_H

#include "stream-user.h"

/* One agent: identity, transport, and the flows that came to it. */
struct end {
    uv_loop_t *loop;
    struct party party;
    struct arci_transport *transport;
    struct arctic_endpoint endpoint;
    struct arci_peer_counters counters; /* of the other end */
    struct user incoming[256];
    size_t incoming_count;
    struct arci_stream_request last_request;
    enum arci_stream_reason refuse_with; /* NONE: accept */
    bool hesitate;                       /* neither accept nor refuse */
    bool echo;
    size_t appetite;
    bool peer_reachable;
    unsigned peer_changes;
    int control_fd; /* of the last connection of the cluster protocol; -1: none came */
    uint8_t control_key[ARCI_PEER_KEY_SIZE];
    bool closed;
};

struct world {
    uv_loop_t loop;
    struct end near, far;
    struct arci_transport_settings settings;
};

extern const struct arci_stream_request usual_request; /* what open_flow() asks for */

/* For cmocka: a world with a warm pool of one connection from near to far, without padding. */
int set_up_world(void **state);
int tear_down_world(void **state);

/* Runs a group of tests over each transport that there is. */
int run_over_transports(const struct CMUnitTest *tests, size_t count);
#define TRANSPORT_TEST(test) cmocka_unit_test_setup_teardown(test, set_up_world, tear_down_world)

/* Begins to listen, on the port that it had before. */
void start_end(struct end *end);
void stop_end(struct end *end);

/* Tells an end of the other one; or that it knows nobody. */
void introduce(struct world *world, struct end *end, const struct end *other, bool warm);
void forget_all(struct world *world, struct end *end);

/* The row that introduce() configures. */
struct arci_transport_peer peer_row(struct end *end, const struct end *other, bool warm);

/* Opens a flow from near to far. */
void open_flow(struct world *world, struct user *user);

/* What the attempt says, with nothing left where it succeeds. */
int try_open(struct world *world);

/* Opens a flow and has the far end accept it. */
struct user *open_pair(struct world *world, struct user *user);

/* Ends a flow at the end that it came to. */
void close_incoming(struct end *end, size_t index, enum arci_stream_reason reason);

/* A flow from beginning to end. */
void one_flow(struct world *world);

/* Writes until neither the kernel nor the transport takes more; returns how much that was. */
size_t write_until_full(struct world *world, struct user *user);

int warm_connections(const struct end *end);
int accepted_connections(const struct end *end);

#endif
