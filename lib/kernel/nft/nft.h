/* Running nft commands through libnftables, in one transaction a call. */
#ifndef ARCI_KERNEL_NFT_NFT_H
#define ARCI_KERNEL_NFT_NFT_H

#include <arctic/error.h>

#include "base/cleanup.h"

/*
 * Holds one netlink socket for its life: a table with `flags owner` belongs to that socket, is changed
 * through it only, and goes with it. The socket is of the network namespace of the thread that creates it.
 * One thread at a time.
 */
struct arci_nft;

/* Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_nft_create(struct arci_nft **ret_nft, struct arctic_error *error);

void arci_nft_free(struct arci_nft *nft);

ARCI_DEFINE_CLEANUP(struct arci_nft *, arci_nft_free, arci_nft_cleanup)

/* Runs commands, all of them or none. Errors: ARCTIC_E_SYSTEM with what nft says, and the line at fault. */
int arci_nft_run(struct arci_nft *nft, const char *commands, struct arctic_error *error);

#endif
