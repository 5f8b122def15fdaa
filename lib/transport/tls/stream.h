/* Streams: this end of a flow, on its way to a connection, on it, or after it. */
#ifndef ARCI_TRANSPORT_TLS_STREAM_H
#define ARCI_TRANSPORT_TLS_STREAM_H

#include "transport/tls/internal.h"

/* The operations of the table; see transport.h. */
int arci_stream_open(struct arci_transport *transport, const struct arctic_id *peer,
                     const struct arci_stream_request *request, const struct arci_stream_events *events,
                     void *user, struct arci_stream **ret_stream, struct arctic_error *error);
void arci_stream_watch(struct arci_stream *stream, const struct arci_stream_events *events, void *user);
void arci_stream_accept(struct arci_stream *stream);
void arci_stream_refuse(struct arci_stream *stream, enum arci_stream_reason reason);
bool arci_stream_writable(const struct arci_stream *stream);
bool arci_stream_ask_writable(const struct arci_stream *stream);
void arci_stream_write(struct arci_stream *stream, uint8_t *bytes, size_t length);
void arci_stream_finish(struct arci_stream *stream);
void arci_stream_resume(struct arci_stream *stream);
void arci_stream_close(struct arci_stream *stream, enum arci_stream_reason reason);

/* An OPEN has come: makes its stream and asks the transport's owner. */
void arci_stream_incoming(struct arci_tls_connection *connection, const struct arci_stream_request *request);

/* A connection has been found for a stream that waited. */
void arci_stream_attach(struct arci_stream *stream, struct arci_tls_connection *connection);

void arci_stream_tell_finished(struct arci_stream *stream);
void arci_stream_tell_failed(struct arci_stream *stream, enum arci_stream_reason reason, bool refused);

/* What carried the stream, or would have, is gone. */
void arci_stream_lost(struct arci_stream *stream, enum arci_stream_reason reason);

#endif
