/* The host's own addresses, read from the kernel and kept for a short while. One thread. */
#ifndef ARCI_PROXY_OWN_ADDRESSES_H
#define ARCI_PROXY_OWN_ADDRESSES_H

#include "proxy/policy.h"

struct arci_own_addresses {
    struct arci_host_addresses host;
    int64_t read_at; /* arci_time_monotonic(); 0: never */
};

/* Read again when they are older than a few seconds. When the kernel cannot be asked, the last ones stay. */
const struct arci_host_addresses *arci_own_addresses(struct arci_own_addresses *own);

void arci_own_addresses_release(struct arci_own_addresses *own);

#endif
