/* See outbound.h. */
#include "proxy/outbound.h"

#include <errno.h>
#include <stdbool.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "proxy/flow.h"

static int set(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof on);
}

/*
 * SO_REUSEADDR: a client may use one port towards many destinations, and so may its sockets here; connect() still sees to it that no
 * two have the same two ends. Without a port of its own the socket gets one in connect(), which then knows the destination too
 * (IP_BIND_ADDRESS_NO_PORT in ip(7)), so that the ports are not used up by clients with many destinations.
 */
static int bear(int fd, const struct arctic_endpoint *client, bool any_port)
{
    struct sockaddr_storage address;
    struct arctic_endpoint own = {client->address, any_port ? 0 : client->port};
    socklen_t length = arci_endpoint_to_sockaddr(&own, &address);
    bool ipv4 = address.ss_family == AF_INET;
    if (set(fd, ipv4 ? SOL_IP : SOL_IPV6, ipv4 ? IP_TRANSPARENT : IPV6_TRANSPARENT) < 0 ||
        set(fd, SOL_SOCKET, SO_REUSEADDR) < 0 || set(fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT) < 0)
        return -1;
    return bind(fd, (struct sockaddr *)&address, length);
}

static int attempt(uint32_t mark, const struct arctic_endpoint *destination,
                   const struct arctic_endpoint *client, bool any_port)
{
    struct sockaddr_storage address;
    socklen_t length = arci_endpoint_to_sockaddr(destination, &address);
    ARCI_CLOSE int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return -1;
    if (mark != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark);
    arci_local_tune(fd);
    if (client && bear(fd, client, any_port) < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&address, length) < 0 && errno != EINPROGRESS)
        return -1;
    return arci_steal_fd(&fd);
}

/*
 * bind() finds listeners of this host at the port (EADDRINUSE), or a port below 1024 that takes CAP_NET_BIND_SERVICE (EACCES);
 * connect() finds a connection of both ends, which may be over and in TIME_WAIT (EADDRNOTAVAIL).
 */
static bool is_taken(int errnum)
{
    return errnum == EADDRINUSE || errnum == EADDRNOTAVAIL || errnum == EACCES;
}

int arci_outbound_connect(uint32_t mark, const struct arctic_endpoint *destination,
                          const struct arctic_endpoint *client)
{
    int fd = attempt(mark, destination, client, false);
    if (fd < 0 && client && is_taken(errno))
        fd = attempt(mark, destination, client, true);
    return fd;
}
