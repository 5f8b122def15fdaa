/* Revocations and departures: what they change here. */
#include "agent/peers/membership.h"

#include <stdio.h>
#include <string.h>

#include "agent/peers/gossiping.h"
#include "agent/peers/incoming.h"
#include "agent/peers/peer-links.h"
#include "agent/peers/peers.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"

#define REMEDY                                                                                               \
    "to be a member again it needs a new identity (on its host: arctic peers remove-self, then arctic "      \
    "bootstrap)"

static const uint8_t *own_key(const struct arctic_agent *agent)
{
    return arci_identity_public_key(agent->identity);
}

const struct arci_revocation *arci_membership_own_revocation(const struct arctic_agent *agent)
{
    const struct arci_entry *entry =
        agent->identity ? arci_registry_revocation_of_key(agent->registry, own_key(agent)) : NULL;
    return entry ? &entry->content.revocation : NULL;
}

static int fail_revoked(const char *who, const struct arci_entry *revocation, struct arctic_error *error)
{
    char time[ARCI_TIME_TEXT];
    return arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "%s has been revoked, by %s at %s: " REMEDY, who,
                     revocation->record.owner.text,
                     arci_time_format(revocation->content.revocation.created_at, time));
}

int arci_membership_check(struct arctic_agent *agent, const struct arctic_id *id,
                          const uint8_t key[ARCI_KEY_SIZE], struct arctic_error *error)
{
    const struct arci_entry *revocation = arci_registry_revocation_of_key(agent->registry, own_key(agent));
    if (revocation)
        return fail_revoked("this agent", revocation, error);
    revocation = arci_registry_revocation_of_key(agent->registry, key);
    if (!revocation)
        return ARCTIC_OK;
    char who[48];
    snprintf(who, sizeof who, "peer %s", id->text);
    return fail_revoked(who, revocation, error);
}

/* Ends what a peer has here. With `flush` it hears what waits for it first. */
static void expel(struct arctic_agent *agent, const struct arctic_id *id, bool flush)
{
    struct arctic_error error;
    if (arci_registry_forget_owned(agent->registry, id, &error) < 0)
        arci_log_error(agent->log, "store", "what a former member owned stays on disk until the next start",
                       ARCI_TEXT("peer_id", id->text), ARCI_ERROR(&error));
    arci_peers_drop(agent, id, flush);
    arci_incoming_drop(agent, id);
    arci_reconcile_request(agent);
}

/* The others have dropped this agent, or will: it says so instead of calling them unreachable. */
static void end_own_membership(struct arctic_agent *agent, const struct arctic_id *by)
{
    arci_log_error(agent->log, "gossip", "this agent has been revoked and its services have stopped: " REMEDY,
                   ARCI_TEXT("by", by->text));
    arci_peers_drop_links(agent, "this agent has been revoked");
    arci_reconcile_request(agent);
}

/*
 * The key decides: a revocation that names another peer's id harms nobody. A member can have told of more ids than its own under its
 * key, and all of them end. Whom to look at next is the caller's `cursor`, 0 at first.
 */
static const struct arci_entry *next_holder(const struct arctic_agent *agent,
                                            const struct arci_revocation *revocation, size_t *cursor)
{
    const struct arci_entry *entry;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_PEER, cursor))) {
        if (memcmp(entry->content.peer.public_key, revocation->public_key, ARCI_KEY_SIZE) == 0)
            return entry;
    }
    return NULL;
}

/* What is expelled are services and credentials, which stand behind all peers: the cursor stays good. */
static void obey(struct arctic_agent *agent, const struct arci_entry *entry, bool flush)
{
    const struct arci_revocation revocation = entry->content.revocation;
    const struct arctic_id by = entry->record.owner;
    const struct arci_entry *holder;
    size_t cursor = 0;
    while ((holder = next_holder(agent, &revocation, &cursor))) {
        const struct arctic_id id = holder->record.id;
        if (arctic_id_equal(&id, &agent->local_id)) {
            end_own_membership(agent, &by);
            return;
        }
        arci_log_warn(agent->log, "gossip", "peer revoked", ARCI_TEXT("peer_id", id.text),
                      ARCI_TEXT("by", by.text));
        expel(agent, &id, flush);
    }
}

