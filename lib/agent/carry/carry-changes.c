/*
 * Read your writes: what a carried request has changed is told to the agent that carried it over the link of the answer, and ahead of
 * it. TCP keeps the order, so that the agent knows the change when its client has the answer.
 */
#include "agent/carry/carry-internal.h"

#include "base/error.h"
#include "cluster/gossip.h"

void arci_carry_note_change(struct arctic_agent *agent, enum arci_record_kind kind,
                            const struct arctic_id *id)
{
    struct arci_carry_changes *changes = &agent->carrier->changes;
    size_t place = changes->count++ % ARCI_CARRY_CHANGES_MAX;
    changes->recent[place].kind = kind;
    changes->recent[place].id = *id;
}

static bool is_among(const struct arci_entry *const *entries, size_t count, const struct arci_entry *entry)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i] == entry)
            return true;
    }
    return false;
}

/* The newest first: where not all fit, an older one has had more time to come by gossip. */
static size_t find_changed(const struct arctic_agent *agent, uint64_t since,
                           const struct arci_entry *ret_entries[ARCI_CARRY_CHANGES_MAX])
{
    const struct arci_carry_changes *changes = &agent->carrier->changes;
    size_t count = 0;
    for (uint64_t at = changes->count; at > since && changes->count - at < ARCI_CARRY_CHANGES_MAX; at--) {
        size_t place = (at - 1) % ARCI_CARRY_CHANGES_MAX;
        const struct arci_entry *entry =
            arci_registry_find_any(agent->registry, changes->recent[place].kind, &changes->recent[place].id);
        if (entry && !is_among(ret_entries, count, entry))
            ret_entries[count++] = entry;
    }
    return count;
}

void arci_carry_tell_changes(struct arctic_agent *agent, struct arci_link *link, uint64_t since)
{
    const struct arci_entry *entries[ARCI_CARRY_CHANGES_MAX];
    size_t count = find_changed(agent, since, entries);
    ARCI_JSON *message = count > 0 ? arci_gossip_records_message(entries, count) : NULL;
    /* Small beside what may wait on a link; one that takes no more is busy with other records, or about to end. */
    if (message)
        (void)arci_carry_send(link, message, 0, NULL);
}
