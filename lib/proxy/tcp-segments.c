/* See tcp-segments.h. A file of its own: the kernel's header and the C library's, which ends before the segments, exclude each other. */
#include "proxy/tcp-segments.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#define TCP_CLOSE_STATE 7 /* include/net/tcp_states.h */

bool arci_tcp_segments_read(int fd, struct arci_tcp_segments *ret_segments)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) < 0 ||
        length < offsetof(struct tcp_info, tcpi_notsent_bytes) + sizeof info.tcpi_notsent_bytes)
        return false;
    *ret_segments = (struct arci_tcp_segments){
        .in = info.tcpi_segs_in,
        .out = info.tcpi_segs_out,
        .settled =
            info.tcpi_state == TCP_CLOSE_STATE || (info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0),
    };
    return true;
}
