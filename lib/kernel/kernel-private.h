/* What kernel.c and status.c share. */
#ifndef ARCI_KERNEL_KERNEL_PRIVATE_H
#define ARCI_KERNEL_KERNEL_PRIVATE_H

#include "kernel/anchor.h"
#include "kernel/nft/arrival.h"
#include "kernel/kernel.h"
#include "kernel/repairs.h"
#include "kernel/rules.h"
#include "kernel/nft/table.h"

struct arci_kernel {
    struct arctic_log *log;
    struct arci_marks marks;
    struct arci_anchor anchor;
    struct arci_rules *rules;
    bool rules_made; /* once: what is missing later was taken away by someone */
    struct arci_table *table;
    struct arci_sysctls sysctls;
    struct arci_repairs repairs;
    struct arci_arrival arrival;
    uint64_t hidden_packets; /* ARCI_HIDDEN_COUNTER, when it was looked at last */
    bool diverted[2];        /* whether packets of IPv4 and IPv6 were, at the last look */
    int64_t hidden_at;       /* arci_time_monotonic() when it was seen to rise, 0: never */
};

#endif
