/* Differences of two counters. */
#include "kernel/nft/arrival.h"

/* Between the two a packet may be on its way while they are read. */
#define MISSING_MIN 2

static uint64_t risen_by(uint64_t before, uint64_t now)
{
    return now >= before ? now - before : now; /* the table was made anew */
}

bool arci_arrival_note(struct arci_arrival *arrival, uint64_t captured, uint64_t arrived, int64_t now)
{
    uint64_t new_captured = risen_by(arrival->captured, captured);
    bool some_arrived = risen_by(arrival->arrived, arrived) > 0;
    arrival->captured = captured;
    arrival->arrived = arrived;
    arrival->missing = some_arrived ? 0 : arrival->missing + new_captured;
    if (some_arrived)
        arrival->missed_at = 0;
    else if (new_captured > 0 && arrival->missing >= MISSING_MIN)
        arrival->missed_at = now;
    return arrival->missed_at != 0 && now - arrival->missed_at < ARCI_ARRIVAL_SPOKEN_OF_MS;
}
