/* Others' chains, as far as an operator is told which one is in the way. */
#ifndef ARCI_KERNEL_NFT_FIREWALL_H
#define ARCI_KERNEL_NFT_FIREWALL_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/nft/netfilter.h"

/*
 * Writes a chain of another table at the input hook whose policy is drop, as "chain input of table inet filter"; false where there
 * is none (others drop by a rule), or it can not be told.
 */
bool arci_firewall_find_dropping(struct arci_netfilter *netfilter, char *text, size_t size);

#endif
