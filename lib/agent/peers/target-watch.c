/* See target-watch.h. */
#include "agent/peers/target-watch.h"

#include <stdio.h>
#include <string.h>

#include "agent/peers/incoming.h"
#include "agent/peers/peer-links.h"
#include "agent/peers/peer-word.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"

#define LOOK_MS 250
#define ASK_MS 500
/* For how long the other link may speak for the watched one: they may go different ways, of which one is broken. */
#define VOUCH_MS INT64_C(10000)

/* A time of the monotonic clock, in words of UTC to the second: "2026-01-02T03:04:05Z". */
static const char *format_moment(int64_t monotonic, char text[ARCI_TIME_TEXT])
{
    arci_time_format(arci_time_now() - arci_time_monotonic() + monotonic + 500, text);
    size_t length = strlen(text) - strlen(".000Z");
    snprintf(text + length, ARCI_TIME_TEXT - length, "Z");
    return text;
}

static void log_change(const struct arci_agent_peer *peer)
{
    const struct arci_reachability *state = &peer->target.reachability;
    struct arctic_log *log = peer->agent->log;
    if (state->trusted)
        arci_log_info(log, "tproxymgr", "target peer answers: its services take new flows",
                      ARCI_TEXT("peer_id", peer->id.text), ARCI_INT("failures", state->failed_count));
    else
        arci_log_warn(log, "tproxymgr",
                      "target peer does not answer: its services step aside, or refuse new flows",
                      ARCI_TEXT("peer_id", peer->id.text), ARCI_INT("failures", state->failed_count),
                      ARCI_INT("silent_ms", arci_time_monotonic() - state->heard_at));
}

/*
 * What the peer takes of what was queued before the first question that waits for an answer, such as many records over a slow path, shows
 * that it runs: else the question would have to overtake them.
 */
static bool takes_what_came_before(struct arci_target_watch *watch, const struct arci_link *link)
{
    uint64_t acknowledged = arci_link_acknowledged(link);
    bool takes = acknowledged > watch->acknowledged && acknowledged < watch->asked_from;
    watch->acknowledged = acknowledged;
    return watch->asked && takes;
}

static void ask(struct arci_agent_peer *peer, int64_t now)
{
    struct arci_target_watch *watch = &peer->target;
    watch->ask_at = now + ASK_MS;
    if (!watch->asked)
        watch->asked_from = arci_link_written(peer->link);
    watch->asked = true;
    /* Number 0: any answer will do, and the numbered pings measure the round trip. */
    ARCI_JSON *message = arci_peer_word_make(peer->agent, "ping", 0);
    if (message)
        (void)arci_link_send(peer->link, message, NULL);
}

/*
 * When the peer has last given a sign of life over the link that it has dialled: it sends there, and takes what it is sent. Beside what fills a
 * narrow path the watched link may starve, its few packets lost again and again, while the other one moves.
 */
static int64_t heard_over_their_link(struct arci_agent_peer *peer, int64_t now)
{
    struct arci_target_watch *watch = &peer->target;
    const struct arci_link *theirs = arci_incoming_find_link(peer->agent, &peer->id);
    if (!theirs)
        return 0;
    uint64_t acknowledged = arci_link_acknowledged(theirs);
    if (acknowledged > watch->their_acknowledged)
        watch->they_took_at = now;
    watch->their_acknowledged = acknowledged;
    int64_t sent_at = now - (int64_t)arci_link_silence(theirs);
    return sent_at < watch->they_took_at ? sent_at : watch->they_took_at;
}

static void let_their_link_vouch(struct arci_agent_peer *peer, int64_t now)
{
    struct arci_target_watch *watch = &peer->target;
    int64_t at = heard_over_their_link(peer, now);
    if (watch->reachability.answering && at > watch->reachability.heard_at && at < watch->heard_at + VOUCH_MS)
        arci_reachability_heard(&watch->reachability, at);
}

static void hear(struct arci_agent_peer *peer, int64_t now)
{
    struct arci_target_watch *watch = &peer->target;
    int64_t heard_at = now - (int64_t)arci_link_silence(peer->link);
    if (watch->link_made_at != peer->met_at) {
        watch->link_made_at = peer->met_at;
        watch->link_endpoint = *arci_link_remote(peer->link);
        watch->asked = false;
        watch->acknowledged = 0;
        watch->ask_at = now;
    }
    if (!watch->reachability.met) {
        /* Nobody has asked so far: a link that was in use of late will do, one that hangs will not. */
        if (now - heard_at < ARCI_REACHABILITY_SILENT_MS)
            arci_reachability_heard(&watch->reachability, now);
    } else if (heard_at > watch->heard_at) {
        arci_reachability_heard(&watch->reachability, heard_at);
        watch->asked = false;
    }
    watch->heard_at = heard_at > watch->heard_at ? heard_at : watch->heard_at;
    if (takes_what_came_before(watch, peer->link)) {
        arci_reachability_heard(&watch->reachability, now);
        watch->heard_at = now;
    }
    let_their_link_vouch(peer, now);
}

