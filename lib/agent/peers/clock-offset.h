/*
 * By how much a peer's clock is ahead of this host's, as far as that can be known. Pure: times come in, the judgement comes out.
 *
 * What a peer says of its clock was true at some moment between question and answer, so that the difference is known within half the round
 * trip (RFC 5905 section 8); of what comes unasked only that it was on its way for some time, so that the peer is ahead at least by that much.
 * Of several samples the narrowest counts, until a later one contradicts it, as when a clock was set.
 *
 * Guarantee: a clock is never found to differ by more than ARCI_CLOCK_OFFSET_LIMIT_MS when it does not, however slow the path.
 */
#ifndef ARCI_AGENT_CLOCK_OFFSET_H
#define ARCI_AGENT_CLOCK_OFFSET_H

#include <stdbool.h>
#include <stdint.h>

/* By how much a peer's clock may differ before the log says it: half of what is allowed (ARCI_CLOCK_SKEW_MS). */
#define ARCI_CLOCK_OFFSET_LIMIT_MS INT64_C(30000)

/* Milliseconds. Zero-initialised, nothing is known. */
struct arci_clock_offset {
    bool known;
    bool differs;     /* surely by more than the limit; stays as it was while that is not sure either way */
    int64_t at_least; /* the peer's clock is ahead by this ... */
    int64_t at_most;  /* ... to this; INT64_MAX where only the former is known */
};

/*
 * Takes what the peer's clock said, 0 to the year 10000, in a message that came when this host's said `now`. `round_trip`: for how long the
 * question was out that it answers, 0 or more by the monotonic clock; below 0 where it answers none.
 */
void arci_clock_offset_take(struct arci_clock_offset *offset, int64_t said, int64_t now, int64_t round_trip);

/* Forgets the samples. That the clock differs is kept, since the log has said it. */
void arci_clock_offset_forget(struct arci_clock_offset *offset);

/*
 * By how much the peer's clock is ahead for sure, below 0 where it is behind: 0 where it may be right. Returns false where nothing is known,
 * as of a peer that is only heard unasked and is not ahead.
 */
bool arci_clock_offset_ahead(const struct arci_clock_offset *offset, int64_t *ret_ahead);

#endif
