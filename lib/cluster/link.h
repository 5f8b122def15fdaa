/*
 * A control link: one TLS connection between two agents that carries JSON messages both ways. It lives on a libuv loop and all of
 * its calls and callbacks happen on that loop's thread.
 */
#ifndef ARCI_CLUSTER_LINK_H
#define ARCI_CLUSTER_LINK_H

#include <uv.h>

#include <arctic/address.h>

#include "base/json.h"
#include "crypto/tls.h"

struct arci_link;

/* More than the messages of many records have, so that those stay in order with all else. */
#define ARCI_LINK_LARGE ((size_t)512 * 1024)

struct arci_link_events {
    /* The TLS handshake is done: arci_link_peer_key() and arci_link_exporter() may be asked. Not called for accepted links. */
    void (*on_open)(void *context, struct arci_link *link);
    /* One message, borrowed. */
    void (*on_message)(void *context, struct arci_link *link, const json_t *message);
    /*
     * One message of ARCI_LINK_LARGE bytes or more, as text. True: it was taken over (to be freed), and nothing more is read until
     * arci_link_resume(); false: it is a message like others. May be NULL: all are.
     */
    bool (*on_large)(void *context, struct arci_link *link, char *text, size_t length);
    /* The link has ended by itself; the last call about it, which frees itself afterwards. Not called after arci_link_close(). */
    void (*on_closed)(void *context, struct arci_link *link, const struct arctic_error *error);
};

struct arci_link_options {
    uv_loop_t *loop;
    struct arci_tls *tls;
    const struct arci_link_events *events; /* outlives the link */
    void *context;
    uint32_t socket_mark; /* SO_MARK of an outgoing socket, 0 for none */
    const char
        *congestion; /* TCP congestion control of it, as of the tunnels beside it; NULL or "": the kernel's */
    size_t message_limit;     /* longest message accepted; may be raised later */
    uint64_t connect_timeout; /* milliseconds for TCP and TLS together */
};

/*
 * Connects to an endpoint whose key must be `expected_key` (NULL: any, see arci_link_peer_key()). Failure to connect arrives as
 * on_closed, ARCTIC_E_PEER_UNREACHABLE or ARCTIC_E_HANDSHAKE_FAILED. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_link_connect(const struct arci_link_options *options, const struct arctic_endpoint *endpoint,
                      const uint8_t *expected_key, struct arci_link **ret_link, struct arctic_error *error);

/*
 * Takes over an accepted connection whose TLS handshake is done (control ALPN); `ssl` and `fd` belong to the link from now on,
 * also on failure.
 */
int arci_link_adopt(const struct arci_link_options *options, SSL *ssl, int fd,
                    const struct arctic_endpoint *remote, struct arci_link **ret_link,
                    struct arctic_error *error);

/* Queues a message. Errors: ARCTIC_E_LIMIT when 64 MiB wait already, ARCTIC_E_NO_MEMORY. */
int arci_link_send(struct arci_link *link, const json_t *message, struct arctic_error *error);

/* The same for a message that is text already: one JSON object. */
int arci_link_send_text(struct arci_link *link, const char *text, size_t length, struct arctic_error *error);

/*
 * Reads on after a large message: hands out what has become of it, as any other message (NULL: nothing), and what has come behind it.
 * With a problem the link ends instead. Not from within on_large.
 */
void arci_link_resume(struct arci_link *link, const json_t *message, const struct arctic_error *problem);

/* Bytes that wait to be sent. */
size_t arci_link_queued(const struct arci_link *link);

/* Milliseconds since the other end has last sent anything; 0 while this end does not read. */
uint64_t arci_link_silence(const struct arci_link *link);

/* How many bytes the other end has acknowledged: grows as long as it takes what waits to be sent. */
uint64_t arci_link_acknowledged(const struct arci_link *link);

/* How many bytes that makes when all that has been sent so far is: about, since what waits is not encrypted yet. */
uint64_t arci_link_written(const struct arci_link *link);

/* Ends a link at once, without a callback; what is queued is lost. NULL is allowed. */
void arci_link_close(struct arci_link *link);

/* Ends a link after what is queued has left (for at most 2 s), without a callback. */
void arci_link_finish(struct arci_link *link);

/* Hands the link to another owner: later callbacks go there. */
void arci_link_set_events(struct arci_link *link, const struct arci_link_events *events, void *context);

void arci_link_set_message_limit(struct arci_link *link, size_t limit);
bool arci_link_peer_key(const struct arci_link *link, uint8_t ret_key[ARCI_KEY_SIZE]);
int arci_link_exporter(const struct arci_link *link, const char *label, void *out, size_t length,
                       struct arctic_error *error);
const struct arctic_endpoint *arci_link_remote(const struct arci_link *link);

#endif