/* Returns whether something is another way now that plans go by: whether it is trusted, or answers. */
static bool look(struct arci_agent_peer *peer, int64_t now)
{
    struct arci_reachability *state = &peer->target.reachability;
    const struct arci_reachability before = *state;
    if (peer->link)
        hear(peer, now);
    if (arci_reachability_look(state, now) != before.trusted && before.met)
        log_change(peer);
    return state->trusted != before.trusted || state->answering != before.answering;
}

bool arci_target_watch_covers(const struct arci_agent_peer *peer)
{
    return peer->target.wanted;
}

static void on_look(uv_timer_t *timer)
{
    struct arctic_agent *agent = timer->data;
    int64_t now = arci_time_monotonic();
    bool changed = false;
    for (size_t i = 0; i < agent->peer_count; i++) {
        struct arci_agent_peer *peer = agent->peers[i];
        if (!arci_target_watch_covers(peer))
            continue;
        changed |= look(peer, now);
        if (peer->link && now >= peer->target.ask_at)
            ask(peer, now);
    }
    if (changed)
        arci_reconcile_request(agent);
}

void arci_target_watch_start(struct arctic_agent *agent)
{
    if (!agent->target_timer.data)
        uv_timer_init(&agent->loop, &agent->target_timer);
    agent->target_timer.data = agent;
    uv_timer_start(&agent->target_timer, on_look, LOOK_MS, LOOK_MS);
}

void arci_target_watch_pause(struct arctic_agent *agent)
{
    if (agent->target_timer.data)
        uv_timer_stop(&agent->target_timer);
}

void arci_target_watch_stop(struct arctic_agent *agent)
{
    if (agent->target_timer.data && !uv_is_closing((uv_handle_t *)&agent->target_timer))
        uv_close((uv_handle_t *)&agent->target_timer, NULL);
}

void arci_target_watch_begin_plan(struct arctic_agent *agent)
{
    for (size_t i = 0; i < agent->peer_count; i++)
        agent->peers[i]->target.in_plan = false;
}

bool arci_target_watch_trusts(struct arci_agent_peer *peer)
{
    peer->target.in_plan = true;
    peer->target.wanted = true;
    (void)look(peer, arci_time_monotonic());
    return peer->target.reachability.trusted;
}

void arci_target_watch_end_plan(struct arctic_agent *agent)
{
    for (size_t i = 0; i < agent->peer_count; i++) {
        if (!agent->peers[i]->target.in_plan)
            agent->peers[i]->target = (struct arci_target_watch){0};
    }
}

void arci_target_watch_gone(struct arci_agent_peer *peer)
{
    struct arci_reachability *state = &peer->target.reachability;
    if (!arci_target_watch_covers(peer) || !state->answering)
        return;
    bool before = state->trusted;
    arci_reachability_gone(state, arci_time_monotonic());
    if (!before)
        return;
    log_change(peer);
    arci_reconcile_request(peer->agent);
}

bool arci_target_watch_silent(const struct arci_agent_peer *peer)
{
    const struct arci_reachability *state = &peer->target.reachability;
    return arci_target_watch_covers(peer) && state->met && !state->answering;
}

bool arci_target_watch_explain(const struct arci_agent_peer *peer, char *text, size_t size)
{
    const struct arci_reachability *state = &peer->target.reachability;
    char since[ARCI_TIME_TEXT], until[ARCI_TIME_TEXT], first[ARCI_TIME_TEXT];
    int64_t trusted_at = arci_reachability_trusted_at(state);
    if (!arci_target_watch_covers(peer) || !trusted_at)
        return false;
    int used = snprintf(text, size, "the target peer answers again since %s and is trusted at %s, ",
                        format_moment(state->answers_since, since), format_moment(trusted_at, until));
    if (state->failures > 1)
        snprintf(text + used, size - (size_t)used, "because it has failed %u times since %s", state->failures,
                 format_moment(state->series_since, first));
    else
        snprintf(text + used, size - (size_t)used, "when it has done so for %lld s",
                 (long long)ARCI_REACHABILITY_SETTLE_MS / 1000);
    return true;
}

uint64_t arci_target_watch_failures(const struct arci_agent_peer *peer)
{
    return peer->target.reachability.failed_count;
}
