/* Counts, waits and the log of repairs. */
#include "kernel/repairs.h"

#include <stdio.h>

#include "base/log.h"

#define WAIT_FIRST_MS 1000

static const struct {
    const char *name;
    const char *subsystem;
    const char *thing;
    const char *command; /* that shows who does it */
} kinds[ARCI_REPAIR_KINDS] = {
    [ARCI_REPAIR_TABLE] = {"table", "fwmgr", "the nft table inet arctic", "nft monitor"},
    [ARCI_REPAIR_ANCHOR] = {"anchor", "netmgr", "the anchor interface", "ip monitor link"},
    [ARCI_REPAIR_RULE] = {"rule", "netmgr", "the ip rules of protocol 161", "ip monitor rule"},
    [ARCI_REPAIR_ROUTE] = {"route", "netmgr", "the local routes of protocol 161", "ip monitor route"},
    [ARCI_REPAIR_SETTING] = {"setting", "netmgr", "a kernel setting", "grep -r net. /etc/sysctl.d"},
    [ARCI_REPAIR_INTERFACE] = {"interface", "netmgr", "the interface of a service", "ip monitor link"},
    [ARCI_REPAIR_ADDRESS] = {"address", "netmgr", "the address of a service", "ip monitor address"},
};

const char *arci_repair_name(enum arci_repair what)
{
    return kinds[what].name;
}

static int64_t wait_after(uint32_t in_a_row)
{
    if (in_a_row < ARCI_REPAIRS_AT_ONCE)
        return 0;
    uint32_t doubled = in_a_row - ARCI_REPAIRS_AT_ONCE;
    int64_t wait = doubled < 16 ? (int64_t)WAIT_FIRST_MS << doubled : ARCI_REPAIRS_WAIT_MAX_MS;
    return wait < ARCI_REPAIRS_WAIT_MAX_MS ? wait : ARCI_REPAIRS_WAIT_MAX_MS;
}

static bool is_quiet(const struct arci_repair_record *record, int64_t now)
{
    return record->repaired_at == 0 || now - record->repaired_at > ARCI_REPAIRS_QUIET_MS;
}

/* Where a change of the configuration repairs ahead of time, the fight goes on unsaid: once a wait is enough. */
static void tell(const struct arci_repairs *repairs, enum arci_repair what, const char *found,
                 const char *done, bool early)
{
    const struct arci_repair_record *record = &repairs->items[what];
    int64_t wait = record->next_at - record->repaired_at;
    if (wait == 0)
        arci_log_warn(repairs->log, kinds[what].subsystem, "someone changed what the agent needs: repaired",
                      ARCI_TEXT("what", kinds[what].name), ARCI_TEXT("found", found),
                      ARCI_TEXT("done", done));
    else if (!early)
        arci_log_warn(repairs->log, kinds[what].subsystem,
                      "something keeps changing what the agent needs: repaired, the next time after a wait",
                      ARCI_TEXT("what", kinds[what].name), ARCI_TEXT("found", found), ARCI_TEXT("done", done),
                      ARCI_INT("in_a_row", record->in_a_row), ARCI_INT("wait_ms", wait),
                      ARCI_TEXT("find_it_with", kinds[what].command));
}

void arci_repairs_note(struct arci_repairs *repairs, enum arci_repair what, const char *found,
                       const char *done, int64_t now)
{
    struct arci_repair_record *record = &repairs->items[what];
    bool early = now < record->next_at;
    record->in_a_row = is_quiet(record, now) ? 1 : record->in_a_row + 1;
    record->count++;
    record->repaired_at = now;
    record->next_at = now + wait_after(record->in_a_row);
    tell(repairs, what, found, done, early);
}

int64_t arci_repairs_wait(const struct arci_repairs *repairs, enum arci_repair what, int64_t now)
{
    int64_t next_at = repairs->items[what].next_at;
    return next_at > now ? next_at - now : 0;
}

bool arci_repairs_fight(const struct arci_repairs *repairs, int64_t now, char *sentence, size_t size)
{
    const struct arci_repair_record *latest = NULL;
    for (size_t i = 0; i < ARCI_REPAIR_KINDS; i++) {
        const struct arci_repair_record *record = &repairs->items[i];
        if (record->in_a_row >= ARCI_REPAIRS_AT_ONCE && !is_quiet(record, now) &&
            (!latest || record->repaired_at > latest->repaired_at))
            latest = record;
    }
    if (!latest)
        return false;
    size_t what = (size_t)(latest - repairs->items);
    snprintf(sentence, size,
             "something keeps changing %s: repaired %u times in a row, from now on at most every %lld s; "
             "find the program with '%s' and have it leave that alone",
             kinds[what].thing, latest->in_a_row,
             (long long)(latest->next_at - latest->repaired_at + 999) / 1000, kinds[what].command);
    return true;
}
