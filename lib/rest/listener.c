/* Opens the listening socket here and not in libmicrohttpd, for its mark, its port 0 and an error message
 * that says what to do. */
#include "rest/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/error.h"

static int set_option(int fd, int level, int name, int value, const char *what, struct arctic_error *error)
{
    if (setsockopt(fd, level, name, &value, sizeof value) < 0)
        return arci_fail_errno(error, "cannot set %s on the API socket", what);
    return ARCTIC_OK;
}

static int set_options(int fd, const struct arctic_endpoint *endpoint, uint32_t mark,
                       struct arctic_error *error)
{
    int code = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR", error);
    if (code == ARCTIC_OK && endpoint->address.family == ARCTIC_FAMILY_IPV6)
        code = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0, "IPV6_V6ONLY", error);
    if (code == ARCTIC_OK && mark != 0)
        code = set_option(fd, SOL_SOCKET, SO_MARK, (int)mark, "SO_MARK", error);
    return code;
}

static int fail_bind(const struct arctic_endpoint *endpoint, const char *port_setting,
                     struct arctic_error *error)
{
    char text[ARCTIC_ENDPOINT_TEXT];
    int errnum = errno;
    arctic_endpoint_format(endpoint, text);
    if (errnum == EADDRINUSE)
        return arci_fail_errnum(
            error, errnum,
            "cannot listen for the API on %s, choose another %s or stop the program that has it", text,
            port_setting);
    const char *advice = errnum == EADDRNOTAVAIL ? ", API_ADDRESS must be an address of this host"
                         : errnum == EACCES      ? ", ports below 1024 take the capability "
                                                   "CAP_NET_BIND_SERVICE: choose another port or grant it"
                                                 : "";
    return arci_fail_errnum(error, errnum, "cannot listen for the API on %s%s", text, advice);
}

static int listen_on(const struct arctic_endpoint *endpoint, const char *port_setting, uint32_t mark,
                     int *ret_fd, struct arctic_endpoint *ret_endpoint, struct arctic_error *error)
{
    struct sockaddr_storage storage;
    socklen_t length = arci_endpoint_to_sockaddr(endpoint, &storage);
    ARCI_CLOSE int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return arci_fail_errno(error, "cannot make the API socket");
    int code = set_options(fd, endpoint, mark, error);
    if (code < 0)
        return code;
    if (bind(fd, (struct sockaddr *)&storage, length) < 0 || listen(fd, SOMAXCONN) < 0)
        return fail_bind(endpoint, port_setting, error);
    length = sizeof storage;
    if (getsockname(fd, (struct sockaddr *)&storage, &length) < 0)
        return arci_fail_errno(error, "cannot read the address of the API socket");
    *ret_endpoint = arci_endpoint_from_sockaddr((struct sockaddr *)&storage);
    *ret_fd = arci_steal_fd(&fd);
    return ARCTIC_OK;
}

int arci_http_listen(const char *address, uint16_t port, const char *port_setting, uint32_t mark, int *ret_fd,
                     struct arctic_endpoint *ret_endpoint, struct arctic_error *error)
{
    struct arctic_endpoint endpoint = {.address.family = ARCTIC_FAMILY_IPV6, .port = port};
    if (address && *address) {
        if (!arci_address_read(address, &endpoint.address))
            return arci_fail(error, ARCTIC_E_USAGE, "address",
                             "API_ADDRESS must be an IPv4 or IPv6 address such as 0.0.0.0 or ::, not '%.60s'",
                             address);
        return listen_on(&endpoint, port_setting, mark, ret_fd, ret_endpoint, error);
    }
    int code = listen_on(&endpoint, port_setting, mark, ret_fd, ret_endpoint, error);
    if (code == ARCTIC_OK || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
        return code;
    endpoint.address.family = ARCTIC_FAMILY_IPV4;
    return listen_on(&endpoint, port_setting, mark, ret_fd, ret_endpoint, error);
}
