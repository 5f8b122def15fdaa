/*
 * Packets of captured connections that would leave the host, since somebody has deleted the ip rules or routes that keep them here: dropped
 * for services that block, until the repair. Where the table does not belong to the process nothing is dropped, since it would be dropped for
 * good when the process has died. See ruleset.h for the whole.
 */
#ifndef ARCI_KERNEL_NFT_RULESET_STRAYS_H
#define ARCI_KERNEL_NFT_RULESET_STRAYS_H

#include "base/buffer.h"
#include "kernel/marks.h"
#include "kernel/nft/plan.h"

/* Appends what replaces the chain; nothing where the same services have asked for it, and no chain where none has. */
void arci_ruleset_change_strays(struct arci_buffer *text, const struct arci_marks *marks,
                                const struct arci_plan *from, const struct arci_plan *to);

#endif