static int issue(struct arctic_agent *agent, const struct arci_peer *peer, struct arctic_id *ret_id,
                 struct arctic_error *error)
{
    struct arci_revocation revocation = {.peer_id = peer->id, .created_at = arci_time_now()};
    memcpy(revocation.public_key, peer->public_key, sizeof revocation.public_key);
    int code = arctic_id_generate(ARCTIC_ID_REVOCATION, &revocation.id, error);
    if (code >= 0)
        code = arci_registry_put_revocation(agent->registry, &revocation, error);
    *ret_id = revocation.id;
    return code;
}

int arci_membership_revoke(struct arctic_agent *agent, const struct arci_entry *peer,
                           struct arctic_error *error)
{
    struct arctic_id id;
    if (arci_registry_revocation_of_key(agent->registry, peer->content.peer.public_key))
        return ARCTIC_OK;
    int code = issue(agent, &peer->content.peer, &id, error);
    if (code < 0)
        return code;
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_REVOCATION, &id);
    arci_gossiping_announce(agent, ARCI_RECORD_REVOCATION, &id);
    obey(agent, entry, true);
    return ARCTIC_OK;
}

void arci_membership_follow(struct arctic_agent *agent, const struct arci_entry *entry)
{
    const struct arci_record *record = &entry->record;
    if (record->kind == ARCI_RECORD_REVOCATION && !record->deleted) {
        obey(agent, entry, false);
    } else if (record->kind == ARCI_RECORD_PEER && record->deleted) {
        arci_log_info(agent->log, "gossip", "peer has left", ARCI_TEXT("peer_id", record->id.text));
        expel(agent, &record->id, false);
    }
}

static int take_revocation(struct arctic_agent *agent, const struct arci_record *record, bool *ret_changed,
                           struct arctic_error *error)
{
    if (record->kind != ARCI_RECORD_REVOCATION)
        return arci_fail(error, ARCTIC_E_PROTOCOL, "revocation", "a %s record is no revocation",
                         arci_record_kind_name(record->kind));
    return arci_registry_merge(agent->registry, record, ret_changed, error);
}

/* What is followed may be what is dropped. */
static void follow_revocation(struct arctic_agent *agent, const struct arctic_id *id)
{
    size_t cursor = 0;
    const struct arci_entry *entry =
        arci_registry_next_of_id(agent->registry, ARCI_RECORD_REVOCATION, id, &cursor);
    for (const struct arci_entry *next; entry; entry = next) {
        arci_entry_ref(entry);
        arci_membership_follow(agent, entry);
        next = arci_registry_next_of_id(agent->registry, ARCI_RECORD_REVOCATION, id, &cursor);
        arci_entry_unref(entry);
    }
}

void arci_membership_hear(struct arctic_agent *agent, const json_t *revocation)
{
    struct arci_record record = {0};
    struct arctic_error error;
    bool changed = false;
    if (!revocation)
        return;
    int code = arci_record_from_json(revocation, &record, &error);
    if (code >= 0)
        code = take_revocation(agent, &record, &changed, &error);
    if (code < 0)
        arci_log_warn(agent->log, "gossip",
                      "a peer refuses this agent by a revocation that cannot be checked", ARCI_ERROR(&error));
    else if (changed)
        follow_revocation(agent, &record.id);
    arci_record_release(&record);
}

void arci_membership_load(struct arctic_agent *agent)
{
    struct arctic_error error;
    const struct arci_revocation *own = arci_membership_own_revocation(agent);
    if (own)
        arci_log_error(agent->log, "gossip", "this agent has been revoked: " REMEDY,
                       ARCI_TEXT("revocation_id", own->id.text));
    if (arci_registry_forget_owned(agent->registry, NULL, &error) < 0)
        arci_log_error(agent->log, "store", "what former members owned stays on disk until the next start",
                       ARCI_ERROR(&error));
    for (size_t i = agent->peer_count; i > 0; i--) {
        const struct arctic_id id = agent->peers[i - 1]->id;
        const struct arci_entry *entry = arci_registry_find_any(agent->registry, ARCI_RECORD_PEER, &id);
        bool left = entry && entry->record.deleted;
        if (left || arci_registry_revocation_of_peer(agent->registry, &id))
            arci_peers_drop(agent, &id, false);
    }
}

char *arci_membership_why_gone(const struct arctic_agent *agent, const struct arctic_id *id, char *text,
                               size_t size)
{
    const struct arci_entry *record = arci_registry_find_any(agent->registry, ARCI_RECORD_PEER, id);
    if (arci_registry_revocation_of_peer(agent->registry, id))
        snprintf(text, size, "has been revoked");
    else if (record && record->record.deleted)
        snprintf(text, size, "has left the cluster");
    else
        snprintf(text, size, "is not a member any more");
    return text;
}
