/* Own records that are dated in the future. */
#include "agent/peers/own-dates.h"

#include "agent/peers/peer-links.h"
#include "base/error.h"
#include "base/time.h"

/* NULL for none. What is less ahead than that others take. */
static const struct arci_entry *find_early(const struct arctic_agent *agent)
{
    const struct arci_entry *entry;
    const int64_t limit = arci_time_now() + ARCI_CLOCK_SKEW_MS;
    size_t cursor = 0;
    while ((entry = arci_registry_next_owned(agent->registry, &agent->local_id, &cursor))) {
        if (entry->record.updated_at > limit)
            return entry;
    }
    return NULL;
}

/* All at once: the clock is set seldom, and there is no harm in another version, also where it is the clock of now that is wrong. */
void arci_own_dates_follow(struct arctic_agent *agent)
{
    struct arctic_error error;
    char date[ARCI_TIME_TEXT];
    const struct arci_entry *early = find_early(agent);
    if (!early)
        return;
    arci_time_format(early->record.updated_at, date);
    if (arci_registry_renew(agent->registry, &error) < 0) {
        arci_log_error(agent->log, "store",
                       "cannot sign the own records anew that are dated in the future, will try again",
                       ARCI_TEXT("updated_at", date), ARCI_ERROR(&error));
        return;
    }
    arci_log_warn(agent->log, "gossip",
                  "own records were dated in the future, by this host's clock: they have been signed anew",
                  ARCI_TEXT("updated_at", date));
    for (size_t i = 0; i < agent->peer_count; i++)
        (void)arci_peers_compare(agent->peers[i]);
}
