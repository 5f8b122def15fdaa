/* See rate.h. A file of its own: linux/tcp.h, which knows the newer fields, cannot stand beside the netinet/tcp.h that uv.h brings. */
#include "transport/tls/rate.h"

#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

/* net/ipv4/tcp_bbr.c: its gain is in 1/256, and above 2 only while it starts. Others always grow when they are not limited. */
static bool is_starting(int fd)
{
    union tcp_cc_info info;
    socklen_t length = sizeof info;
    char name[16] = "";
    socklen_t name_length = sizeof name;
    if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &name_length) < 0 || strcmp(name, "bbr") != 0)
        return true;
    if (getsockopt(fd, IPPROTO_TCP, TCP_CC_INFO, &info, &length) < 0 || length < sizeof info.bbr)
        return true;
    return info.bbr.bbr_pacing_gain > 512;
}

bool arci_tunnel_rate_read(int fd, struct arci_tunnel_rate *ret_rate)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ||
        length < offsetof(struct tcp_info, tcpi_max_pacing_rate))
        return false;
    ret_rate->bytes_per_second = info.tcpi_pacing_rate;
    ret_rate->starting = is_starting(fd);
    ret_rate->in_flight = info.tcpi_unacked > 0;
    return true;
}
