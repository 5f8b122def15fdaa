/* What the files of the TLS transport share: its objects and how they hang together. */
#ifndef ARCI_TRANSPORT_TLS_INTERNAL_H
#define ARCI_TRANSPORT_TLS_INTERNAL_H

#include <openssl/ssl.h>
#include <sys/queue.h>

#include "transport/tls/frame.h"
#include "transport/tls/session.h"
#include "transport/transport.h"
#include "transport/watch.h"

#define ARCI_RECORD_MAX 16384       /* plaintext of one TLS record (RFC 8446 section 5.1) */
#define ARCI_TLS_TICK_MS 250        /* resolution of all limits on time below */
#define ARCI_PING_INTERVAL_MS 15000 /* on an idle connection */
#define ARCI_PING_LIMIT_MS 3000     /* then the connection is given up */
#define ARCI_QUIET_LIMIT_MS 60000   /* an idle accepted connection whose opener does not even ping */
#define ARCI_WATCH_MS 5000          /* how often a busy connection is looked at for being unanswered */
#define ARCI_HANDSHAKE_MS 10000     /* for an accepted connection */
#define ARCI_END_MS 10000           /* for the last bytes of a connection that ends */
#define ARCI_DRAIN_MS 2000          /* for the other end to stop sending after a reset */
#define ARCI_DIAL_STAGGER_MS                                                                                 \
    250                   /* before the peer's next endpoint is tried beside the first (RFC 8305 section 5) */
#define ARCI_DIALS_MAX 64 /* connections to one peer that are being made at once */
#define ARCI_DIALS_UNPROVEN 4     /* connections, before the peer has said a word on any */
#define ARCI_WAITING_MAX 4096     /* flows that wait for a connection to one peer */
#define ARCI_PADDING_UNSENT 65536 /* TCP_NOTSENT_LOWAT while padding: what a flow may find in its way */
#define ARCI_BACKOFF_FIRST_MS 250
#define ARCI_BACKOFF_MAX_MS 15000
#define ARCI_REACH_PATIENCE_MS                                                                               \
    3000                        /* without an answer, before a peer that was tried counts as unreachable */
#define ARCI_CONTROL_QUEUE 1024 /* bytes of control frames that wait behind a blocked record */

struct arci_tls_connection;
struct arci_tls_peer;
struct arci_tls_dial;

TAILQ_HEAD(arci_tls_connections, arci_tls_connection);
TAILQ_HEAD(arci_tls_dials, arci_tls_dial);
TAILQ_HEAD(arci_streams, arci_stream);

struct arci_stream {
    struct arci_transport *transport;
    struct arci_tls_connection *connection; /* NULL: waits for one, or it is over */
    struct arci_tls_peer *waiting_for;      /* whose queue it is in */
    TAILQ_ENTRY(arci_stream) waiting;
    int64_t deadline; /* of the wait */
    struct arci_stream_request request;
    const struct arci_stream_events *events;
    void *user;
    bool finish_owed;   /* finish() came before the connection did */
    bool accepted;      /* data may be given: the opening end, or after accept() */
    bool finished_held; /* the other end has finished before accept() */
    bool failed;        /* nothing more is to be told */
};

enum arci_connection_phase {
    ARCI_CONNECTION_CONNECTING = 0,
    ARCI_CONNECTION_HANDSHAKE = 1,
    ARCI_CONNECTION_READY = 2,
    ARCI_CONNECTION_CLOSED = 3, /* waits for libuv to give back its memory */
};

