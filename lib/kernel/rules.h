/*
 * The ip rules and routes that deliver marked packets to this host, for IPv4 and IPv6:
 *
 *     ip rule add fwmark FLAG/FLAG lookup TABLE pref PRIORITY protocol 161
 *     ip route add local default dev ANCHOR table TABLE protocol 161
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
    uint32_t flag; /* mark and mask of the rule */
    uint32_t table;
    uint32_t priority;
};

struct arci_rules;

/* Opens a netlink socket. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_rules_create(const struct arci_rules_options *options, struct arci_rules **ret_rules,
                      struct arctic_error *error);

void arci_rules_free(struct arci_rules *rules);

ARCI_DEFINE_CLEANUP(struct arci_rules *, arci_rules_free, arci_rules_cleanup)

/* Whether this kernel and namespace have the family at all; where not, nothing is made for it. */
bool arci_rules_family_there(enum arctic_family family);

/* Whether exactly the rule, and the route over the interface `anchor`, are there. Errors: ARCTIC_E_SYSTEM. */
int arci_rules_look(struct arci_rules *rules, enum arctic_family family, unsigned anchor, bool *ret_rule,
                    bool *ret_route, struct arctic_error *error);

/* Makes what is missing and deletes rules of ours that are other ones. Errors: ARCTIC_E_SYSTEM. */
int arci_rules_ensure(struct arci_rules *rules, unsigned anchor, struct arctic_error *error);

/* Deletes all rules that are ours; the routes go with the anchor. Errors: ARCTIC_E_SYSTEM. */
int arci_rules_remove(struct arci_rules *rules, struct arctic_error *error);

#endif
