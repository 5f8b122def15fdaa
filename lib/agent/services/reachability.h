/*
 * Whether a target peer counts as reachable: the routes of services towards it are in effect while it does. Pure: answers and times
 * come in, the judgement comes out.
 *
 * It fails when it has not answered for ARCI_REACHABILITY_SILENT_MS, or when it is known to be gone. It is trusted again when it has
 * answered for ARCI_REACHABILITY_SETTLE_MS without such a pause; where it has failed before within the quarantine, which is one minute,
 * also not before the quarantine has passed since the failure before the last one. The quarantine doubles with each further failure that
 * comes within it, up to ARCI_REACHABILITY_QUARANTINE_MAX_MS, and is one minute again after as long without a failure.
 *
 * Guarantees: no more than four changes in any 60 s, whatever the peer does, since two failures lie between a return and the next but one;
 * and a peer that has not failed in the minute before an outage returns ARCI_REACHABILITY_SETTLE_MS after its first answer.
 */
#ifndef ARCI_AGENT_REACHABILITY_H
#define ARCI_AGENT_REACHABILITY_H

#include <stdbool.h>
#include <stdint.h>

#define ARCI_REACHABILITY_SILENT_MS INT64_C(3000)
#define ARCI_REACHABILITY_SETTLE_MS INT64_C(5000)
#define ARCI_REACHABILITY_QUARANTINE_MS INT64_C(60000)
#define ARCI_REACHABILITY_QUARANTINE_MAX_MS INT64_C(480000)

/* All times are monotonic milliseconds. Zero-initialised, it is a peer that has never answered, and so is not trusted. */
struct arci_reachability {
    bool met; /* it has answered at least once */
    bool trusted;
    bool answering;
    int64_t looked_at;     /* last; 0: never */
    int64_t heard_at;      /* last answer */
    int64_t answers_since; /* without a pause; means something while `answering` */
    uint32_t failures;     /* of the present series: each one within the quarantine after the one before */
    int64_t series_since;  /* its first failure */
    int64_t failed_at;     /* its last failure, and the one before that; 0 where there is none */
    int64_t failed_before;
    uint64_t failed_count; /* ever */
};

/* An answer came at `at`. The first one ever is trusted at once. */
void arci_reachability_heard(struct arci_reachability *state, int64_t at);

/* It is known that the peer does not answer now, such as by a refused connection. */
void arci_reachability_gone(struct arci_reachability *state, int64_t now);

/*
 * Judges at `now`; to be called several times a second, after what has come was heard. Time in which nobody looked, because this process
 * was held up, does not count as the peer's silence. Returns whether the peer is trusted.
 */
bool arci_reachability_look(struct arci_reachability *state, int64_t now);

/* When a peer that answers and is not trusted will be, if it goes on like that; 0 for any other. */
int64_t arci_reachability_trusted_at(const struct arci_reachability *state);

/* How long it stays under observation after the failure before the last one. */
int64_t arci_reachability_quarantine(const struct arci_reachability *state);

#endif