struct arci_tls_connection {
    struct arci_watch watch; /* first: its address is the connection's */
    struct arci_transport *transport;
    TAILQ_ENTRY(arci_tls_connection) all;
    TAILQ_ENTRY(arci_tls_connection) ready; /* has something to read that no event of the socket will tell */
    TAILQ_ENTRY(arci_tls_connection) idle;  /* in its peer's list */
    TAILQ_ENTRY(arci_tls_connection) doorway;
    struct arci_tls_peer *peer; /* NULL before an accepted connection has proved its key */
    struct arci_tls_dial *dial; /* that it competes for */
    struct arctic_endpoint remote;
    SSL *ssl;
    int fd;
    enum arci_connection_phase phase;
    bool opener;
    bool is_ready, is_idle, in_doorway;
    bool confirmed; /* the other end has sent something after the handshake */
    bool paused;    /* the stream took less than it was given */
    bool stalled;   /* the stream saw writable() false */
    bool broken;    /* failed while sending; to be closed from the loop */
    bool retiring;  /* not to be used again */
    bool ending;    /* to be closed when all is sent */
    struct arci_session session;
    struct arci_frame_decoder decoder;
    struct arci_stream *stream;
    uint8_t *pending; /* the record that the socket did not take, to be given to OpenSSL again; NULL until
                         needed */
    size_t pending_length;
    uint8_t queue[ARCI_CONTROL_QUEUE]; /* control frames behind it */
    size_t queue_length;
    uint8_t *held; /* decrypted and not yet taken; NULL until needed */
    size_t held_offset, held_length;
    uint64_t reference_rate; /* of this direction right after priming, bytes a second; 0: not known */
    int64_t look_at;         /* when to look at the rate again; 0: no need */
    size_t padding;          /* bytes of padding still to be sent */
    int64_t padding_until;   /* when it ends all the same */
    bool prime_asked, out_primed, in_primed;
    bool good;        /* the rate was looked at after the last flow */
    int64_t deadline; /* of the phase, the drain or the answer; 0: none */
    int64_t idle_since;
    int64_t heard_at;
    int64_t ping_sent_at; /* 0: none is out */
    int64_t watch_at;     /* when a busy connection is to be looked at */
    int64_t unanswered_since;
    size_t endpoint; /* index at the peer */
};

enum arci_peer_reach {
    ARCI_REACH_UNKNOWN = 0,
    ARCI_REACH_GOOD = 1,
    ARCI_REACH_NONE = 2,
};

/* Tokens that come back with time. Zero-initialised it is full. */
struct arci_tls_bucket {
    size_t tokens;
    int64_t filled_at;
};

struct arci_tls_peer {
    struct arci_transport *transport;
    struct arci_transport_peer settings; /* endpoints are kept in this peer's own order of preference */
    struct arci_tls_connections idle;    /* the one used last first */
    struct arci_tls_dials dials;
    struct arci_streams waiting;
    size_t idle_count, dial_count, waiting_count, accepted_count, busy_count;
    size_t confirmed_count; /* idle or busy ones that the peer has said something on */
    enum arci_peer_reach reach;
    size_t preferred; /* endpoint that answered last */
    unsigned failures;
    int64_t asked_at; /* since when it is dialled without an answer; 0: it has answered, or nobody asks */
    struct arctic_error trouble;          /* of the last dial that failed */
    struct arci_tls_bucket priming;       /* what this end decides on */
    struct arci_tls_bucket asked_priming; /* what the peer asks for */
    int64_t dial_after;
    int64_t heard_at;
    int64_t silent_at; /* since when it is said to be silent */
    bool removed;      /* no longer configured: it only waits for its connections */
};

struct arci_transport {
    uv_timer_t tick;
    uv_idle_t again; /* runs while `ready` has entries */
    uv_timer_t soon; /* closes what broke while sending */
    uv_loop_t *loop;
    struct arctic_log *log;
    struct arci_tls *tls;
    const struct arci_transport_events *events;
    void *user;
    struct arci_transport_settings settings;
    struct arci_tls_peer **peers; /* by id */
    size_t peer_count;
    struct arci_tls_connections connections; /* CLOSED ones too, until their memory is given back */
    struct arci_tls_connections ready;
    size_t ready_count;
    struct arci_tls_listener *listeners;
    size_t listener_count;
    struct arci_tls_connections doorway; /* accepted ones that have not proved a key, the oldest first */
    size_t doorway_count;
    bool retired;
    bool congestion_warned;
    int64_t refusal_logged_at;
    size_t handles; /* open libuv handles of this transport */
    void (*closed)(void *user);
    void *closed_user;
    uint8_t read_buffer[ARCI_RECORD_MAX];
    uint8_t write_buffer[ARCI_RECORD_MAX];
};

struct arci_tls_listener {
    struct arci_watch watch;
    struct arci_transport *transport;
    int64_t resume_at; /* out of descriptors: when to try again; 0: it listens */
};

/* A libuv handle has closed: gives back the memory of a destroyed transport with the last one. */
void arci_transport_handle_closed(struct arci_transport *transport);

/* Has the connections of `ready` read, and what broke while sending closed, from the loop. */
void arci_transport_run_again(struct arci_transport *transport);
void arci_transport_run_soon(struct arci_transport *transport);

static inline int64_t arci_tls_now(const struct arci_transport *transport)
{
    return (int64_t)uv_now(transport->loop);
}

#endif
