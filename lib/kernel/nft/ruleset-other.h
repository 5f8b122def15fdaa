/*
 * What is not TCP, which no service carries: it passes, and is refused where it matches a route of a service that blocks. The chain for it
 * has rules only while a service blocks, so that it costs nothing otherwise. See ruleset.h for the whole.
 */
#ifndef ARCI_KERNEL_NFT_RULESET_OTHER_H
#define ARCI_KERNEL_NFT_RULESET_OTHER_H

#include "base/buffer.h"
#include "kernel/marks.h"
#include "kernel/nft/plan.h"

/*
 * Appends what fills or empties the chain, and in a table that outlives the agent what refuses only while the agent lives, TCP too; nothing
 * where a service blocks in both plans or in neither.
 */
void arci_ruleset_change_other(struct arci_buffer *text, const struct arci_marks *marks,
                               const struct arci_plan *from, const struct arci_plan *to);

#endif
