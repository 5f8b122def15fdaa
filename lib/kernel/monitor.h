/*
 * The monitor: says when something of the agent's in the kernel may have been changed by others, so that it is looked at at once. It
 * only ever says that a look is worth it, and what a look finds counts.
 *
 * Links, addresses, ip rules and routes: the kernel's own notifications (rtnetlink(7)). A filter in the kernel passes by routes of
 * others, of which a router may change thousands a second; what is left is told apart here.
 *
 * nft: the number of the ruleset's generation, which the caller polls. Notifications (NFNLGRP_NFTABLES) are not used: the kernel
 * builds a buffer of a page for each element of a transaction as soon as anybody listens, before it commits. A load of 100,000 elements,
 * anybody's, took 1.7 s and 780 MiB of kernel memory here instead of 0.4 s and 45 MiB.
 *
 * Thread rule: that of the thread that opened it, in whose network namespace it is. No call blocks.
 */
#ifndef ARCI_KERNEL_MONITOR_H
#define ARCI_KERNEL_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

#include "base/cleanup.h"

struct arci_monitor;

/* What may have been changed by others. */
#define ARCI_MONITOR_KERNEL 1u     /* anchor, ip rules or local routes: arci_kernel_status() sees it */
#define ARCI_MONITOR_INTERFACES 2u /* an interface of a service, or its addresses */
#define ARCI_MONITOR_ALL 3u

/*
 * Opens the sockets, non-blocking. `route_table` is that of struct arci_kernel_options, 0: the default. Errors: ARCTIC_E_SYSTEM,
 * ARCTIC_E_NO_MEMORY.
 */
int arci_monitor_open(uint32_t route_table, struct arci_monitor **ret_monitor, struct arctic_error *error);

/* NULL is allowed. */
void arci_monitor_close(struct arci_monitor *monitor);

ARCI_DEFINE_CLEANUP(struct arci_monitor *, arci_monitor_close, arci_monitor_cleanup)

/* Readable: arci_monitor_read(). */
int arci_monitor_fd(const struct arci_monitor *monitor);

/*
 * Reads a part of what has come; the descriptor stays readable while there is more. Returns what it concerns, ARCI_MONITOR_ALL where
 * notifications were lost.
 */
unsigned arci_monitor_read(struct arci_monitor *monitor);

/* What one datagram of the kernel concerns. */
unsigned arci_monitor_judge(struct arci_monitor *monitor, const void *bytes, size_t length);

/* The generation of the nft ruleset; false: it can not be had now. */
bool arci_monitor_generation(struct arci_monitor *monitor, uint32_t *ret_generation);

#endif
