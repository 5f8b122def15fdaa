/* The age of the database. */
#include "agent/peers/store-age.h"

#include <inttypes.h>
#include <stdio.h>

#include "agent/services/reconcile.h"
#include "base/time.h"

#define LOOK_MS 60000
#define NOTE_MS ((int64_t)60 * 60 * 1000)

static int read_note(struct arctic_agent *agent, const char *key, char **ret_text, struct arctic_error *error)
{
    return arci_store_get_note(agent->store, "agent", key, ret_text, error);
}

/* A clock that stands too early, as some hosts' do until the network is there, must not make the database look old. */
static int note_alive(struct arctic_agent *agent, int64_t now, struct arctic_error *error)
{
    char text[32];
    if (now <= agent->store_age.alive_at)
        return ARCTIC_OK;
    snprintf(text, sizeof text, "%" PRId64, now);
    int code = arci_store_put_note(agent->store, "agent", "alive_at", text, error);
    if (code >= 0)
        agent->store_age.alive_at = now;
    return code;
}

static int note_gap(struct arctic_agent *agent, struct arctic_error *error)
{
    const struct arci_registry_gap gap = arci_registry_gap(agent->registry);
    char text[64];
    snprintf(text, sizeof text, "%" PRId64 " %" PRId64, gap.from, gap.until);
    return arci_store_put_note(agent->store, "agent", "gap", text, error);
}

/* The gap goes to disk before the time that would hide it. */
static int resume(struct arctic_agent *agent, struct arctic_error *error)
{
    bool outdated = false;
    char since[ARCI_TIME_TEXT];
    int code = arci_registry_resume(agent->registry, agent->store_age.alive_at, &outdated, error);
    if (code < 0 || !outdated)
        return code;
    arci_log_warn(
        agent->log, "store",
        "the database was not in use for so long that others may have forgotten what they have "
        "deleted since: their services and credentials are dropped here and fetched anew",
        ARCI_TEXT("in_use_until", arci_time_format(arci_registry_gap(agent->registry).from, since)));
    return note_gap(agent, error);
}

static int load_notes(struct arctic_agent *agent, struct arctic_error *error)
{
    ARCI_FREE char *alive_at = NULL;
    ARCI_FREE char *gap = NULL;
    struct arci_registry_gap known = {0};
    int code = read_note(agent, "alive_at", &alive_at, error);
    if (code >= 0)
        code = read_note(agent, "gap", &gap, error);
    if (code < 0)
        return code;
    agent->store_age.alive_at = 0;
    if (alive_at)
        (void)sscanf(alive_at, "%" SCNd64, &agent->store_age.alive_at);
    if (gap && sscanf(gap, "%" SCNd64 " %" SCNd64, &known.from, &known.until) != 2)
        known = (struct arci_registry_gap){0};
    arci_registry_set_gap(agent->registry, &known);
    return ARCTIC_OK;
}

/* A full disk keeps nothing of this from being tried again, and nobody from being served. */
static void tell_failure(struct arctic_agent *agent, bool failed, const struct arctic_error *error)
{
    if (failed && !agent->store_age.failing)
        arci_log_error(agent->log, "store", "cannot see to old records, will try again", ARCI_ERROR(error));
    agent->store_age.failing = failed;
}

/* `note_after`: milliseconds since the note was made last. */
static int look(struct arctic_agent *agent, int64_t note_after, struct arctic_error *error)
{
    int64_t now = arci_time_now();
    int code = arci_registry_sweep(agent->registry, error);
    if (code >= 0 && now - agent->store_age.alive_at >= note_after)
        code = note_alive(agent, now, error);
    return code;
}

int arci_store_age_load(struct arctic_agent *agent, struct arctic_error *error)
{
    struct arctic_error problem;
    if (!agent->bootstrapped)
        return ARCTIC_OK;
    int code = load_notes(agent, error);
    /* A database without the note was written by an agent that did not make it yet. */
    if (code >= 0 && agent->store_age.alive_at > 0)
        code = resume(agent, error);
    if (code >= 0)
        tell_failure(agent, look(agent, 0, &problem) < 0, &problem);
    return code;
}

void arci_store_age_follow(struct arctic_agent *agent)
{
    struct arci_store_age *age = &agent->store_age;
    struct arctic_error error;
    int code = ARCTIC_OK;
    int64_t now = arci_time_monotonic();
    if (!agent->bootstrapped || agent->leaving || now < age->look_at)
        return;
    age->look_at = now + LOOK_MS;
    /* A host that was suspended, or a virtual machine that went back to a snapshot, goes on without a start. */
    if (age->alive_at > 0 && arci_time_now() - age->alive_at > ARCI_TOMBSTONE_MS) {
        code = resume(agent, &error);
        arci_reconcile_request(agent);
    }
    if (code >= 0)
        code = look(agent, NOTE_MS, &error);
    tell_failure(agent, code < 0, &error);
}

void arci_store_age_end(struct arctic_agent *agent)
{
    struct arctic_error error;
    if (agent->bootstrapped && !agent->leaving && note_alive(agent, arci_time_now(), &error) < 0)
        arci_log_warn(agent->log, "store", "cannot note when the database was in use last",
                      ARCI_ERROR(&error));
}

void arci_store_age_forget(struct arctic_agent *agent)
{
    agent->store_age = (struct arci_store_age){0};
    arci_registry_set_gap(agent->registry, &(const struct arci_registry_gap){0});
}
