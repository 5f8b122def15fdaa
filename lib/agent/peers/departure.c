/* Leaving a cluster. */
#include "agent/peers/departure.h"

#include <string.h>

#include "agent/local-peer.h"
#include "agent/peers/discovery.h"
#include "agent/peers/gossiping.h"
#include "agent/peers/incoming.h"
#include "agent/peers/peer-addition.h"
#include "agent/peers/peer-links.h"
#include "agent/services/data-plane.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"

/* Note of the own record that a tombstone has replaced. It goes with all others, once the peers have been told. */
#define FORMER_RECORD "former_record"
/* For the handshakes with all peers after a start. */
#define HANDSHAKES_MS 3000

/* Those who cannot be told now see an unreachable peer until an operator revokes it. */
static void say_goodbye(struct arctic_agent *agent)
{
    size_t told = 0;
    for (size_t i = 0; i < agent->peer_count; i++)
        told += agent->peers[i]->link != NULL;
    arci_log_warn(agent->log, "gossip", "leaving the cluster", ARCI_TEXT("peer_id", agent->local_id.text),
                  ARCI_INT("peers_told", told), ARCI_INT("peers_not_told", agent->peer_count - told));
    arci_gossiping_announce(agent, ARCI_RECORD_PEER, &agent->local_id);
    while (agent->peer_count > 0) {
        const struct arctic_id id = agent->peers[agent->peer_count - 1]->id;
        arci_peers_drop(agent, &id, true);
    }
    arci_incoming_finish(agent);
}

static void forget(struct arctic_agent *agent)
{
    struct arctic_error error;
    arci_data_plane_end(agent);
    arci_local_peer_forget(agent);
    agent->bootstrapped = false;
    agent->leaving = false;
    agent->wipe_failed = arci_local_peer_wipe(agent, &error) < 0;
    if (agent->wipe_failed)
        arci_log_error(agent->log, "store", "the former identity stays on disk until the next start",
                       ARCI_ERROR(&error));
}

/* The pass has ended, and with it capture. */
static void on_released(void *context)
{
    struct arctic_agent *agent = context;
    struct arci_request *request = agent->leaver;
    agent->leaver = NULL;
    if (!agent->stopping)
        forget(agent);
    if (request)
        arci_request_respond_empty(request, 204);
}

struct departure {
    struct arctic_agent *agent;
    const char *former_record; /* NULL where no peer is to be told */
};

static int write_departure(void *context, struct arctic_error *error)
{
    const struct departure *departure = context;
    struct arctic_agent *agent = departure->agent;
    int code = arci_store_put_note(agent->store, "agent", FORMER_RECORD, departure->former_record, error);
    return code < 0 ? code : arci_registry_delete(agent->registry, ARCI_RECORD_PEER, &agent->local_id, error);
}

static int store_departure(struct arctic_agent *agent, struct arctic_error *error)
{
    const struct arci_entry *former = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &agent->local_id);
    if (!former)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "this peer leaves the cluster");
    ARCI_JSON *object = arci_record_to_json(&former->record);
    ARCI_FREE char *text = object ? arci_json_canonical(object) : NULL;
    if (!text)
        return arci_fail_memory(error);
    struct departure departure = {agent, agent->peer_count > 0 ? text : NULL};
    former = arci_entry_ref(former);
    int code = arci_store_transaction(agent->store, write_departure, &departure, error);
    if (code < 0)
        arci_registry_restore(agent->registry, ARCI_RECORD_PEER, &agent->local_id, former);
    arci_entry_unref(former);
    return code;
}

int arci_departure_start(struct arctic_agent *agent, struct arci_request *request, struct arctic_error *error)
{
    struct arctic_error ignored;
    int code = store_departure(agent, error);
    if (code < 0)
        return code;
    agent->departs_at = 0;
    agent->leaving = true;
    agent->leaver = request;
    if (request && arci_request_is_carried(request)) {
        /* The link for the answer goes now. */
        agent->leaver = NULL;
        arci_request_respond_empty(request, 204);
    }
    arci_peer_additions_stop(agent);
    /* A dial that is answered now would have no record of this peer to show. */
    arci_discovery_stop(agent);
    say_goodbye(agent);
    /* From memory alone if need be: the tombstone on disk decides at the next start. */
    (void)arci_registry_forget_owned(agent->registry, &agent->local_id, &ignored);
    arci_reconcile_then(agent, on_released, agent);
    return ARCTIC_OK;
}

/* --- After a crash. --------------------------------------------------------------------------------------------------------- */

static int read_record(const char *text, struct arci_entry **ret_entry, struct arctic_error *error)
{
    json_t *parsed = NULL;
    struct arci_record record;
    int code = arci_json_parse(text, strlen(text), &parsed, error);
    ARCI_JSON *object = parsed;
    if (code >= 0)
        code = arci_record_from_json(object, &record, error);
    if (code >= 0)
        code = arci_entry_create(&record, ret_entry, error);
    return code < 0 && code != ARCTIC_E_NO_MEMORY
               ? arci_fail_within(error, ARCTIC_E_CORRUPT, "stored note " FORMER_RECORD)
               : code;
}

int arci_departure_recall(struct arctic_agent *agent, struct arctic_error *error)
{
    ARCI_FREE char *text = NULL;
    ARCI_CLEANUP(arci_entry_cleanup) struct arci_entry *former = NULL;
    const struct arci_entry *own =
        arci_registry_find_any(agent->registry, ARCI_RECORD_PEER, &agent->local_id);
    int code = arci_store_get_note(agent->store, "agent", FORMER_RECORD, &text, error);
    if (code < 0 || !text || !own)
        return code;
    code = read_record(text, &former, error);
    if (code < 0)
        return code;
    /* One that is alive is newer: it was signed after the crash. */
    if (own->record.deleted)
        arci_registry_restore(agent->registry, ARCI_RECORD_PEER, &agent->local_id, former);
    agent->departs_at = arci_time_monotonic() + HANDSHAKES_MS;
    arci_log_warn(agent->log, "gossip",
                  "leaving the cluster was cut short: it is taken up once the peers can be told",
                  ARCI_TEXT("peer_id", agent->local_id.text), ARCI_INT("wait_ms", HANDSHAKES_MS));
    return ARCTIC_OK;
}

void arci_departure_take_up(struct arctic_agent *agent)
{
    struct arctic_error error;
    int64_t now = arci_time_monotonic();
    if (agent->departs_at == 0 || now < agent->departs_at)
        return;
    if (arci_departure_start(agent, NULL, &error) >= 0)
        return;
    agent->departs_at = now + HANDSHAKES_MS;
    arci_log_error(agent->log, "gossip", "cannot leave the cluster, will try again", ARCI_ERROR(&error));
}
