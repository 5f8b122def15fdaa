/*
 * The seam between flows and what carries them: one table of operations that each transport fills. lib/proxy
 * knows nothing else of a transport; the conformance suite in tests/unit/test-transport.c runs over every
 * table.
 *
 * A `struct arci_transport` is one worker's end of a transport: its listener, its connections to all peers.
 * It lives on that worker's loop, and everything here is called on that loop's thread and never blocks. A
 * `struct arci_stream` is this end of one flow. Callbacks of a stream come from the loop only, never from
 * within a call to the table, except where a slot says so.
 */
#ifndef ARCI_TRANSPORT_TRANSPORT_H
#define ARCI_TRANSPORT_TRANSPORT_H

#include <openssl/types.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include <arctic/address.h>
#include <arctic/error.h>
#include <arctic/id.h>
#include <arctic/log.h>

#include "model/peer.h"

/* Most bytes of one write, and the room that the writer leaves in front of them for the transport's header.
 */
#define ARCI_STREAM_WRITE_MAX 16380
#define ARCI_STREAM_HEADROOM 32

/* Why a flow was refused or aborted. The first part travels on the wire: append, never renumber. */
enum arci_stream_reason {
    ARCI_REASON_NONE = 0,
    ARCI_REASON_REFUSED = 1, /* the destination answered with a reset */
    ARCI_REASON_HOST_UNREACHABLE = 2,
    ARCI_REASON_NET_UNREACHABLE = 3,
    ARCI_REASON_TIMED_OUT = 4, /* the destination did not answer in time */
    ARCI_REASON_NO_IPV6 = 5,   /* the exit has no IPv6 */
    ARCI_REASON_NOT_PERMITTED =
        6, /* no such service from this peer, not covered, or a forbidden destination */
    ARCI_REASON_NO_RESOURCES = 7, /* the exit is out of memory, descriptors or flows */
    ARCI_REASON_RESET = 8,        /* the local socket at the other end was reset */
    ARCI_REASON_WITHDRAWN = 9,    /* the service has gone or the agent stops */

    ARCI_REASON_LOOP = 10, /* the flow comes from the exit itself */

    /* This end's own findings, never on the wire. */
    ARCI_REASON_PEER_UNREACHABLE = 64, /* no connection to the peer could be had */
    ARCI_REASON_CONNECTION_LOST = 65,  /* the connection died under the flow */
};

/* A word for logs and messages. Static text, never NULL. */
const char *arci_stream_reason_name(int reason);

/* What the entry tells the exit about a flow. */
struct arci_stream_request {
    struct arctic_id service_id;
    struct arctic_endpoint destination; /* of the same family as the client */
    struct arctic_endpoint client;
};

struct arci_transport;
struct arci_stream;

/* What the user of a stream is told. */
struct arci_stream_events {
    /*
     * Opening end only, once, while the opening message is built: fill in up to `size` bytes that are
     * readable already, so that they travel with it. May be called within open(). Returns their number; must
     * not call into the table.
     */
    size_t (*early)(void *user, uint8_t *bytes, size_t size);
    /* Opening end only: the destination has accepted. */
    void (*opened)(void *user);
    /*
     * Bytes arrived. Returns how many were taken; when fewer than `length`, the transport keeps the rest and
     * gives nothing more until resume(). The bytes are valid during the call only.
     */
    size_t (*data)(void *user, const uint8_t *bytes, size_t length);
    /* The other end has finished its direction; every byte before it was delivered and taken. */
    void (*finished)(void *user);
    /* Opening end: refused with a reason. Either end: aborted. Nothing comes after; the user still calls
     * close(). */
    void (*failed)(void *user, enum arci_stream_reason reason, bool refused);
    /* writable() became true again after it was false. */
    void (*writable)(void *user);
};

/* What the control loop may read of one peer at any time. Written by one worker only. */
struct arci_peer_counters {
    atomic_bool reachable;
    atomic_int_least64_t last_answer_at; /* arci_time_monotonic() of the last bytes from it, 0: never */
    atomic_int_least64_t
        dial_failed_at; /* the same of the last new connection that failed, as the one before; 0: none */
    atomic_int_least64_t rtt_us; /* as the kernel smooths it, -1: not measured */
    atomic_int_least32_t idle;   /* connections that wait for a flow */
    atomic_int_least32_t busy;   /* connections that this end opened and that carry a flow */
    atomic_int_least32_t dialling;
    atomic_int_least32_t accepted;      /* connections that the peer opened */
    atomic_uint_least64_t primed_bytes; /* padding sent to it and asked from it */
    atomic_uint_least64_t protocol_errors;
};

/* One peer as the configuration has it. Only connected peers are listed; from others nothing is accepted. */
struct arci_transport_peer {
    struct arctic_id id;
    uint8_t key[ARCI_PEER_KEY_SIZE];
    struct arctic_endpoint
        endpoints[ARCI_PEER_ENDPOINTS_MAX]; /* tried in this order; the one that answered last goes first */
    size_t endpoint_count;
    int64_t
        met_at; /* of the last handshake with it, in any unit: when it changes the peer is tried at once */
    bool warm;  /* keep connections ready: flows towards it are to be expected */
    bool
        silent; /* it was found not to answer: what waits for its word fails, and open flows go on; the end of that is news of it */
    struct arci_peer_counters *counters; /* outlives the transport */
};

