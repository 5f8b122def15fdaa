/*
 * One TLS connection of the tunnel: its life from the socket to the end. Sending is in sending.c, receiving
 * in receiving.c; the pool it may belong to in peer.c.
 */
#ifndef ARCI_TRANSPORT_TLS_CONNECTION_H
#define ARCI_TRANSPORT_TLS_CONNECTION_H

#include "transport/tls/internal.h"

/*
 * Makes a connection over a non-blocking socket, which becomes the connection's on success and is closed on
 * failure. An opener is CONNECTING, an accepted one in its HANDSHAKE. NULL when memory or descriptors run
 * out.
 */
struct arci_tls_connection *arci_connection_create(struct arci_transport *transport, int fd, bool opener,
                                                   const struct arctic_endpoint *remote);

/* Takes an accepted socket and begins the server's handshake. */
void arci_connection_accept(struct arci_transport *transport, int fd, const struct arctic_endpoint *remote);

/* Ends a connection: in order when it is between flows, else by a reset. Its stream is told CONNECTION_LOST.
 */
void arci_connection_close(struct arci_tls_connection *connection);

/* Ends a connection between flows as soon as what was written has left. */
void arci_connection_end(struct arci_tls_connection *connection);

/* As arci_connection_close(), later and from the loop, for failures within calls of the table. */
void arci_connection_break(struct arci_tls_connection *connection);

/* Has it read again from the loop, whether its socket is readable or not. */
void arci_connection_wake(struct arci_tls_connection *connection);

/* Reads those that were woken. */
void arci_connection_read_ready(struct arci_transport *transport);

/* Checks its limits on time. */
void arci_connection_tick(struct arci_tls_connection *connection);

/* Waits for what its state needs. To be called after every change. */
void arci_connection_update(struct arci_tls_connection *connection);

/* Whether frames may be exchanged over it. */
bool arci_connection_alive(const struct arci_tls_connection *connection);

/* sending.c */

/* Sends or queues a control frame and notes it in the session. */
void arci_connection_send(struct arci_tls_connection *connection, const struct arci_frame *frame);

/* Sends or queues whole frames as they are. */
void arci_connection_send_raw(struct arci_tls_connection *connection, const uint8_t *bytes, size_t length);

/* Sends the OPEN of `stream`, with what it has to say at once, and attaches it. */
void arci_connection_open(struct arci_tls_connection *connection, struct arci_stream *stream);

/* Sends a DATA frame: `bytes` has room for its header in front. Only while arci_connection_writable(). */
void arci_connection_write(struct arci_tls_connection *connection, uint8_t *bytes, size_t length);

/* Whether a record would be taken now. */
bool arci_connection_writable(const struct arci_tls_connection *connection);

/* The socket is writable: sends what waits, then padding, then tells the stream. */
void arci_connection_flush(struct arci_tls_connection *connection);

/* Ends this end's direction by RESET (REFUSED before it was answered), where there is something to end. */
void arci_connection_abort(struct arci_tls_connection *connection, enum arci_stream_reason reason);

/* receiving.c */

/* The socket is readable, or has something inside: takes frames and acts on them. */
void arci_connection_read(struct arci_tls_connection *connection);

/* Lets go of the stream once the flow is over, and gives the connection back to its pool. */
void arci_connection_settle(struct arci_tls_connection *connection);

#endif
