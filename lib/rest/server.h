/*
 * The REST server: HTTP by libmicrohttpd, driven by the caller's libuv loop; requests routed by one table;
 * answers in the API's form. A request may also be made in the process (arci_http_server_submit()): it takes
 * the same way through authority, body and handler. Everything here runs on the loop's thread.
 *
 * A handler gets a request whose path, scope, query escapes and body have been checked, and answers it
 * exactly once with one of the arci_request_respond_*() calls or arci_request_fail(): before it returns, or
 * later (the connection waits meanwhile). The request is valid until that call and not after it, even when
 * its client or the whole server has gone in the meantime: the answer is dropped then.
 */
#ifndef ARCI_REST_SERVER_H
#define ARCI_REST_SERVER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include <arctic/address.h>
#include <arctic/error.h>
#include <arctic/id.h>
#include <arctic/log.h>

struct arci_http_server;
struct arci_request;

/* What an endpoint takes as its body; without a flag, none: a body is then refused. */
enum arci_http_flags {
    ARCI_HTTP_JSON = 1 << 0,               /* one JSON object, required */
    ARCI_HTTP_JSON_OPTIONAL = 1 << 1,      /* one JSON object or nothing */
    ARCI_HTTP_FORM = 1 << 2,               /* application/x-www-form-urlencoded, may be empty */
    ARCI_HTTP_PUBLIC_ON_LOOPBACK = 1 << 3, /* the scope is asked of remote clients only */
    ARCI_HTTP_READS = 1 << 4,  /* for the authorize callback: changes nothing, though its method is no GET */
    ARCI_HTTP_ALWAYS = 1 << 5, /* for the authorize callback: served whatever state the program is in */
    ARCI_HTTP_NEVER_CARRIED = 1 << 6, /* served by the agent that was asked, by no other */
    ARCI_HTTP_TEXT = 1 << 7,          /* answers with text, not with JSON */
};

/* One row of the table of endpoints; a row whose method is NULL ends it. */
struct arci_http_endpoint {
    const char *method;
    const char *path;  /* "/v1/services/{id}/routes/{route_id}" */
    const char *scope; /* short form such as "services.read"; NULL: public */
    void (*handler)(void *context, struct arci_request *request);
    unsigned flags;      /* enum arci_http_flags */
    const char *summary; /* one line, for documentation made from the table, as is what follows */
    /*
     * Names of its query parameters, parted by commas; any other is refused. NULL: none; a public endpoint without any ignores its
     * query, for what watches it may add one to get past caches.
     */
    const char *query;
    const char *request;  /* name of the schema of its body; NULL: none */
    const char *response; /* name of the schema of its answer; NULL: none, or text */
    int status;           /* of success; 0: 200 */
    /* Whose the thing is that a request is about, for rows where that may be another peer: for the divert
     * callback. *ret_owner stays "" where the request is this agent's to answer, be it with an error. */
    void (*owner)(void *context, const struct arci_request *request, struct arctic_id *ret_owner);
};

/*
 * Decides whether the caller may use `scope`, from the request's headers; it may keep a principal in the
 * request. The body has not been read yet. Returns ARCTIC_OK, or fails with ARCTIC_E_UNAUTHORIZED,
 * _TOKEN_EXPIRED, _FORBIDDEN, _NOT_BOOTSTRAPPED, ...
 */
typedef int (*arci_http_authorize)(void *context, struct arci_request *request, const char *scope,
                                   struct arctic_error *error);

/*
 * Called when a request could go to its handler: takes it over, to be answered later by whoever does what it asks
 * for, where *ret_diverted is set. A failure is the request's answer.
 */
typedef int (*arci_http_divert)(void *context, struct arci_request *request, bool *ret_diverted,
                                struct arctic_error *error);

/* Times are milliseconds, 0 stands for the default in brackets. All are limits from the first moment on: no
 * drip of bytes extends them. */
struct arci_http_options {
    uv_loop_t *loop;
    struct arctic_log *log;   /* may be NULL; outlives the server */
    const char *address;      /* IPv4 or IPv6; "::" takes both; NULL or "": "::", without IPv6 0.0.0.0 */
    uint16_t port;            /* 0: a free one */
    const char *port_setting; /* what the operator calls it, for errors, such as "API_PORT"; static */
    uint32_t socket_mark;     /* SO_MARK of the listener and so of its connections; 0: none */
    const struct arci_http_endpoint *endpoints; /* outlives the server */
    arci_http_authorize authorize;              /* required when a row has a scope */
    arci_http_divert divert;                    /* may be NULL */
    void *context;                              /* for these and the handlers */
    const char *tls_chain; /* PEM certificates: TLS 1.3 and nothing else is spoken; NULL: plain HTTP */
    const char *tls_key;   /* PEM, of the first of them; both are borrowed until the server is created */

