/* What one direction of a connection is worth, as the kernel sees it. */
#ifndef ARCI_TRANSPORT_TLS_RATE_H
#define ARCI_TRANSPORT_TLS_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct arci_tunnel_rate {
    uint64_t bytes_per_second; /* at which the kernel would send now */
    bool starting;             /* it would still grow with every round trip */
    bool in_flight;            /* something is not acknowledged */
};

/* False where the kernel does not say. */
bool arci_tunnel_rate_read(int fd, struct arci_tunnel_rate *ret_rate);

#endif
