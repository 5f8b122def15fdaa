/* This agent's own records, as others remember them. */
#include "agent/own-records.h"

#include <string.h>

#include "agent/local-peer.h"
#include "agent/membership.h"
#include "agent/peer-links.h"
#include "agent/reconcile.h"
#include "base/error.h"
#include "base/json.h"
#include "cluster/link.h"

void arci_own_records_tell(struct arci_agent_peer *peer)
{
    char digest[ARCI_DIGEST_TEXT];
    arci_registry_digest_owned(peer->agent->registry, &peer->agent->local_id, digest);
    ARCI_JSON *message = json_pack("{s:s, s:s}", "type", "inventory", "hash", digest);
    arci_peers_send(peer, message);
}

/* One record a message: there are many only where a backup is old. */
static bool send_back(struct arci_link *link, const struct arci_record *record)
{
    ARCI_JSON *message = json_pack("{s:s, s:o}", "type", "remembered", "record", arci_record_to_json(record));
    return message && arci_link_send(link, message, NULL) >= 0;
}

void arci_own_records_compare(struct arctic_agent *agent, struct arci_link *link,
                              const struct arctic_id *peer_id, const json_t *message)
{
    const char *theirs = json_string_value(json_object_get(message, "hash"));
    char digest[ARCI_DIGEST_TEXT];
    size_t cursor = 0;
    const struct arci_entry *entry;
    arci_registry_digest_owned(agent->registry, peer_id, digest);
    if (!theirs || !digest[0] || strcmp(theirs, digest) == 0)
        return;
    arci_log_info(agent->log, "gossip", "a peer's records are not those that it has told before, told it so",
                  ARCI_TEXT("peer_id", peer_id->text));
    while ((entry = arci_registry_next_owned(agent->registry, peer_id, &cursor))) {
        if (!send_back(link, &entry->record))
            return;
    }
}

/* What the record of this peer says of ports and keys is what holds now. */
static int bring_in(struct arctic_agent *agent, const struct arci_record *record, bool *ret_changed,
                    struct arctic_error *error)
{
    int code = arci_registry_recover(agent->registry, record, ret_changed, error);
    if (code < 0 || !*ret_changed)
        return code;
    if (record->kind == ARCI_RECORD_PEER)
        code = arci_local_peer_refresh(agent, error);
    arci_membership_follow(agent, record);
    arci_peers_publish(agent, record->kind, &record->id);
    arci_reconcile_request(agent);
    return code;
}

void arci_own_records_take(struct arctic_agent *agent, const struct arctic_id *peer_id, const json_t *message)
{
    /* What the record says may end the peer. */
    const struct arctic_id from = *peer_id;
    struct arci_record record = {0};
    struct arctic_error error;
    bool changed = false;
    int code = arci_record_from_json(json_object_get(message, "record"), &record, &error);
    if (code >= 0)
        code = bring_in(agent, &record, &changed, &error);
    if (code < 0)
        arci_log_warn(agent->log, "gossip", "own record that a peer remembers dropped",
                      ARCI_TEXT("peer_id", from.text), ARCI_ERROR(&error));
    else if (changed)
        arci_log_warn(agent->log, "gossip",
                      "a peer remembers a newer version of an own record, which holds from now on",
                      ARCI_TEXT("peer_id", from.text), ARCI_TEXT("kind", arci_record_kind_name(record.kind)),
                      ARCI_TEXT("id", record.id.text));
    arci_record_release(&record);
}
