/*
 * Whether captured connections of other hosts arrive at the agent: two counters of the table (ruleset-base.h), of first packets that
 * were handed to a listener, and of those that came to the end of the input hook. Where the one rises and the other does not, somebody drops them in
 * between, and clients wait in vain.
 *
 * Pure. Times are monotonic milliseconds.
 */
#ifndef ARCI_KERNEL_NFT_ARRIVAL_H
#define ARCI_KERNEL_NFT_ARRIVAL_H

#include <stdbool.h>
#include <stdint.h>

#define ARCI_ARRIVAL_SPOKEN_OF_MS 60000 /* after the last packet that was missed */

/* Zero-initialised at first. */
struct arci_arrival {
    uint64_t captured;
    uint64_t arrived;
    uint64_t missing;  /* captured since one has arrived */
    int64_t missed_at; /* 0: never */
};

/*
 * Takes the counters as they are now, also where they have begun anew. Returns whether connections are being dropped: two that were
 * captured, and none that has arrived since, and for ARCI_ARRIVAL_SPOKEN_OF_MS after the last such one unless one arrives.
 */
bool arci_arrival_note(struct arci_arrival *arrival, uint64_t captured, uint64_t arrived, int64_t now);

#endif
