/* The fixed part of the table `inet arctic`: see ruleset.h for the whole. */
#ifndef ARCI_KERNEL_NFT_RULESET_BASE_H
#define ARCI_KERNEL_NFT_RULESET_BASE_H

#include "base/buffer.h"
#include "kernel/marks.h"

#define ARCI_REFUSED_MAX 65535 /* elements of each set of refused destinations */
#define ARCI_NEAR_MAX 65535    /* of each set of transparent connections to servers on this host */

/* Counts packets of fully transparent flows whose client a source NAT of this host hides after all. */
#define ARCI_HIDDEN_COUNTER "hidden"

/* First packets from other hosts that were handed to a listener, and those that came to the end of the input hook (arrival.h). */
#define ARCI_CAPTURED_COUNTER "captured"
#define ARCI_ARRIVED_COUNTER "arrived"

/* Appends the sets and chains that every plan has; the table is there. */
void arci_ruleset_base(struct arci_buffer *text, const struct arci_marks *marks);

#endif
