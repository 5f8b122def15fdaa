/* See socket.h. SO_SNDBUF and SO_RCVBUF stay alone: setting them would end the kernel's own tuning of them.
 */
#include "transport/tls/socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

/* An idle connection whose probes nobody answers dies after 30 s. */
#define KEEPALIVE_IDLE_S 15
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_PROBES 3

/* A busy one: its data has not been acknowledged for so long. A closed window is probed more and more rarely, so
 * that some of those probes have to be lost too. */
#define UNANSWERED_MS 30000
#define WINDOW_PROBES 5

int arci_tunnel_socket(const struct arctic_endpoint *endpoint)
{
    int family = endpoint->address.family == ARCTIC_FAMILY_IPV6 ? AF_INET6 : AF_INET;
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
}

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

bool arci_tunnel_socket_tune(int fd, const struct arci_transport_settings *settings)
{
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    arci_tunnel_socket_limit_unsent(fd, settings->unsent_bytes);
    if (settings->mark != 0)
        set(fd, SOL_SOCKET, SO_MARK, (int)settings->mark);
    if (settings->congestion[0] == '\0')
        return true;
    size_t length = strnlen(settings->congestion, sizeof settings->congestion);
    return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, settings->congestion, (socklen_t)length) == 0;
}

/*
 * Not left to TCP_USER_TIMEOUT: that ends a connection whose reader pauses too, although every probe of its
 * closed window is answered (tcp_probe_timer() in net/ipv4/tcp_timer.c).
 */
bool arci_tunnel_socket_unanswered(int fd, int64_t now, int64_t *ret_since)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0)
        return false;
    bool asked = info.tcpi_unacked > 0 || info.tcpi_probes > 0;
    if (!asked || *ret_since == 0 || now - info.tcpi_last_ack_recv > *ret_since) {
        *ret_since = asked ? now : 0;
        return false;
    }
    bool enough = info.tcpi_unacked > 0 || info.tcpi_probes >= WINDOW_PROBES;
    return enough && now - *ret_since >= UNANSWERED_MS;
}

/* A name that is set already is not set again by the kernel, hence the one in between; reno is in every kernel. */
void arci_tunnel_socket_refresh(int fd, const struct arci_transport_settings *settings)
{
    static const char between[] = "reno";
    size_t length = strnlen(settings->congestion, sizeof settings->congestion);
    if (strcmp(settings->congestion, "bbr") != 0)
        return;
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, between, sizeof between - 1) == 0)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, settings->congestion, (socklen_t)length);
}

int64_t arci_tunnel_socket_rtt(int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 || info.tcpi_rtt == 0)
        return -1;
    return info.tcpi_rtt;
}

void arci_tunnel_socket_reset_on_close(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

void arci_tunnel_socket_limit_unsent(int fd, uint32_t bytes)
{
    set(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, bytes > 0 && bytes < INT32_MAX ? (int)bytes : -1);
}
