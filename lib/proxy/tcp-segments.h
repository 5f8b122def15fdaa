/* How many segments a connection has received and sent, as the kernel counts them. */
#ifndef ARCI_PROXY_TCP_SEGMENTS_H
#define ARCI_PROXY_TCP_SEGMENTS_H

#include <stdbool.h>
#include <stdint.h>

/* Of 32 bits: they begin anew after 2^32. */
struct arci_tcp_segments {
    uint32_t in;
    uint32_t out;
    bool settled; /* all that was to be sent has arrived, or the connection is no more */
};

/* False where the kernel does not say (before Linux 4.6), or `fd` is no connection of TCP. */
bool arci_tcp_segments_read(int fd, struct arci_tcp_segments *ret_segments);

#endif
