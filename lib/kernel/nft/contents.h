/*
 * The contents of the table `inet arctic`, down to its rules and elements: handles and numbers of uses (netfilter.h), which are the
 * first thing that is compared, stay as they are where an element is exchanged for another or a rule replaced by another. Elements of
 * route maps, which may be many, are compared where somebody has asked for it, the others whenever somebody has changed an nft table.
 *
 * Elements of route maps are compared with the plan. Rules, and elements of other sets, with what they were after the commit that
 * made them. Sets whose elements come and go by themselves (time-outs) are left out.
 */
#ifndef ARCI_KERNEL_NFT_CONTENTS_H
#define ARCI_KERNEL_NFT_CONTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/nft/netfilter.h"
#include "kernel/nft/plan.h"

struct arci_contents {
    uint64_t routes;    /* hash of the elements of route maps, in any order */
    uint64_t frame;     /* hash of the rules and of the elements of other sets */
    size_t route_count; /* elements of route maps */
};

/* What the elements of a plan's route maps are. Errors: ARCTIC_E_NO_MEMORY. */
int arci_contents_expect(const struct arci_plan *plan, struct arci_contents *ret_contents,
                         struct arctic_error *error);

/*
 * Reads the kernel's table; without `routes` only `frame`. Takes a time that grows with the number of elements: some tenths of a
 * second for 100,000. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_contents_read(struct arci_netfilter *netfilter, bool routes, struct arci_contents *ret_contents,
                       struct arctic_error *error);

/* Whether commands (ruleset.h) change nothing but elements of route maps, so that `frame` is as before. */
bool arci_contents_only_routes(const char *commands);

#endif
