/* Discovery: from a record to a handshake. */
#include "agent/peers/discovery.h"

#include <stdlib.h>
#include <string.h>

#include "agent/peers/membership.h"
#include "agent/peers/own-endpoints.h"
#include "agent/peers/peer-links.h"
#include "base/address.h"
#include "base/error.h"
#include "base/time.h"

#define DIALS_MAX 16
#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS 60000

struct arci_discovered {
    struct arci_discovered *next;
    struct arctic_agent *agent;
    struct arctic_id id;
    struct arci_dial *dial; /* NULL between two tries */
    int64_t retry_at;       /* monotonic milliseconds */
    int64_t retry_delay;
};

/* --- Where --- */

static bool is_own(struct arctic_agent *agent, const struct arctic_endpoint *endpoint)
{
    const struct arci_host_addresses *host = arci_own_addresses(&agent->own_addresses);
    for (size_t i = 0; i < host->own.count; i++) {
        if (arctic_address_compare(&host->own.items[i], &endpoint->address) == 0)
            return endpoint->port == agent->tunnel_port;
    }
    return false;
}

static bool is_among(const struct arctic_endpoint *list, size_t count, const struct arctic_endpoint *endpoint)
{
    for (size_t i = 0; i < count; i++) {
        if (arci_endpoint_equal(&list[i], endpoint))
            return true;
    }
    return false;
}

size_t arci_discovery_endpoints(struct arctic_agent *agent, const struct arci_peer *peer,
                                const struct arci_peer_live *live,
                                struct arctic_endpoint ret_endpoints[ARCI_PEER_ENDPOINTS_MAX])
{
    size_t count = live ? live->endpoint_count : 0;
    for (size_t i = 0; i < count; i++)
        ret_endpoints[i] = live->endpoints[i];
    for (size_t i = 0; i < peer->address_count && count < ARCI_PEER_ENDPOINTS_MAX; i++) {
        const struct arctic_endpoint endpoint = {peer->addresses[i], peer->tunnel_port};
        if (peer->tunnel_port && arci_own_endpoints_is_of_use(&endpoint.address) &&
            !is_own(agent, &endpoint) && !is_among(ret_endpoints, count, &endpoint))
            ret_endpoints[count++] = endpoint;
    }
    return count;
}

/* --- Whom --- */

static struct arci_discovered *find(const struct arctic_agent *agent, const struct arctic_id *id)
{
    struct arci_discovered *item = agent->discovered;
    while (item && !arctic_id_equal(&item->id, id))
        item = item->next;
    return item;
}

static struct arci_discovered *find_or_make(struct arctic_agent *agent, const struct arctic_id *id)
{
    struct arci_discovered *item = find(agent, id);
    if (item)
        return item;
    item = calloc(1, sizeof *item);
    if (!item)
        return NULL;
    *item = (struct arci_discovered){
        .next = agent->discovered, .agent = agent, .id = *id, .retry_delay = RETRY_FIRST_MS};
    agent->discovered = item;
    return item;
}

bool arci_discovery_is_hearsay(const struct arctic_agent *agent, const struct arci_entry *entry)
{
    return !arctic_id_equal(&entry->record.id, &agent->local_id) &&
           !arci_peers_find(agent, &entry->record.id) &&
           !arci_registry_revocation_of_key(agent->registry, entry->content.peer.public_key);
}

/* Those that have been met, or are no members any more. */
static void drop_others(struct arctic_agent *agent)
{
    struct arci_discovered **place = &agent->discovered;
    while (*place) {
        struct arci_discovered *item = *place;
        const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &item->id);
        if (entry && arci_discovery_is_hearsay(agent, entry)) {
            place = &item->next;
            continue;
        }
        *place = item->next;
        arci_dial_cancel(item->dial);
        free(item);
    }
}

/* --- Dialling --- */

static void schedule_retry(struct arci_discovered *item, const struct arctic_error *error)
{
    arci_log_debug(item->agent->log, "gossip", "cannot meet a peer that others have told of",
                   ARCI_TEXT("peer_id", item->id.text), ARCI_ERROR(error));
    item->retry_at = arci_time_monotonic() + arci_time_scatter(item->retry_delay);
    item->retry_delay = item->retry_delay * 2 > RETRY_LAST_MS ? RETRY_LAST_MS : item->retry_delay * 2;
}

static void dial_self(void *context, struct arci_handshake_self *ret_self)
{
    struct arci_discovered *item = context;
    arci_peers_self(item->agent, ret_self);
}

static int admit(struct arci_discovered *item, struct arci_link *link,
                 const struct arci_handshake_remote *remote, struct arci_agent_peer **ret_peer,
                 struct arctic_error *error)
{
    if (!arctic_id_equal(&item->id, &remote->peer.id))
        return arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL,
                         "peer %s was expected there, but it is peer %s", item->id.text,
                         remote->peer.id.text);
    return arci_peers_admit(item->agent, remote, arci_link_remote(link), "", ret_peer, error);
}

static void dial_done(void *context, struct arci_link *link, const struct arci_handshake_remote *remote,
                      const struct arctic_error *error)
{
    struct arci_discovered *item = context;
    struct arci_agent_peer *peer;
    struct arctic_error problem;
    const json_t *revocation = arci_dial_revocation(item->dial);
    item->dial = NULL;
    if (!link) {
        schedule_retry(item, error);
        arci_membership_hear(item->agent, revocation);
        return;
    }
    if (admit(item, link, remote, &peer, &problem) < 0) {
        arci_link_close(link);
        schedule_retry(item, &problem);
        return;
    }
    arci_log_info(item->agent->log, "gossip", "met a peer that others have told of",
                  ARCI_TEXT("peer_id", item->id.text), ARCI_TEXT("name", remote->peer.name));
    arci_peers_set_link(peer, link);
}

static void dial(struct arci_discovered *item, const struct arci_peer *peer)
{
    struct arctic_endpoint endpoints[ARCI_PEER_ENDPOINTS_MAX];
    struct arci_dial_options options = {
        .endpoints = endpoints,
        .endpoint_count = arci_discovery_endpoints(item->agent, peer, NULL, endpoints),
        .expected_key = peer->public_key,
        .suggested_name = "",
        .self = dial_self,
        .done = dial_done,
        .context = item,
    };
    struct arctic_error error;
    if (options.endpoint_count == 0)
        return;
    arci_peers_link_options(item->agent, &options.link);
    if (arci_dial_start(&options, &item->dial, &error) < 0)
        schedule_retry(item, &error);
}

void arci_discovery_look(struct arctic_agent *agent)
{
    int64_t now = arci_time_monotonic();
    const struct arci_entry *entry;
    size_t cursor = 0;
    size_t dialling = 0;
    drop_others(agent);
    for (const struct arci_discovered *item = agent->discovered; item; item = item->next)
        dialling += item->dial != NULL;
    while (dialling < DIALS_MAX && (entry = arci_registry_next(agent->registry, ARCI_RECORD_PEER, &cursor))) {
        struct arci_discovered *item =
            arci_discovery_is_hearsay(agent, entry) ? find_or_make(agent, &entry->record.id) : NULL;
        if (!item || item->dial || now < item->retry_at)
            continue;
        dial(item, &entry->content.peer);
        dialling += item->dial != NULL;
    }
}

void arci_discovery_stop(struct arctic_agent *agent)
{
    while (agent->discovered) {
        struct arci_discovered *item = agent->discovered;
        agent->discovered = item->next;
        arci_dial_cancel(item->dial);
        free(item);
    }
}
