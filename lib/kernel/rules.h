/*
 * The ip rules and routes that deliver marked packets to this host, for IPv4 and IPv6:
 *
 *     ip rule add pref PRIORITY-1 iif lo fwmark CAPTURED/MASK goto PRIORITY+1 protocol 161
 *     ip rule add pref PRIORITY fwmark FLAG/FLAG lookup TABLE protocol 161
 *     ip rule add pref PRIORITY+1 nop protocol 161
 *     ip route add local default dev ANCHOR table TABLE protocol 161
 *
 * The first is for checks of a captured packet's source that look its mark up too (src_valid_mark, `fib saddr . mark`
 * in a firewall): they ask for the way back, as from lo (fib_validate_source(), nft_fib4_eval()), which must not be the
 * one to this host. What is made on this host comes from lo as well, and bears other marks (marks.h).
 *
 * The protocol number says whose they are: rules with it are ours, what bears another is never touched.
 */
#ifndef ARCI_KERNEL_RULES_H
#define ARCI_KERNEL_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/address.h>

#include "base/cleanup.h"

#define ARCI_ROUTE_PROTOCOL 161

struct arci_rules_options {
    uint32_t flag;     /* of what is delivered to this host */
    uint32_t captured; /* mark under `mask` of what was captured on its way through this host */
    uint32_t mask;
    uint32_t table;
    uint32_t priority; /* the numbers before and after it are used too */
};

struct arci_rules;

/* Opens a netlink socket. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_rules_create(const struct arci_rules_options *options, struct arci_rules **ret_rules,
                      struct arctic_error *error);

void arci_rules_free(struct arci_rules *rules);

ARCI_DEFINE_CLEANUP(struct arci_rules *, arci_rules_free, arci_rules_cleanup)

/* Whether this kernel and namespace have the family at all; where not, nothing is made for it. */
bool arci_rules_family_there(enum arctic_family family);

/* Whether exactly the rules, and the route over the interface `anchor`, are there. Errors: ARCTIC_E_SYSTEM. */
int arci_rules_look(struct arci_rules *rules, enum arctic_family family, unsigned anchor, bool *ret_rules,
                    bool *ret_route, struct arctic_error *error);

/*
 * Whether the kernel takes marked packets to a destination another way than to this host, while our rules and route are there: others'
 * rules come before ours, or others' routes are in the table. *ret_table is the routing table that says so. Rules that look at the source
 * are not consulted. False for this host's own addresses, which are never captured, and where it cannot be told.
 */
bool arci_rules_diverted(const struct arci_rules *rules, const struct arctic_address *destination,
                         uint32_t *ret_table);

bool arci_rules_is_own_table(const struct arci_rules *rules, uint32_t table);

#define ARCI_RULES_MADE_RULE 1u
#define ARCI_RULES_MADE_ROUTE 2u

/*
 * Makes what is missing and deletes rules of ours that are other ones. *ret_made says what was missing, in bits
 * ARCI_RULES_MADE_*; it is written also where the call fails. Errors: ARCTIC_E_SYSTEM.
 */
int arci_rules_ensure(struct arci_rules *rules, unsigned anchor, unsigned *ret_made,
                      struct arctic_error *error);

/* Deletes all rules that are ours; the routes go with the anchor. Errors: ARCTIC_E_SYSTEM. */
int arci_rules_remove(struct arci_rules *rules, struct arctic_error *error);

#endif
