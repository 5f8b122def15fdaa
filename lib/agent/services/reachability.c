/* See reachability.h. */
#include "agent/services/reachability.h"

/* Longer than a look is ever late on a machine that is merely busy. */
#define UNSEEN_MS INT64_C(1000)
/* Nobody is trusted in the middle of what may be the next outage. */
#define RECENT_MS INT64_C(1000)

void arci_reachability_heard(struct arci_reachability *state, int64_t at)
{
    if (at > state->heard_at)
        state->heard_at = at;
    if (!state->answering) {
        state->answering = true;
        state->answers_since = at;
    }
    if (!state->met)
        state->trusted = true;
    state->met = true;
}

int64_t arci_reachability_quarantine(const struct arci_reachability *state)
{
    int64_t quarantine = ARCI_REACHABILITY_QUARANTINE_MS;
    for (uint32_t i = 2; i < state->failures && quarantine < ARCI_REACHABILITY_QUARANTINE_MAX_MS; i++)
        quarantine *= 2;
    return quarantine;
}

static void fail(struct arci_reachability *state, int64_t now)
{
    state->answering = false;
    if (!state->trusted)
        return;
    state->trusted = false;
    if (state->failures == 0 || now - state->failed_at > arci_reachability_quarantine(state)) {
        state->failures = 0;
        state->series_since = now;
    }
    state->failed_before = state->failures > 0 ? state->failed_at : 0;
    state->failed_at = now;
    state->failures++;
    state->failed_count++;
}

void arci_reachability_gone(struct arci_reachability *state, int64_t now)
{
    if (state->answering)
        fail(state, now);
}

static void forgive_unseen(struct arci_reachability *state, int64_t now)
{
    int64_t unseen = state->looked_at ? now - state->looked_at - UNSEEN_MS : 0;
    state->looked_at = now;
    if (unseen <= 0)
        return;
    state->heard_at = state->heard_at + unseen > now ? now : state->heard_at + unseen;
    state->answers_since = state->answers_since + unseen > now ? now : state->answers_since + unseen;
}

int64_t arci_reachability_trusted_at(const struct arci_reachability *state)
{
    if (!state->answering || state->trusted)
        return 0;
    int64_t settled = state->answers_since + ARCI_REACHABILITY_SETTLE_MS;
    int64_t released = state->failures > 1 ? state->failed_before + arci_reachability_quarantine(state) : 0;
    return settled > released ? settled : released;
}

bool arci_reachability_look(struct arci_reachability *state, int64_t now)
{
    forgive_unseen(state, now);
    if (state->answering && now - state->heard_at >= ARCI_REACHABILITY_SILENT_MS)
        fail(state, now);
    if (state->answering && !state->trusted && now - state->heard_at <= RECENT_MS &&
        now >= arci_reachability_trusted_at(state))
        state->trusted = true;
    return state->trusted;
}
