/* This agent's own records on their way to its peers: all over a new link, and each one again when it changes. */
#include "agent/own-records.h"
#include "agent/peer-links.h"
#include "agent/service-states.h"

/* Records of one message; a service with many routes fills one alone. */
#define RECORDS_PER_MESSAGE 64
#define MANY_ROUTES 1000

static void send_records(struct arci_agent_peer *peer, json_t *records)
{
    ARCI_JSON *message = json_pack("{s:s, s:O}", "type", "records", "records", records);
    arci_peers_send(peer, message);
    json_array_clear(records);
}

void arci_peers_send_all(struct arci_agent_peer *peer)
{
    ARCI_JSON *records = json_array();
    size_t cursor = 0;
    const struct arci_entry *entry;
    while (records && peer->link &&
           (entry = arci_registry_next_owned(peer->agent->registry, &peer->agent->local_id, &cursor))) {
        bool large =
            entry->record.kind == ARCI_RECORD_SERVICE && entry->content.service.routes.count > MANY_ROUTES;
        if ((large || json_array_size(records) >= RECORDS_PER_MESSAGE) && json_array_size(records) > 0)
            send_records(peer, records);
        if (peer->link)
            json_array_append_new(records, arci_record_to_json(&entry->record));
        if (large && peer->link)
            send_records(peer, records);
    }
    if (records && peer->link && json_array_size(records) > 0)
        send_records(peer, records);
    if (peer->link)
        arci_own_records_tell(peer);
    if (peer->link)
        arci_service_states_greet(peer);
}

void arci_peers_publish(struct arctic_agent *agent, enum arci_record_kind kind, const struct arctic_id *id)
{
    const struct arci_entry *entry = arci_registry_find_any(agent->registry, kind, id);
    if (!entry)
        return;
    for (size_t i = 0; i < agent->peer_count; i++) {
        if (!agent->peers[i]->link)
            continue;
        ARCI_JSON *records = json_pack("[o]", arci_record_to_json(&entry->record));
        if (records)
            send_records(agent->peers[i], records);
    }
}
