/*
 * Deadlines of connections. libmicrohttpd only knows an inactivity time-out, which a byte now and then
 * extends for ever. So each phase of a connection gets a deadline of its own here, and one that is late is
 * shut down at its socket: libmicrohttpd then sees the end of the stream and lets the connection go in its
 * usual way.
 */
#include "rest/connection.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/time.h"

struct arci_http_connection *arci_http_connection_open(struct arci_http_server *server,
                                                       struct MHD_Connection *handle)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct arci_http_connection *opened = info ? calloc(1, sizeof *opened) : NULL;
    if (!opened)
        return NULL;
    opened->server = server;
    opened->fd = info->connect_fd;
    opened->silent = true;
    opened->deadline = arci_time_monotonic() + server->options.header_timeout;
    opened->next = server->connections;
    opened->link = &server->connections;
    if (opened->next)
        opened->next->link = &opened->next;
    server->connections = opened;
    server->silent_connections++;
    return opened;
}

void arci_http_connection_speaks(struct arci_http_connection *connection)
{
    connection->server->silent_connections -= connection->silent;
    connection->silent = false;
}

void arci_http_connection_close(struct arci_http_connection *connection)
{
    arci_http_connection_speaks(connection);
    *connection->link = connection->next;
    if (connection->next)
        connection->next->link = connection->link;
    free(connection);
}

struct arci_http_connection *arci_http_connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

bool arci_http_connections_cut(struct arci_http_connection *list, int64_t now)
{
    bool cut = false;
    for (; list; list = list->next) {
        if (list->deadline == 0 || list->deadline > now)
            continue;
        shutdown(list->fd, SHUT_RDWR);
        list->deadline = 0;
        cut = true;
    }
    return cut;
}
