/*
 * What age does to records: tombstones go, and what comes from a host that has been away for longer than they are kept is judged by
 * whoever owns it. Age is told by the version, which is milliseconds of the owner's clock.
 */
#include "cluster/registry-internal.h"

/* A removed record costs tens of microseconds, and nobody is served meanwhile. */
#define SWEEP_MAX 2000

static int64_t now(const struct arci_registry *registry)
{
    return registry->now(registry->clock_context);
}

static bool is_mortal(enum arci_record_kind kind)
{
    return kind == ARCI_RECORD_SERVICE || kind == ARCI_RECORD_CREDENTIAL;
}

static bool is_old(const struct arci_registry *registry, uint64_t version)
{
    return (int64_t)version <= now(registry) - ARCI_TOMBSTONE_MS;
}

bool arci_registry_is_expired(const struct arci_registry *registry, enum arci_record_kind kind, bool deleted,
                              uint64_t version)
{
    return deleted && is_mortal(kind) && is_old(registry, version);
}

bool arci_registry_is_old_news(const struct arci_registry *registry, const struct arci_record *record,
                               const struct arci_entry *known)
{
    return (!known || known->record.deleted) &&
           arci_registry_is_expired(registry, record->kind, record->deleted, record->version);
}

/* --- Sweeping --- */

static bool is_expired_record(const struct arci_registry *registry, const struct arci_record *record)
{
    return arci_registry_is_expired(registry, record->kind, record->deleted, record->version);
}

int arci_registry_sweep(struct arci_registry *registry, struct arctic_error *error)
{
    return arci_registry_remove_where(registry, is_expired_record, SWEEP_MAX, error);
}

/* --- A database that was away --- */

void arci_registry_set_gap(struct arci_registry *registry, const struct arci_registry_gap *gap)
{
    registry->gap = *gap;
}

struct arci_registry_gap arci_registry_gap(const struct arci_registry *registry)
{
    return registry->gap;
}

/* What this host has deleted after its return is remembered for as long as the gap counts, and tells more than the gap. */
static bool gap_counts(const struct arci_registry *registry)
{
    return registry->gap.until > 0 && now(registry) <= registry->gap.until + ARCI_TOMBSTONE_MS;
}

static bool is_in_gap(const struct arci_registry *registry, uint64_t version)
{
    return gap_counts(registry) && (int64_t)version > registry->gap.from &&
           (int64_t)version < registry->gap.until;
}

bool arci_registry_was_deleted(const struct arci_registry *registry, const struct arci_record *record,
                               const struct arci_entry *known)
{
    return !known && is_mortal(record->kind) && !record->deleted && is_old(registry, record->version) &&
           !is_in_gap(registry, record->version);
}

/* A change of its own shows that the database was in use then, also where that was not noted any more. */
static int64_t last_own_change(const struct arci_registry *registry)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    int64_t last = 0;
    while ((entry = arci_registry_next_owned(registry, &registry->local_id, &cursor))) {
        if ((int64_t)entry->record.version > last)
            last = (int64_t)entry->record.version;
    }
    return last;
}

static bool is_of_another(const struct arci_registry *registry, const struct arci_record *record)
{
    return !arctic_id_equal(&record->owner, &registry->local_id);
}

int arci_registry_resume(struct arci_registry *registry, int64_t alive_at, bool *ret_outdated,
                         struct arctic_error *error)
{
    const int64_t own = last_own_change(registry);
    const int64_t last = own > alive_at ? own : alive_at;
    const bool outdated = last < now(registry) - ARCI_TOMBSTONE_MS;
    int code = outdated ? arci_registry_remove_where(registry, is_of_another, SIZE_MAX, error) : ARCTIC_OK;
    if (code < 0)
        return code;
    if (outdated)
        registry->gap = (struct arci_registry_gap){.from = gap_counts(registry) ? registry->gap.from : last,
                                                   .until = now(registry)};
    *ret_outdated = outdated;
    return ARCTIC_OK;
}
