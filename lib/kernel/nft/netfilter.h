/*
 * Questions to nf_tables over plain netlink, for what libnftables answers only as text or by loading
 * everything: whose table it is, whether someone changed it, and its counters.
 */
#ifndef ARCI_KERNEL_NFT_NETFILTER_H
#define ARCI_KERNEL_NFT_NETFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>
#include <arctic/id.h>

#include "base/cleanup.h"

struct arci_netfilter;

struct arci_table_state {
    bool present;
    bool ours;            /* it bears our comment */
    uint32_t owner;       /* netlink port it belongs to, 0: none */
    uint64_t fingerprint; /* changes when the table is made anew or its chains, rules, maps or elements of
                             maps change */
};

struct arci_kernel_counter {
    struct arctic_id service;
    uint64_t packets; /* first packets of connections that the service took */
    uint64_t bytes;
};

/* Opens the socket. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_netfilter_create(struct arci_netfilter **ret_netfilter, struct arctic_error *error);

/* From now on calls fail where the kernel has no answer at once. Errors: ARCTIC_E_SYSTEM. */
int arci_netfilter_never_block(struct arci_netfilter *netfilter, struct arctic_error *error);

void arci_netfilter_free(struct arci_netfilter *netfilter);

ARCI_DEFINE_CLEANUP(struct arci_netfilter *, arci_netfilter_free, arci_netfilter_cleanup)

/*
 * Number of the ruleset's generation: the same as before means that nobody changed any table. Errors:
 * ARCTIC_E_SYSTEM.
 */
int arci_netfilter_generation(struct arci_netfilter *netfilter, uint32_t *ret_generation,
                              struct arctic_error *error);

/*
 * Looks at the table `inet arctic`; without `chains` only at the table itself, which is enough where nobody else can change it and
 * spares a list of all chains of the host. Errors: ARCTIC_E_SYSTEM.
 */
int arci_netfilter_table(struct arci_netfilter *netfilter, bool chains, struct arci_table_state *ret_state,
                         struct arctic_error *error);

/* Packets that a counter of the table has counted. Errors: ARCTIC_E_SYSTEM, also where there is none of the name. */
int arci_netfilter_packets(struct arci_netfilter *netfilter, const char *counter, uint64_t *ret_packets,
                           struct arctic_error *error);

/* Reads the services' counters; free() the array. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_netfilter_counters(struct arci_netfilter *netfilter, struct arci_kernel_counter **ret_counters,
                            size_t *ret_count, struct arctic_error *error);

#endif
