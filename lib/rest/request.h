/*
 * The insides of server, connections and requests, shared by the files of the server. A request knows nothing of libmicrohttpd:
 * what only the place it comes from can tell or do is asked of its source, an exchange over HTTP (exchange.c) or a submission of
 * this process (submission.c).
 */
#ifndef ARCI_REST_REQUEST_H
#define ARCI_REST_REQUEST_H

#include <microhttpd.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/log.h"
#include "rest/routing.h"
#include "rest/server.h"
#include "rest/target.h"

/* Whom a connection waits for. */
enum arci_http_phase {
    ARCI_HTTP_IDLE,       /* for its client, to connect over TLS or to send the headers of a request */
    ARCI_HTTP_IN_TRANSIT, /* for its client, to send the rest of a body or to take an answer */
    ARCI_HTTP_SERVED,     /* for the handler */
};

/* One TCP connection of a client, and until when its present phase has to be over. */
struct arci_http_connection {
    struct arci_http_connection *next;
    struct arci_http_connection **link; /* what points to this one */
    struct arci_http_server *server;
    int fd;
    struct arctic_address remote;
    enum arci_http_phase phase;
    bool cut;         /* shut down, and as good as gone */
    bool silent;      /* no request has come yet: of a TLS client, perhaps not its handshake either */
    int64_t deadline; /* monotonic milliseconds, 0: none */
    struct arci_tls_key *tls_key; /* of its handshake; NULL before, and in the clear */
};

struct arci_exchange;

struct arci_http_server {
    struct arci_http_options options;
    struct arctic_endpoint endpoint;
    struct arci_tls_key *tls_key; /* for the next handshake; NULL: plain HTTP */
    struct MHD_Daemon *daemon;
    struct arci_http_connection *connections;
    size_t silent_connections;
    uint64_t calls;                 /* how often libmicrohttpd has told of something */
    size_t strangers;               /* bytes of large bodies of requests that name nobody */
    uint64_t arrivals;              /* connections that libmicrohttpd has accepted */
    int listener;                   /* libmicrohttpd's */
    bool left_waiting;              /* at the last look somebody waited there, ... */
    uint64_t arrivals_then;         /* ... after so many had been accepted */
    struct arci_log_limit full_log; /* of those who are left waiting */
    struct arci_exchange *waiting;  /* suspended, so that closing can resume them */
    struct arci_http_submission *submissions;
    uv_poll_t poll;
    uv_idle_t idle;         /* while libmicrohttpd wants to run at once */
    uv_timer_t run_timer;   /* when it wants to run later, or may */
    uv_timer_t sweep_timer; /* deadlines */
    bool run_again; /* a connection was resumed, of which libmicrohttpd tells nothing when polled from outside
                     */
    uint64_t answered[ARCI_HTTP_CLASSES]; /* requests, by the first digit of their status */
    unsigned open_handles;
    void (*closed)(void *context);
    void *closed_context;
};

#define ARCI_CONTENT_TYPE_SIZE 101

struct arci_request_source {
    /* Value of a header, NULL where it is absent; good as long as the source. */
    const char *(*header)(void *source, const char *name);
    /* As arci_request_basic(). */
    bool (*basic)(void *source, char **ret_name, char **ret_secret);
    /* The answer is in the request. May be called while the handler still runs. */
    void (*answered)(void *source);
};

struct arci_request {
    struct arci_http_server *server; /* NULL once the source has gone */
    const struct arci_request_source *source_calls;
    void *source;        /* for source_calls; NULL once it has gone */
    unsigned references; /* the source's and, until it answers, the handler's */

    char method[16];
    struct arci_target target;
    const struct arci_http_endpoint *endpoint;
    struct arctic_endpoint remote;
    bool carried;
    bool is_tls;
    int64_t started_at; /* monotonic milliseconds */

    struct arci_buffer body;
    json_t *json;
    struct arci_pairs form;

    void *principal;
    void (*release_principal)(void *principal);

    struct arctic_error rejection; /* code below 0: answered with it once the body has been swallowed */
    char allow[ARCI_ALLOW_SIZE];
    char content_type[ARCI_CONTENT_TYPE_SIZE]; /* of an answer that was copied */
    struct arci_http_answer answer; /* status 0 while there is none, or after memory ran out; owns its body */
};

/* --- request.c --- */

/* Makes a request with one reference; NULL when memory runs out. A bad target is left in `rejection`. */
struct arci_request *arci_request_create(struct arci_http_server *server, const char *raw_target,
                                         const struct arctic_endpoint *remote,
                                         const struct arci_request_source *source_calls, void *source);
void arci_request_unreference(struct arci_request *request);

/*
 * Lets go of the body in all its forms, parsed JSON may be thirty times as large: nobody needs it once there is an answer, which a
 * client may take its time to read.
 */
void arci_request_drop_body(struct arci_request *request);

/* The source goes: headers are gone from here on, and an answer goes nowhere. Drops the source's reference. */
void arci_request_detach(struct arci_request *request);

/* --- serving.c: what happens to a request wherever it comes from --- */

/*
 * Finds the endpoint and asks whether the caller may use it, from the headers alone. What is wrong is left in `rejection`; returns
 * its code.
 */
int arci_request_admit(struct arci_request *request, const char *method);

/* Asks once more whether the caller may use the endpoint. Like arci_request_admit(), for a request that it has let pass. */
int arci_request_readmit(struct arci_request *request);

/* Leaves BODY_TOO_LARGE in `rejection` and returns it. */
int arci_request_reject_size(struct arci_request *request);

/*
 * The body is whole: has the rejection answered, or parses the body and calls the handler. Returns whether the answer is there
 * already; else the source's answered() will be called.
 */
bool arci_request_serve(struct arci_request *request);

/* Notes an answered request in the log. */
void arci_request_log(const struct arci_request *request);

/* --- response.c --- */

/* Sets the answer without touching references or the source. */
void arci_request_set_failure(struct arci_request *request, const struct arctic_error *error);

/* --- drive.c --- */

/* Takes the library's epoll descriptor into the loop; detach() calls `closed` for each of `open_handles`. Returns 0, or libuv's
 * error with nothing done. */
int arci_http_server_attach(struct arci_http_server *server, int epoll_fd);
void arci_http_server_detach(struct arci_http_server *server, uv_close_cb closed);

/* Lets libmicrohttpd run in the next turn of the loop. */
void arci_http_server_run_soon(struct arci_http_server *server);

/* Looks at the deadlines of connections from now on, until there are none. */
void arci_http_server_watch_deadlines(struct arci_http_server *server);

/* --- exchange.c: what libmicrohttpd calls, in this order --- */

void *arci_exchange_on_target(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result arci_exchange_on_request(void *server, struct MHD_Connection *connection, const char *url,
                                         const char *method, const char *version, const char *bytes,
                                         size_t *length, void **exchange);
void arci_exchange_on_completed(void *server, struct MHD_Connection *connection, void **exchange,
                                enum MHD_RequestTerminationCode how);

/* Lets all connections that wait for their answer go on without one: libmicrohttpd cannot stop while any is suspended. */
void arci_exchanges_resume_all(struct arci_http_server *server);

/* --- submission.c --- */

/* Cancels all of a server that closes. */
void arci_submissions_cancel_all(struct arci_http_server *server);

#endif