    /* Connections from elsewhere; for a further one the oldest that waits for its client is cut, first of all one without a
     * request, or it is closed where all are being served. */
    unsigned connection_limit; /* [512] */
    unsigned
        per_address_limit; /* [64] of one IPv4 address or one IPv6 network of 64 bits; further ones are closed */
    unsigned
        loopback_limit; /* [64] from this host, beside the others; for a further one the oldest that waits is cut */
    unsigned header_timeout; /* [10000] from connecting, or the request line, to the end of headers */
    unsigned body_timeout;   /* [30000] from the headers to the end of the body */
    unsigned idle_timeout;   /* [60000] kept alive between requests */
    unsigned send_timeout;   /* [60000] for an answer, beyond what it takes at `send_rate` */
    unsigned send_rate;      /* [65536] bytes a second that a client is expected to read of a long answer */
};

/* The largest body of a request; a larger one is answered with BODY_TOO_LARGE. */
#define ARCI_HTTP_BODY_MAX ((size_t)1024 * 1024)

/*
 * Makes a server that listens and serves as soon as the loop runs. `options` and the address text are copied,
 * what they point to otherwise is not. Errors: ARCTIC_E_USAGE (options, table), ARCTIC_E_SYSTEM (address in
 * use, ...), ARCTIC_E_NO_MEMORY.
 */
int arci_http_server_create(const struct arci_http_options *options, struct arci_http_server **ret_server,
                            struct arctic_error *error);

/*
 * Shows clients that connect from now on another key and certificates, PEM texts as in the options. Connections that are there go on.
 * Errors: ARCTIC_E_USAGE (plain HTTP), ARCTIC_E_CORRUPT, ARCTIC_E_NO_MEMORY; the former key stays then.
 */
int arci_http_server_renew_key(struct arci_http_server *server, const char *chain, const char *key,
                               struct arctic_error *error);

#define ARCI_HTTP_CLASSES 6

/* How many requests were answered with a status that begins with the digit, 2..5. */
uint64_t arci_http_server_answered(const struct arci_http_server *server, unsigned digit);

/* The address and the port it listens on. */
struct arctic_endpoint arci_http_server_endpoint(const struct arci_http_server *server);

/*
 * Stops listening and drops all connections at once; requests that wait for their answer stay valid until
 * answered, into the void. The server is freed by the loop, which has to run on for that; `closed` (may be
 * NULL) is called as the last thing.
 */
void arci_http_server_close(struct arci_http_server *server, void (*closed)(void *context), void *context);

struct arci_http_header {
    const char *name;
    const char *value;
};

/* A request that comes by another way than HTTP; all borrowed for the time of the call. */
struct arci_http_submit_options {
    const char *method;
    const char *target;                     /* "/v1/services/x?y=z" */
    const struct arci_http_header *headers; /* "Authorization", "Content-Type", ... */
    size_t header_count;                    /* up to ARCI_HTTP_SUBMIT_HEADERS */
    const void *body;
    size_t body_length;
    struct arctic_endpoint remote; /* where it comes from */
    bool carried;                  /* another peer has passed it on, see arci_request_is_carried() */
};

#define ARCI_HTTP_SUBMIT_HEADERS 8

struct arci_http_answer {
    unsigned status;
    const char *content_type; /* static; NULL without a body */
    char *body;               /* NULL without one */
    size_t length;
};

struct arci_http_submission;

/* The answer, borrowed. Status 0: memory ran out over it. */
typedef void (*arci_http_submit_done)(void *context, const struct arci_http_answer *answer);

/*
 * Has a request served as if it had come over HTTP, with the same checks and limits. `done` is called exactly
 * once, perhaps before this returns, and never after arci_http_submission_cancel() or
 * arci_http_server_close(). *ret_submission (may be NULL) is what to cancel, NULL where the answer has been
 * given already. Errors, without a call of `done`: ARCTIC_E_USAGE (too many headers), ARCTIC_E_NO_MEMORY.
 */
int arci_http_server_submit(struct arci_http_server *server, const struct arci_http_submit_options *options,
                            arci_http_submit_done done, void *context,
                            struct arci_http_submission **ret_submission, struct arctic_error *error);

