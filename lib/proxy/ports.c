/* See ports.h. */
#include "proxy/ports.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/error.h"

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static int open_socket(const struct arctic_endpoint *endpoint, bool both, bool shared, uint32_t mark)
{
    bool ipv6 = endpoint->address.family == ARCTIC_FAMILY_IPV6;
    int fd = socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (fd < 0)
        return -1;
    set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (shared)
        set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (ipv6)
        set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !both);
    if (mark != 0)
        set(fd, SOL_SOCKET, SO_MARK, (int)mark);
    return fd;
}

static int bind_to(const struct arctic_endpoint *endpoint, bool both, bool shared, uint32_t mark)
{
    struct sockaddr_storage address;
    socklen_t length = arci_endpoint_to_sockaddr(endpoint, &address);
    ARCI_CLOSE int fd = open_socket(endpoint, both, shared, mark);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, length) < 0)
        return -1;
    return arci_steal_fd(&fd);
}

static int read_port(int fd, uint16_t *ret_port)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return -1;
    *ret_port = arci_endpoint_from_sockaddr((const struct sockaddr *)&address).port;
    return 0;
}

int arci_tunnel_port_bind(const char *address, uint16_t *port, bool shared, uint32_t mark, int *ret_fd,
                          struct arctic_error *error)
{
    struct arctic_endpoint endpoint = {.address.family = ARCTIC_FAMILY_IPV6, .port = *port};
    bool both = !address || address[0] == '\0';
    if (!both) {
        int code = arctic_address_parse(address, &endpoint.address, error);
        if (code < 0)
            return code;
    }
    ARCI_CLOSE int fd = bind_to(&endpoint, both, shared, mark);
    if (fd < 0 && both && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        endpoint.address.family = ARCTIC_FAMILY_IPV4;
        fd = bind_to(&endpoint, both, shared, mark);
    }
    if (fd < 0 && errno == EACCES)
        return arci_fail_errno(error,
                               "cannot bind tunnel port %u (ports below 1024 take the capability "
                               "CAP_NET_BIND_SERVICE: set another TUNNEL_PORT or grant it)",
                               *port);
    if (fd < 0 || read_port(fd, port) < 0)
        return arci_fail_errno(
            error, "cannot bind tunnel port %u (stop the program that has it, or set another TUNNEL_PORT)",
            *port);
    *ret_fd = arci_steal_fd(&fd);
    return ARCTIC_OK;
}
