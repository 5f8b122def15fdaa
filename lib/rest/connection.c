/*
 * Deadlines of connections. libmicrohttpd only knows an inactivity time-out, which a byte now and then
 * extends for ever. So each phase of a connection gets a deadline of its own here, and one that is late is
 * shut down at its socket: libmicrohttpd then sees the end of the stream and lets the connection go in its
 * usual way.
 */
#include "rest/connection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/time.h"
#include "rest/tls-key.h"

struct arci_http_connection *arci_http_connection_open(struct arci_http_server *server,
                                                       struct MHD_Connection *handle)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct arci_http_connection *opened = info ? calloc(1, sizeof *opened) : NULL;
    if (!opened)
        return NULL;
    const union MHD_ConnectionInfo *client =
        MHD_get_connection_info(handle, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (client && client->client_addr)
        opened->remote = arci_endpoint_from_sockaddr(client->client_addr).address;
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
    arci_tls_key_unref(connection->tls_key);
    free(connection);
}

struct arci_http_connection *arci_http_connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void cut(struct arci_http_connection *connection)
{
    shutdown(connection->fd, SHUT_RDWR);
    connection->cut = true;
    connection->deadline = 0;
}

/* Who has an IPv6 address has a network of them (RFC 6177). */
static bool is_same_client(const struct arctic_address *a, const struct arctic_address *b)
{
    return a->family == b->family && memcmp(a->bytes, b->bytes, a->family == ARCTIC_FAMILY_IPV4 ? 4 : 8) == 0;
}

/* What stands against another connection: those of its kind. */
struct crowd {
    unsigned all;
    unsigned same_client;
    struct arci_http_connection *oldest[ARCI_HTTP_SERVED]; /* of those that wait for their clients, or NULL */
};

/* To be called for one after the other, the youngest first, as they stand in the list. */
static void note_waiting(struct crowd *crowd, struct arci_http_connection *connection)
{
    if (connection->phase < ARCI_HTTP_SERVED)
        crowd->oldest[connection->phase] = connection;
}

static struct crowd look_around(const struct arci_http_server *server, const struct arctic_address *remote)
{
    struct crowd crowd = {.all = 0};
    bool local = arci_address_is_loopback(remote);
    for (struct arci_http_connection *other = server->connections; other; other = other->next) {
        if (other->cut || arci_address_is_loopback(&other->remote) != local)
            continue;
        crowd.all++;
        crowd.same_client += is_same_client(&other->remote, remote);
        note_waiting(&crowd, other);
    }
    return crowd;
}

/* One without a request loses least. But a request that never comes whole must not hold a place either. */
static struct arci_http_connection *choose_victim(const struct crowd *crowd)
{
    return crowd->oldest[ARCI_HTTP_IDLE] ? crowd->oldest[ARCI_HTTP_IDLE]
                                         : crowd->oldest[ARCI_HTTP_IN_TRANSIT];
}

enum MHD_Result arci_http_connection_admit(void *context, const struct sockaddr *address, socklen_t length)
{
    struct arci_http_server *server = context;
    const struct arci_http_options *options = &server->options;
    const struct arctic_address remote = arci_endpoint_from_sockaddr(address).address;
    const struct crowd crowd = look_around(server, &remote);
    bool local = arci_address_is_loopback(&remote);
    (void)length;
    server->arrivals++;
    if (!local && crowd.same_client >= options->per_address_limit)
        return MHD_NO;
    if (crowd.all < (local ? options->loopback_limit : options->connection_limit))
        return MHD_YES;
    struct arci_http_connection *victim = choose_victim(&crowd);
    if (victim)
        cut(victim);
    return victim ? MHD_YES : MHD_NO;
}

bool arci_http_connections_make_room(struct arci_http_connection *list)
{
    struct crowd crowd = {.all = 0};
    for (; list; list = list->next) {
        if (!list->cut)
            note_waiting(&crowd, list);
    }
    struct arci_http_connection *victim = choose_victim(&crowd);
    if (victim)
        cut(victim);
    return victim != NULL;
}

bool arci_http_connections_cut(struct arci_http_connection *list, int64_t now)
{
    bool any = false;
    for (; list; list = list->next) {
        if (list->deadline == 0 || list->deadline > now)
            continue;
        cut(list);
        any = true;
    }
    return any;
}