/* Nobody waits for the answer any more: what the request does goes on, `done` is not called. NULL is allowed. */
void arci_http_submission_cancel(struct arci_http_submission *submission);

/* What a request carries. Texts live as long as the request, those of headers only as long as the client waits.
 */

const char *arci_request_method(const struct arci_request *request);
/* The path as it came, without the query. */
const char *arci_request_path(const struct arci_request *request);
/* Whether it changes nothing: by its method, or by ARCI_HTTP_READS of its endpoint. */
bool arci_request_reads(const struct arci_request *request);
/* The path for a log: not longer than this, and without what somebody put there who took a secret for an id. */
#define ARCI_PATH_LOG_SIZE 256
const char *arci_request_path_for_log(const struct arci_request *request, char text[ARCI_PATH_LOG_SIZE]);

/* The query as it came, behind the '?'; NULL for none. */
const char *arci_request_raw_query(const struct arci_request *request);
const struct arci_http_endpoint *arci_request_endpoint(const struct arci_request *request);

/* Decoded text of `{name}` in the endpoint's path, never empty; asking for a name that the path does not have
 * is a bug. */
const char *arci_request_parameter(const struct arci_request *request, const char *name);

/* Decoded value of a query parameter, NULL where it is absent. */
const char *arci_request_query(const struct arci_request *request, const char *name);

/* Reads a query parameter that is "true" or "false"; absent leaves *ret_value. Errors:
 * ARCTIC_E_INVALID_REQUEST. */
int arci_request_query_boolean(const struct arci_request *request, const char *name, bool *ret_value,
                               struct arctic_error *error);

/* Reads one that is a number from `lowest` to `highest`; absent leaves *ret_value. Errors: ARCTIC_E_INVALID_REQUEST. */
int arci_request_query_number(const struct arci_request *request, const char *name, int64_t lowest,
                              int64_t highest, int64_t *ret_value, struct arctic_error *error);

/* Value of a header, NULL where it is absent. */
const char *arci_request_header(const struct arci_request *request, const char *name);

/* The token of "Authorization: Bearer ...", NULL without one. */
const char *arci_request_bearer(const struct arci_request *request);

/*
 * Name and secret of "Authorization: Basic ..." (RFC 7617), both to be freed, the secret with
 * arci_free_secret(). False where there are none.
 */
bool arci_request_basic(const struct arci_request *request, char **ret_name, char **ret_secret);

/* The JSON body: an object for ARCI_HTTP_JSON; NULL for an empty body of ARCI_HTTP_JSON_OPTIONAL and for
 * other endpoints. */
const json_t *arci_request_json(const struct arci_request *request);

/* Value of a member of a form body (ARCI_HTTP_FORM), NULL where it is absent. */
const char *arci_request_form(const struct arci_request *request, const char *name);

/* The body as it came, not ended by NUL; *ret_length may be 0. */
const void *arci_request_body(const struct arci_request *request, size_t *ret_length);

/* Whether another peer has passed the request on: its remote address is that peer's. */
bool arci_request_is_carried(const struct arci_request *request);

struct arctic_endpoint arci_request_remote(const struct arci_request *request);

/* Whether the client is on this host; never so for a carried request. */
bool arci_request_is_loopback(const struct arci_request *request);
/* Whether it came over TLS. */
bool arci_request_is_tls(const struct arci_request *request);

/* Keeps what authorize found out about the caller; `release` (may be NULL) frees it with the request. */
void arci_request_set_principal(struct arci_request *request, void *principal,
                                void (*release)(void *principal));
void *arci_request_principal(const struct arci_request *request);

/* Answers. Each ends the caller's use of the request. */

/* Takes over `body`; NULL (memory ran out while it was built) becomes INTERNAL. */
void arci_request_respond_json(struct arci_request *request, int status, json_t *body);

/* Takes over `text` (malloc'd); NULL becomes INTERNAL. For metrics and the like; `content_type` is static. */
void arci_request_respond_text(struct arci_request *request, int status, const char *content_type,
                               char *text);

/* The answer of another server, copied: NULL for one without a body. `content_type` is cut to 100 bytes. */
void arci_request_respond_copy(struct arci_request *request, unsigned status, const char *content_type,
                               const char *body, size_t length);

/* An answer without a body, such as 204. */
void arci_request_respond_empty(struct arci_request *request, int status);

/*
 * {"error", "code"[, "field"]} with the status of the code. The library's own codes are logged in full and
 * told to the client as INTERNAL without detail.
 */
void arci_request_fail(struct arci_request *request, const struct arctic_error *error);

#endif
