/*
 * The data plane: worker threads that take captured connections, carry them to peers, and serve those that peers send.
 *
 * All functions are called on the thread of the control loop that was given at create, where the callbacks come too. Workers are
 * told by messages and read an immutable snapshot; nothing is locked while data flows.
 */
#ifndef ARCI_PROXY_PROXY_H
#define ARCI_PROXY_PROXY_H

#include <openssl/types.h>
#include <uv.h>

#include <arctic/log.h>

#include "proxy/snapshot.h"

#define ARCI_PROXY_WORKERS_MAX 64

struct arci_proxy;
struct arci_tls;

struct arci_proxy_callbacks {
    /*
     * A peer, or someone who wants to become one, has connected with the control protocol; the handshake is done and the key is
     * arci_tls_peer_key()'s. `ssl` and `fd` become the callee's: SSL_free(), then close().
     */
    void (*control)(void *user, SSL *ssl, int fd, const struct arctic_endpoint *remote);
    /*
     * The exit could not reach a destination, and the client was reset: new connections to it may be reset for a while. `reason`
     * is an enum arci_stream_reason. Under a flood some are dropped.
     */
    void (*refused)(void *user, const struct arctic_id *service_id, const struct arctic_endpoint *destination,
                    int reason);
    /* A peer with services towards it began or ceased to answer. `rtt_us` is -1 where it was not measured. */
    void (*peer_state)(void *user, const struct arctic_id *peer_id, bool reachable, int64_t rtt_us);
    /* Whether a service exists that a snapshot does not name: what it has counted is kept for as long as it does. NULL: none. */
    bool (*service_exists)(void *user, const struct arctic_id *service_id);
};

struct arci_proxy_options {
    uv_loop_t *loop; /* the control loop */
    struct arctic_log *log;
    struct arci_tls *tls;       /* outlives the proxy */
    uint32_t workers;           /* 1..ARCI_PROXY_WORKERS_MAX; 0: 1 */
    const char *tunnel_address; /* numeric; NULL or "": all addresses of both families */
    uint16_t tunnel_port;       /* 0: a free one */
    uint16_t tproxy_port;       /* 0: a free one */
    const char *anchor;         /* arci_kernel_anchor(): where connections made on this host seem to arrive */
    uint32_t mark;              /* SO_MARK of every socket (arci_kernel_bypass_mark()) but those */
    uint32_t transparent_mark;  /* that bear a client's address (arci_kernel_transparent_mark()) */
    struct arci_proxy_callbacks callbacks;
    void *user;
};

/*
 * Binds the listeners and starts the workers. Without a snapshot they take nothing. Errors: ARCTIC_E_USAGE, ARCTIC_E_SYSTEM (a
 * port that is taken and the like), ARCTIC_E_NO_MEMORY. After an error the control loop has to run on once for closing handles.
 */
int arci_proxy_create(const struct arci_proxy_options *options, struct arci_proxy **ret_proxy,
                      struct arctic_error *error);

/* The ports in use. */
void arci_proxy_ports(const struct arci_proxy *proxy, uint16_t *ret_tunnel, uint16_t *ret_tproxy);

/*
 * Swaps the configuration; the caller keeps its reference. Flows of services that are gone, or whose peer is no longer connected,
 * are reset; all others live on. Errors: ARCTIC_E_NO_MEMORY, with the old configuration kept.
 */
int arci_proxy_set_snapshot(struct arci_proxy *proxy, struct arci_snapshot *snapshot,
                            struct arctic_error *error);

/*
 * Sums over the workers, of a service or one of its routes, since a snapshot first named the service. A packet is a segment of TCP at
 * the client's connection, at the exit at the server's, as the kernel counts them (tcpi_segs_in, tcpi_segs_out): acknowledgements and
 * what was sent again included, the answer to the client's SYN and resets left out. Those of flows that are open, or have just
 * ended, are up to a few seconds old.
 */
struct arci_service_stats {
    int64_t since;         /* milliseconds since 1970 */
    uint64_t flows_opened; /* taken from clients, or from the peer at the exit */
    uint64_t flows_open;
    uint64_t flows_failed;  /* refused, reset or lost */
    uint64_t flows_refused; /* those of them that have not reached their destination */
    uint64_t bytes_up;      /* payload, from client to server */
    uint64_t bytes_down;
    uint64_t packets_up;
    uint64_t packets_down;
};

/* False for a service that no snapshot has named. */
bool arci_proxy_service_stats(const struct arci_proxy *proxy, const struct arctic_id *service_id,
                              struct arci_service_stats *ret_stats);

/* Calls back for every route of a service whose entry is here that has taken a flow, in no order; `since` is the service's. */
void arci_proxy_each_route(const struct arci_proxy *proxy, const struct arctic_id *service_id,
                           void (*visit)(void *user, uint64_t route_id,
                                         const struct arci_service_stats *stats),
                           void *user);

/*
 * Forgets what routes have counted that are not among `routes` any more; looks at about `budget` of them and goes on from there with
 * the next call. Returns how many it has looked at.
 */
size_t arci_proxy_prune_routes(struct arci_proxy *proxy, const struct arctic_id *service_id,
                               const struct arci_routes *routes, size_t budget);

struct arci_peer_stats {
    bool reachable;         /* towards it; false where no service needs to know */
    int64_t last_answer_at; /* arci_time_monotonic(), 0: never */
    int64_t dial_failed_at; /* the last new connection to it that failed, as the one before; 0: none */
    int64_t rtt_us;         /* -1: not measured */
    uint32_t idle;          /* warm connections that wait for a flow */
    uint32_t busy;
    uint32_t dialling;
    uint32_t accepted; /* connections that the peer has made */
    uint64_t primed_bytes;
    uint64_t protocol_errors;
};
bool arci_proxy_peer_stats(const struct arci_proxy *proxy, const struct arctic_id *peer_id,
                           struct arci_peer_stats *ret_stats);

/*
 * Begins to stop: nothing new is taken, and what is open after `grace_ms` is reset. When all workers have ended, no handle of the
 * proxy is left on the control loop. Callbacks may come until then.
 */
void arci_proxy_stop(struct arci_proxy *proxy, uint64_t grace_ms);

/*
 * Ends it: stops without grace what still runs and waits for the threads. Where arci_proxy_stop() has not run its course, the
 * control loop has to run on once. NULL is allowed.
 */
void arci_proxy_free(struct arci_proxy *proxy);

#endif
