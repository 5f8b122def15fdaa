/* The insides of server, connections and requests, shared by the files of the server. */
#ifndef ARCI_REST_REQUEST_H
#define ARCI_REST_REQUEST_H

#include <microhttpd.h>
#include <uv.h>

#include "base/buffer.h"
#include "rest/routing.h"
#include "rest/server.h"
#include "rest/target.h"

/* One TCP connection of a client, and until when its present phase has to be over. */
struct arci_http_connection {
    struct arci_http_connection *next;
    struct arci_http_connection **link; /* what points to this one */
    int fd;
    int64_t deadline; /* monotonic milliseconds, 0: none */
};

struct arci_http_server {
    struct arci_http_options options;
    struct arctic_endpoint endpoint;
    struct MHD_Daemon *daemon;
    struct arci_http_connection *connections;
    struct arci_request *waiting;
    uv_poll_t poll;
    uv_timer_t run_timer;   /* when libmicrohttpd wants to run without an event */
    uv_timer_t sweep_timer; /* deadlines */
    bool run_again; /* a connection was resumed, of which libmicrohttpd tells nothing when polled from outside
                     */
    unsigned open_handles;
    void (*closed)(void *context);
    void *closed_context;
};

struct arci_request {
    struct arci_http_server *server; /* NULL once the server or the connection has gone */
    struct MHD_Connection *connection;
    struct arci_request *next_waiting; /* suspended requests, so that closing can resume them */
    struct arci_request **waiting_link;
    unsigned references; /* the connection's and, until it answers, the handler's */

    char method[16];
    struct arci_target target;
    const struct arci_http_endpoint *endpoint;
    struct arctic_endpoint remote;
    int64_t started_at; /* monotonic milliseconds */

    bool headers_seen;
    bool handed_over; /* the handler has been called */
    size_t body_seen; /* bytes received, kept or not */
    struct arci_buffer body;
    json_t *json;
    struct arci_pairs form;

    void *principal;
    void (*release_principal)(void *principal);

    struct arctic_error rejection; /* code below 0: answered with it once the body has been swallowed */
    char allow[ARCI_ALLOW_SIZE];
    struct MHD_Response *response;
    unsigned status;
    size_t response_length;
};

/* --- request.c --- */

/* Makes a request with one reference; NULL when memory runs out. A bad target is left in `rejection`. */
struct arci_request *arci_request_create(struct arci_http_server *server, struct MHD_Connection *connection,
                                         const char *raw_target);
void arci_request_unreference(struct arci_request *request);

/* Parses the body as the endpoint wants it. Errors: ARCTIC_E_INVALID_REQUEST, ARCTIC_E_NO_MEMORY. */
int arci_request_read_body(struct arci_request *request, struct arctic_error *error);

/* --- response.c --- */

/* Sets the answer without touching references or the connection. */
void arci_request_set_failure(struct arci_request *request, const struct arctic_error *error);

/* --- server.c --- */

/* Lets libmicrohttpd run in the next turn of the loop. */
void arci_http_server_run_soon(struct arci_http_server *server);

/* --- exchange.c: what libmicrohttpd calls, in this order --- */

void *arci_exchange_on_target(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result arci_exchange_on_request(void *server, struct MHD_Connection *connection, const char *url,
                                         const char *method, const char *version, const char *bytes,
                                         size_t *length, void **request);
void arci_exchange_on_completed(void *server, struct MHD_Connection *connection, void **request,
                                enum MHD_RequestTerminationCode how);

/* Lets the connection of a request that waits go on with its answer. */
void arci_exchange_resume(struct arci_request *request);

/* Takes a request out of the server's list of waiting ones. */
void arci_exchange_stop_waiting(struct arci_request *request);

#endif
