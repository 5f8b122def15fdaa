/*
 * The MACVLAN interfaces of services: made, kept as they should be, and removed.
 *
 * A link is one of ours where it is a MACVLAN and either its alias is the service's id, with the name that follows from it, or both name
 * and MAC address are those that follow from the service (name.h): somebody may have changed the one or the other. Links of
 * ours that no service wants are removed, also those of an agent that was killed. What is not ours is never touched, whatever it is called.
 *
 * Thread rule: one call at a time, from any thread of one network namespace. Calls block for milliseconds.
 */
#ifndef ARCI_KERNEL_INTERFACE_INTERFACE_H
#define ARCI_KERNEL_INTERFACE_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/address.h>
#include <arctic/id.h>
#include <arctic/log.h>

#include "base/cleanup.h"
#include "kernel/interface/name.h"
#include "kernel/repairs.h"

enum arci_interface_family {
    ARCI_INTERFACE_IPV4 = 0,
    ARCI_INTERFACE_IPV6 = 1,
    ARCI_INTERFACE_FAMILIES = 2,
};

/* What one service wants. */
struct arci_interface_wish {
    struct arctic_id service;
    struct arctic_id peer;                                 /* this host's, for the MAC address */
    struct arctic_cidr addresses[ARCI_INTERFACE_FAMILIES]; /* with host bits; family NONE: none now */
    struct arctic_cidr
        before[ARCI_INTERFACE_FAMILIES]; /* `given` of the call before: missing, they were taken away */
    int64_t ends_at;                     /* of the IPv4 address: monotonic milliseconds; 0: it stays */
    bool keep_ipv4; /* the IPv4 address stays where it is there, and is not added: it is yet to be checked */
    bool ipv4;      /* it has, or is to get, an IPv4 address */
    bool ipv6;      /* IPv6 is on, or else off, on the link */
    bool try_ipv6;  /* an address that was found to be another host's is checked once more */
    bool made_before; /* by this agent: what is missing was taken away by someone */
    bool ipv6_before; /* `ipv6` of the call before */
};

/* What became of it. */
struct arci_interface_state {
    char name[ARCI_INTERFACE_NAME_SIZE]; /* "" where there is no link */
    char parent[ARCI_INTERFACE_NAME_SIZE];
    int parent_index;
    int index; /* 0: no link */
    uint8_t mac[ARCI_MAC_SIZE];
    struct arctic_cidr addresses[ARCI_INTERFACE_FAMILIES]; /* that are in use; family NONE: none */
    struct arctic_cidr given
        [ARCI_INTERFACE_FAMILIES]; /* that are on the link, in use or not, or are to be again after a wait */
    bool up;                       /* the parent carries frames */
    bool checking_ipv6;            /* whether another host has the address */
    bool ipv6_taken;               /* another host has it */
    bool failed;                   /* `reason` says why the link, or an address, could not be had */
    char reason[256];              /* "" when all is as wished: a sentence that says what to do */
};

struct arci_interfaces;

/*
 * Opens a netlink socket. `settings_path`: where the parent's settings are kept as they were before (parent-setting.h), NULL: in memory
 * only. `log` outlives the object. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_interfaces_create(const char *settings_path, struct arctic_log *log,
                           struct arci_interfaces **ret_interfaces, struct arctic_error *error);

/* Leaves links and settings as they are. NULL is allowed. */
void arci_interfaces_free(struct arci_interfaces *interfaces);

ARCI_DEFINE_CLEANUP(struct arci_interfaces *, arci_interfaces_free, arci_interfaces_cleanup)

/*
 * Makes the links what the wishes say, removes ours that are in none of them, and tells each one's state, in the order of the wishes.
 * `parent`: name of the link that they sit on, "": that of the default route (parent.h). A link stays where it is as long as
 * no other parent is known. What goes wrong with one is in its state. Errors, which leave `ret_states` unwritten: ARCTIC_E_SYSTEM,
 * ARCTIC_E_NO_MEMORY.
 */
int arci_interfaces_ensure(struct arci_interfaces *interfaces, const char *parent,
                           const struct arci_interface_wish *wishes, size_t count,
                           struct arci_interface_state *ret_states, struct arctic_error *error);

/*
 * What of it others have changed, of the kinds INTERFACE (links, their settings) and ADDRESS, once for each call that has found any. What
 * somebody changes again and again is put right after a wait, and the state says so. As long as the object.
 */
const struct arci_repairs *arci_interfaces_repairs(const struct arci_interfaces *interfaces);

#endif