struct arci_transport_settings {
    uint32_t mark;         /* SO_MARK of every socket, 0: none */
    char congestion[16];   /* TCP congestion control, "": the kernel's default */
    uint32_t pool_minimum; /* connections kept ready for each warm peer */
    uint32_t pool_maximum; /* connections kept idle at most */
    int64_t idle_ms;       /* how long an idle connection above the minimum is kept */
    int64_t connect_ms;    /* for a connection to a peer, handshake included */
    int64_t open_ms;       /* from the opening message to its answer */
    int64_t
        silent_ms; /* how long open flows wait for a peer that is `silent` and sends nothing on any connection */
    uint32_t prime_bytes;  /* padding for each fresh connection of the minimum and direction, 0: none */
    uint32_t unsent_bytes; /* TCP_NOTSENT_LOWAT */
    uint32_t accept_limit; /* connections of one peer that are served at once */
};

/* Sets every field to what is used when an operator says nothing. */
void arci_transport_settings_defaults(struct arci_transport_settings *ret_settings);

/* What the owner of a transport is told. */
struct arci_transport_events {
    /* A peer opens a flow. The user owns the stream and calls watch() or refuse() before it returns. */
    void (*incoming)(void *user, struct arci_stream *stream, const struct arctic_id *peer,
                     const struct arci_stream_request *request);
    /* A peer became reachable or not. */
    void (*peer_state)(void *user, const struct arctic_id *peer, bool reachable, int64_t rtt_us);
    /*
     * A connection for the cluster protocol, its handshake done. `fd` and `ssl` become the callee's:
     * SSL_free(), then close(). The socket is off this loop.
     */
    void (*control)(void *user, int fd, SSL *ssl, const uint8_t key[ARCI_PEER_KEY_SIZE],
                    const struct arctic_endpoint *remote);
};

struct arci_tls;

struct arci_transport_options {
    uv_loop_t *loop;
    struct arctic_log *log;
    struct arci_tls *tls; /* outlives the transport */
    const int
        *listeners; /* bound, not yet listening; they become the transport's, even when create() fails */
    size_t listener_count;
    const struct arci_transport_events *events;
    void *user;
};

/* Each slot is mandatory. */
struct arci_transport_ops {
    const char *name;

    /*
     * Makes the worker's end and starts to listen. No peer is known yet. Errors: ARCTIC_E_NO_MEMORY,
     * ARCTIC_E_SYSTEM; nothing is left behind then but closing handles, for which the loop has to run on.
     */
    int (*create)(const struct arci_transport_options *options, struct arci_transport **ret_transport,
                  struct arctic_error *error);

    /*
     * Takes a new configuration. Connections of peers that are gone, or whose key changed, are cut and their
     * streams fail with CONNECTION_LOST; this happens within the call. Errors: ARCTIC_E_NO_MEMORY, with the
     * old configuration kept whole.
     */
    int (*configure)(struct arci_transport *transport, const struct arci_transport_settings *settings,
                     const struct arci_transport_peer *peers, size_t peer_count, struct arctic_error *error);

    /* Stops listening, keeping warm and opening; streams that exist live on, but those that wait for a connection fail in the call. */
    void (*retire)(struct arci_transport *transport);

    /* After retire(): whether everything that was written or finished has left. */
    bool (*drained)(const struct arci_transport *transport);

    /*
     * Ends the transport, retired or not. The caller has closed every stream before. The memory goes when the
     * loop has run the close callbacks; `closed` is called then.
     */
    void (*destroy)(struct arci_transport *transport, void (*closed)(void *user), void *user);

    /*
     * Opens a flow towards a peer. The stream is the caller's at once and may be written to; whether and when
     * its opening message leaves is told by early(), opened() and failed(). Errors: ARCTIC_E_NO_MEMORY;
     * ARCTIC_E_PEER_UNREACHABLE when the peer is not configured or known not to answer, or ARCTIC_E_LIMIT
     * when too many wait for a connection to it already. A peer that was never tried, or has not answered for
     * a few seconds only, is waited for, up to connect_ms.
     */
    int (*open)(struct arci_transport *transport, const struct arctic_id *peer,
                const struct arci_stream_request *request, const struct arci_stream_events *events,
                void *user, struct arci_stream **ret_stream, struct arctic_error *error);

    /*
     * Takes an incoming flow: from here on failed() of `events` is called with `user`, and no other before
     * accept(). To be called within incoming(), unless refuse() is; and again, before accept(), where the flow
     * passes to another user.
     */
    void (*watch)(struct arci_stream *stream, const struct arci_stream_events *events, void *user);

    /* Answers an incoming flow: the destination was reached. What waited is delivered from the loop
     * afterwards. */
    void (*accept)(struct arci_stream *stream);

    /* Answers an incoming flow that cannot be served, and ends its stream (no close() after it). */
    void (*refuse)(struct arci_stream *stream, enum arci_stream_reason reason);

    /* Whether write() may be called: false before the opening message has left and while the path is full. */
    bool (*writable)(const struct arci_stream *stream);

    /*
     * Takes 1..ARCI_STREAM_WRITE_MAX bytes whole. Only while writable(). The ARCI_STREAM_HEADROOM bytes in
     * front of them belong to the caller's buffer and are overwritten. A connection that breaks in the call
     * is told by failed(), from the loop.
     */
    void (*write)(struct arci_stream *stream, uint8_t *bytes, size_t length);

    /* Half-close: this end has no more to write. Once; legal at any time, writable or not. */
    void (*finish)(struct arci_stream *stream);

    /* Ready for data again after data() took less than all. Delivery comes from the loop. */
    void (*resume)(struct arci_stream *stream);

    /*
     * Ends the stream, always and once, except after refuse(). When both ends have finished, what carried it
     * is used again. Before that it is an abort: the other end's failed() is called with `reason`. No
     * callback comes after.
     */
    void (*close)(struct arci_stream *stream, enum arci_stream_reason reason);
};

/* A table by the name of its transport ("tls"); NULL where there is none. */
const struct arci_transport_ops *arci_transport_find(const char *name);

#endif
