/* States of services, told and heard. */
#include "agent/peers/service-states.h"

#include <stdio.h>
#include <string.h>

#include "agent/peers/peer-links.h"
#include "agent/peers/service-state-row.h"
#include "agent/services/reconcile.h"

/* States of one message: a long list goes in several. */
#define STATES_PER_MESSAGE 500

static void send_states(struct arci_agent_peer *peer, json_t *services)
{
    if (json_object_size(services) == 0)
        return;
    ARCI_JSON *message = json_pack("{s:s, s:O}", "type", "states", "services", services);
    (void)arci_peers_tell(peer, message);
}

/* In parts; `services` is an object of id -> row (service-state-row.h). */
static void send_in_parts(struct arci_agent_peer *peer, json_t *services)
{
    const char *id;
    json_t *row;
    ARCI_JSON *part = json_object();
    json_object_foreach(services, id, row)
    {
        json_object_set(part, id, row);
        if (json_object_size(part) < STATES_PER_MESSAGE)
            continue;
        send_states(peer, part);
        json_object_clear(part);
    }
    send_states(peer, part);
}

/* Of services whose records may be on their way yet. */
#define EARLY_STATES_MAX 4096

/* Drops what belongs to services that are not known, once it is much more than the rest. */
static void prune(const struct arctic_agent *agent, json_t *states)
{
    const char *text;
    json_t *row;
    void *next;
    if (json_object_size(states) <=
        2 * arci_registry_count(agent->registry, ARCI_RECORD_SERVICE) + EARLY_STATES_MAX)
        return;
    json_object_foreach_safe(states, next, text, row)
    {
        struct arctic_id id;
        if (arctic_id_parse(ARCTIC_ID_SERVICE, text, &id, NULL) < 0 ||
            !arci_registry_find(agent->registry, ARCI_RECORD_SERVICE, &id))
            json_object_del(states, text);
    }
}

/* Adds what is new of one local service to what has been told, and to `changes`. */
static void note_change(struct arctic_agent *agent, const struct arci_service *service, json_t *changes)
{
    struct arci_service_live live;
    arci_reconcile_live(agent, service, &live);
    ARCI_JSON *row = arci_service_state_row(&live);
    if (row && !json_equal(row, json_object_get(agent->told_states, service->id.text)) &&
        json_object_set(agent->told_states, service->id.text, row) == 0)
        json_object_set(changes, service->id.text, row);
}

void arci_service_states_publish(struct arctic_agent *agent)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    ARCI_JSON *changes = json_object();
    if (!agent->told_states)
        agent->told_states = json_object();
    if (!changes || !agent->told_states)
        return;
    while ((entry = arci_registry_next_owned(agent->registry, &agent->local_id, &cursor))) {
        if (entry->record.kind == ARCI_RECORD_SERVICE && !entry->record.deleted)
            note_change(agent, &entry->content.service, changes);
    }
    prune(agent, agent->told_states);
    for (size_t i = 0; i < agent->peer_count && json_object_size(changes) > 0; i++)
        send_in_parts(agent->peers[i], changes);
}

void arci_service_states_greet(struct arci_agent_peer *peer)
{
    if (peer->agent->told_states)
        send_in_parts(peer, peer->agent->told_states);
}

/* A row of its own, with what is known of and nothing else; NULL for one that makes no sense. */
static json_t *copy_row(const json_t *row)
{
    struct arci_service_live live;
    return arci_service_state_row_read(row, &live) ? arci_service_state_row(&live) : NULL;
}

/* A service that is not known yet may be the peer's. */
static bool may_be_service_of(const struct arctic_agent *agent, const char *text,
                              const struct arctic_id *peer_id)
{
    struct arctic_id id;
    if (arctic_id_parse(ARCTIC_ID_SERVICE, text, &id, NULL) < 0 || strcmp(id.text, text) != 0)
        return false;
    const struct arci_entry *entry = NULL;
    bool known = false;
    for (size_t cursor = 0;
         (entry = arci_registry_next_of_id(agent->registry, ARCI_RECORD_SERVICE, &id, &cursor));) {
        if (arctic_id_equal(&entry->record.owner, peer_id))
            return true;
        known = true;
    }
    return !known;
}

void arci_service_states_take(struct arctic_agent *agent, const struct arctic_id *peer_id,
                              const json_t *message)
{
    struct arci_agent_peer *peer = arci_peers_find(agent, peer_id);
    const char *id;
    json_t *row;
    if (!peer)
        return;
    if (!peer->service_states)
        peer->service_states = json_object();
    json_object_foreach(json_object_get(message, "services"), id, row)
    {
        if (may_be_service_of(agent, id, peer_id))
            json_object_set_new(peer->service_states, id, copy_row(row));
    }
    prune(agent, peer->service_states);
}

void arci_service_states_find(const struct arctic_agent *agent, const struct arci_service *service,
                              struct arci_service_live *ret_live)
{
    const struct arctic_id *source = &service->source_peer_id;
    const struct arci_agent_peer *peer = arci_peers_find(agent, source);
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, source);
    const char *name = entry ? entry->content.peer.name : source->text;
    const json_t *row = peer ? json_object_get(peer->service_states, service->id.text) : NULL;
    struct arci_service_live told;
    bool known = arci_service_state_row_read(row, &told);
    char *reason = ret_live->state_reason;
    size_t size = sizeof ret_live->state_reason;
    ret_live->state = ARCI_SERVICE_PENDING;
    if (peer && arci_peers_reachable(peer) && known)
        *ret_live = told;
    else if (peer && arci_peers_reachable(peer))
        snprintf(reason, size, "its source peer %s has not told its state yet", name);
    else if (known)
        snprintf(reason, size, "its source peer %s does not answer, and last said that it is %s", name,
                 arci_service_state_name(told.state));
    else
        snprintf(reason, size, "its source peer %s does not answer", name);
}
