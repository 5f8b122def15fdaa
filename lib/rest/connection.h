/* Deadlines of connections: what a slow or silent client can hold on to, and for how long. */
#ifndef ARCI_REST_CONNECTION_H
#define ARCI_REST_CONNECTION_H

#include "rest/request.h"

/* Registers a new connection, which has the server's header_timeout for its first request; NULL when memory runs out. */
struct arci_http_connection *arci_http_connection_open(struct arci_http_server *server,
                                                       struct MHD_Connection *handle);
void arci_http_connection_close(struct arci_http_connection *connection);

/*
 * libmicrohttpd's question whether a client may come in. `server` is a struct arci_http_server. This host's own clients have room of
 * their own, so that nobody keeps its operator out.
 */
enum MHD_Result arci_http_connection_admit(void *server, const struct sockaddr *address, socklen_t length);

/* A request begins. */
void arci_http_connection_speaks(struct arci_http_connection *connection);

/* The connection of libmicrohttpd's handle; NULL where it was not registered. */
struct arci_http_connection *arci_http_connection_of(struct MHD_Connection *connection);

/* Cuts one that waits for its client, where there is one; returns whether it did. */
bool arci_http_connections_make_room(struct arci_http_connection *list);

/* Cuts all whose deadline has passed; returns whether any was cut. */
bool arci_http_connections_cut(struct arci_http_connection *list, int64_t now);

#endif
