/* Two agents with one identity: found and reported. */
#include "agent/peers/identity-conflict.h"

#include <stdio.h>
#include <string.h>

#include "agent/local-peer.h"
#include "base/error.h"
#include "base/time.h"

/* So long after the other was heard of last it counts as gone. */
#define MEMORY_MS ((int64_t)5 * 60 * 1000)
/* The two answer each other's records; what they cost all others is bounded by the wait. */
#define SECOND_ANSWER_MS 5000
#define ANSWER_MS 60000

static void sign_own_record(struct arctic_agent *agent)
{
    struct arctic_error error;
    agent->identity_conflict.sign_at = 0;
    if (agent->catch_up)
        return;
    if (arci_local_peer_refresh(agent, &error) < 0)
        arci_log_error(agent->log, "gossip", "cannot renew the own peer record", ARCI_ERROR(&error));
}

/* Once may be a run of before that a backup did not have; who answers a record of this run is alive. */
static bool is_alive(const struct arci_identity_conflict *conflict)
{
    return conflict->count > 1;
}

static void describe(struct arctic_agent *agent, const struct arci_peer *other)
{
    char address[ARCTIC_ADDRESS_TEXT] = "an unknown address";
    if (other->address_count > 0)
        arctic_address_format(&other->addresses[0], address);
    snprintf(
        agent->identity_conflict.reason, sizeof agent->identity_conflict.reason,
        "another agent runs with this agent's identity %s, at %s: stop the copy, empty its data directory "
        "and bootstrap it anew",
        agent->local_id.text, address);
}

static void note_other(struct arctic_agent *agent, const struct arci_peer *other)
{
    struct arci_identity_conflict *conflict = &agent->identity_conflict;
    int64_t now = arci_time_monotonic();
    int64_t suppressed;
    if (now - conflict->seen_at > MEMORY_MS)
        conflict->count = 0;
    conflict->seen_at = now;
    conflict->count++;
    describe(agent, other);
    if (is_alive(conflict) && arci_log_allowed(&conflict->log, now, &suppressed))
        arci_log_error(agent->log, "gossip", conflict->reason, ARCI_INT("more", suppressed));
    if (conflict->count == 1)
        sign_own_record(agent);
    else if (!conflict->sign_at)
        conflict->sign_at = now + (conflict->count == 2 ? SECOND_ANSWER_MS : ANSWER_MS);
}

void arci_identity_conflict_take(struct arctic_agent *agent, const struct arci_entry *entry)
{
    const struct arci_peer *peer = &entry->content.peer;
    arci_log_warn(
        agent->log, "gossip",
        entry->record.deleted
            ? "a peer has told of an own record that was deleted, here or before a backup: it stays so"
            : "a peer remembers a newer version of an own record, which holds from now on",
        ARCI_TEXT("kind", arci_record_kind_name(entry->record.kind)), ARCI_TEXT("id", entry->record.id.text));
    if (entry->record.kind != ARCI_RECORD_PEER)
        return;
    if (strcmp(peer->instance, agent->instance) != 0)
        note_other(agent, peer);
    else
        sign_own_record(agent);
}

void arci_identity_conflict_tick(struct arctic_agent *agent)
{
    struct arci_identity_conflict *conflict = &agent->identity_conflict;
    if (conflict->sign_at && arci_time_monotonic() >= conflict->sign_at)
        sign_own_record(agent);
}

void arci_identity_conflict_forget(struct arctic_agent *agent)
{
    agent->identity_conflict = (struct arci_identity_conflict){0};
}

bool arci_identity_conflict_is(const struct arctic_agent *agent, const char **ret_reason)
{
    const struct arci_identity_conflict *conflict = &agent->identity_conflict;
    *ret_reason = conflict->reason;
    return is_alive(conflict) && arci_time_monotonic() - conflict->seen_at <= MEMORY_MS;
}
