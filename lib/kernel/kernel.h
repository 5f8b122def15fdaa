/*
 * The kernel's part of the data plane: capture of the TCP connections that services win.
 *
 * One object holds the table `inet arctic` (ruleset.h), the ip rules and local routes that deliver marked
 * packets (rules.h), the anchor interface that these routes depend on (anchor.h) and a few kernel settings
 * (sysctl.h), all in the network namespace of the thread that creates it. It keeps what it has applied,
 * commits only differences, and notices when others have changed its state.
 *
 * Thread rule: one call at a time, from any thread of one network namespace. Calls block: a full load of
 * 100,000 routes takes seconds.
 */
#ifndef ARCI_KERNEL_KERNEL_H
#define ARCI_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/address.h>
#include <arctic/id.h>
#include <arctic/log.h>

#include "base/cleanup.h"
#include "kernel/marks.h"
#include "kernel/nft/netfilter.h"
#include "kernel/repairs.h"
#include "kernel/service.h"
#include "kernel/sysctl.h"
#include "kernel/nft/table.h"

#define ARCI_KERNEL_TABLE_DEFAULT 61000u
#define ARCI_KERNEL_PRIORITY_DEFAULT 610u /* before main (32766) and what VPN software puts there */
#define ARCI_KERNEL_ANCHOR_DEFAULT "arctic0"
#define ARCI_REFUSE_SECONDS_MAX 3600u

struct arci_kernel_options {
    uint32_t mark_mask;     /* one run of 4..16 bits; 0: ARCI_MARK_MASK_DEFAULT */
    uint32_t route_table;   /* 0: ARCI_KERNEL_TABLE_DEFAULT; not main, local or default */
    uint32_t rule_priority; /* 0: ARCI_KERNEL_PRIORITY_DEFAULT; below 32766 */
    enum arci_table_mode table_mode;
    const char *anchor_name;   /* NULL: ARCI_KERNEL_ANCHOR_DEFAULT */
    const char *settings_path; /* where kernel settings are kept as they were before, NULL: in memory only */
};

struct arci_kernel;

/*
 * Checks the options, makes the anchor and opens the sockets; nothing is captured before arci_kernel_apply().
 * `log` outlives the object. Errors: ARCTIC_E_USAGE (options), ARCTIC_E_ALREADY_EXISTS (another agent runs in
 * this network namespace, or a table of the name is not ours), ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_kernel_create(const struct arci_kernel_options *options, struct arctic_log *log,
                       struct arci_kernel **ret_kernel, struct arctic_error *error);

/*
 * Ends it and removes all that it made: table, rules, routes, anchor; settings go back to what they were.
 * NULL is allowed.
 */
void arci_kernel_free(struct arci_kernel *kernel);

ARCI_DEFINE_CLEANUP(struct arci_kernel *, arci_kernel_free, arci_kernel_cleanup)

/*
 * Makes the kernel do what the wish says; services left out are removed. The
 * table changes in one transaction or not at all. Repairs what others have removed or changed. Does nothing
 * when all is so already. The listeners (listener.h) are open before. Errors: those of arci_plan_make(),
 * ARCTIC_E_ALREADY_EXISTS (the table was taken over by another process), ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 * After an error the call may be made again; what was applied before stays.
 */
int arci_kernel_apply(struct arci_kernel *kernel, const struct arci_kernel_wish *wish,
                      struct arctic_error *error);

/*
 * Resets new connections that the service wins to the destination, for 1..ARCI_REFUSE_SECONDS_MAX seconds. At
 * most ARCI_REFUSED_MAX destinations a family are kept. Errors: ARCTIC_E_USAGE, ARCTIC_E_NOT_FOUND (service
 * not applied), ARCTIC_E_SYSTEM (also when the set is full).
 */
int arci_kernel_refuse(struct arci_kernel *kernel, const struct arctic_id *service,
                       const struct arctic_endpoint *destination, uint32_t seconds,
                       struct arctic_error *error);

/*
 * The same for all IPv6 destinations, whose clients then fall back to IPv4. Errors: ARCTIC_E_USAGE, ARCTIC_E_NOT_FOUND (service not
 * applied), ARCTIC_E_SYSTEM.
 */
int arci_kernel_refuse_ipv6(struct arci_kernel *kernel, const struct arctic_id *service, uint32_t seconds,
                            struct arctic_error *error);

/* table, anchor, rule and route of IPv4 and IPv6, what others keep changing, clients that others hide, captured connections that others
 * drop, or route elsewhere, then kernel settings. */
#define ARCI_KERNEL_CHECKS (11 + ARCI_SYSCTL_COUNT)

struct arci_kernel_check {
    const char *
        name; /* "table", "anchor", "rule4", "route4", "rule6", "route6", "repairs", "clients", "arrival", "way4", "way6", or a setting such as
                         "net.ipv4.ip_forward"; static */
    bool required; /* without it nothing is captured; else it is a hint */
    bool ok;
    bool repairable;    /* arci_kernel_apply() can put it right */
    int64_t wait_ms;    /* for how long to leave it so, since something keeps changing it */
    char sentence[448]; /* "" when ok: what is wrong, and what to do */
};

struct arci_kernel_status {
    bool ready; /* all required checks are ok */
    bool owner; /* the table belongs to the process */
    struct arci_kernel_check checks[ARCI_KERNEL_CHECKS];
    uint64_t repairs[ARCI_REPAIR_KINDS]; /* made so far, by enum arci_repair */
};

/*
 * Looks at the kernel; what is wrong is in *ret_status, and arci_kernel_apply() repairs what can be
 * repaired. Never fails for it.
 */
void arci_kernel_status(struct arci_kernel *kernel, struct arci_kernel_status *ret_status);

/*
 * Adds what was repaired elsewhere, as of services' interfaces (interface/interface.h), and whether something keeps changing that, to
 * what arci_kernel_status() has written. Pure.
 */
void arci_kernel_status_add(struct arci_kernel_status *status, const struct arci_repairs *repairs);

/*
 * Reads the counters of all services in no order; free() the array. They count new connections (their first
 * packets) since the service was applied, or since the table was last made anew. Errors: ARCTIC_E_SYSTEM,
 * ARCTIC_E_NO_MEMORY.
 */
int arci_kernel_counters(struct arci_kernel *kernel, struct arci_kernel_counter **ret_counters,
                         size_t *ret_count, struct arctic_error *error);

/*
 * Compares all that the kernel holds with what was applied last, elements of maps included, which arci_kernel_status() leaves out;
 * the next arci_kernel_apply() repairs what differs. Takes tenths of a second with 100,000 routes. Errors: ARCTIC_E_SYSTEM,
 * ARCTIC_E_NO_MEMORY.
 */
int arci_kernel_compare(struct arci_kernel *kernel, struct arctic_error *error);

/*
 * Number of the nft ruleset's generation in which all was as it should be: as long as arci_netfilter_generation() says the same,
 * nobody has changed anything. From any thread, also beside another call.
 */
uint32_t arci_kernel_generation(const struct arci_kernel *kernel);

/* SO_MARK for every socket of the agent, so that nothing of its own is ever captured. */
uint32_t arci_kernel_bypass_mark(const struct arci_kernel *kernel);

/*
 * SO_MARK for the exit's sockets that are bound to a client's address: what comes for them is delivered to this host. Packets of
 * theirs are never captured either.
 */
uint32_t arci_kernel_transparent_mark(const struct arci_kernel *kernel);

/* Name of the anchor interface, for arci_ingress_read(). As long as the object. */
const char *arci_kernel_anchor(const struct arci_kernel *kernel);

#endif
