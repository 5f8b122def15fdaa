/* One synchronisation with all peers. */
#include "agent/peers/cluster-sync.h"

#include <stdlib.h>
#include <string.h>

#include "agent/peers/peer-links.h"
#include "agent/services/reconcile.h"
#include "base/error.h"

#define PATIENCE_MS 5000

struct sync_peer {
    struct arctic_id id;
    bool waiting; /* it may still come to the same records */
    bool reached; /* it has answered */
    bool agrees;  /* it holds what this agent holds */
};

struct sync_request {
    struct sync_request *next;
    struct arci_request *request;
};

struct arci_cluster_sync {
    struct arctic_agent *agent;
    struct sync_request *requests;
    struct sync_peer *peers;
    size_t peer_count;
    bool started;                        /* all peers have been told */
    bool reconciled;                     /* the pass has ended */
    uint64_t repairs[ARCI_REPAIR_KINDS]; /* made before it began */
    uv_timer_t timer;
};

static json_t *peer_json(struct arctic_agent *agent, const struct sync_peer *row)
{
    const struct arci_entry *entry = arci_registry_find(agent->registry, ARCI_RECORD_PEER, &row->id);
    const struct arci_agent_peer *peer = arci_peers_find(agent, &row->id);
    enum arci_peer_state state = peer ? peer->live.state : ARCI_PEER_REVOKED;
    return json_pack("{s:s, s:s, s:s, s:b, s:b}", "id", row->id.text, "name",
                     entry ? entry->content.peer.name : "", "state", arci_peer_state_name(state), "reached",
                     row->reached, "converged", row->agrees);
}

/* What the pass found changed by others and put right. */
static json_t *repaired_json(const struct arci_cluster_sync *sync)
{
    const uint64_t *now = arci_reconcile_repairs(sync->agent);
    json_t *list = json_array();
    for (int what = 0; what < ARCI_REPAIR_KINDS; what++) {
        if (now[what] > sync->repairs[what])
            json_array_append_new(list, json_string(arci_repair_name((enum arci_repair)what)));
    }
    return list;
}

static json_t *result_json(const struct arci_cluster_sync *sync)
{
    struct arctic_agent *agent = sync->agent;
    const char *reason = "";
    bool ok = arci_reconcile_kernel_ready(agent, &reason);
    json_t *peers = json_array();
    for (size_t i = 0; i < sync->peer_count; i++)
        json_array_append_new(peers, peer_json(agent, &sync->peers[i]));
    return json_pack("{s:s, s:o, s:{s:b, s:s*, s:o}}", "registry_hash", arci_registry_digest(agent->registry),
                     "peers", peers, "kernel", "ok", ok, "reason", ok ? NULL : reason, "repaired",
                     repaired_json(sync));
}

static void free_sync(uv_handle_t *handle)
{
    struct arci_cluster_sync *sync = handle->data;
    free(sync->peers);
    free(sync);
}

static void answer(struct arci_cluster_sync *sync)
{
    sync->agent->sync = NULL;
    while (sync->requests) {
        struct sync_request *item = sync->requests;
        sync->requests = item->next;
        arci_request_respond_json(item->request, 200, result_json(sync));
        free(item);
    }
    uv_close((uv_handle_t *)&sync->timer, free_sync);
}

static void answer_when_done(struct arci_cluster_sync *sync)
{
    if (!sync->started || !sync->reconciled)
        return;
    for (size_t i = 0; i < sync->peer_count; i++) {
        if (sync->peers[i].waiting)
            return;
    }
    answer(sync);
}

static struct sync_peer *find_row(const struct arctic_agent *agent, const struct arctic_id *peer_id)
{
    for (size_t i = 0; agent->sync && i < agent->sync->peer_count; i++) {
        if (arctic_id_equal(&agent->sync->peers[i].id, peer_id))
            return &agent->sync->peers[i];
    }
    return NULL;
}

/* Records may be under way: who holds something else yet is asked again by the next ping. */
void arci_cluster_sync_answered(struct arctic_agent *agent, struct arci_agent_peer *peer)
{
    struct sync_peer *row = find_row(agent, &peer->id);
    if (!row || !row->waiting)
        return;
    row->reached = true;
    row->agrees = strcmp(peer->digest, arci_registry_digest(agent->registry)) == 0;
    row->waiting = !row->agrees;
    peer->next_ping_at = 0;
    answer_when_done(agent->sync);
}

void arci_cluster_sync_lost(struct arctic_agent *agent, const struct arctic_id *peer_id)
{
    struct sync_peer *row = find_row(agent, peer_id);
    if (!row || !row->waiting)
        return;
    row->waiting = row->reached = false;
    answer_when_done(agent->sync);
}

void arci_cluster_sync_stop(struct arctic_agent *agent)
{
    struct arci_cluster_sync *sync = agent->sync;
    if (!sync)
        return;
    for (size_t i = 0; i < sync->peer_count; i++)
        sync->peers[i].waiting = false;
    answer_when_done(sync);
}

static void on_patience(uv_timer_t *timer)
{
    struct arci_cluster_sync *sync = timer->data;
    arci_cluster_sync_stop(sync->agent);
}

static void on_reconciled(void *context)
{
    struct arci_cluster_sync *sync = context;
    sync->reconciled = true;
    answer_when_done(sync);
}

/* A link that breaks while it is told ends its peer's wait, which must have begun by then. */
static void tell_peers(struct arci_cluster_sync *sync)
{
    for (size_t i = 0; i < sync->peer_count; i++) {
        struct sync_peer *row = &sync->peers[i];
        struct arci_agent_peer *peer = arci_peers_find(sync->agent, &row->id);
        row->waiting = true;
        if (!arci_peers_compare(peer))
            row->waiting = false;
    }
    sync->started = true;
}

static int make_sync(struct arctic_agent *agent, struct arctic_error *error)
{
    struct arci_cluster_sync *sync = calloc(1, sizeof *sync);
    struct sync_peer *peers = calloc(agent->peer_count + 1, sizeof *peers);
    if (!sync || !peers) {
        free(sync);
        free(peers);
        return arci_fail_memory(error);
    }
    for (size_t i = 0; i < agent->peer_count; i++)
        peers[i].id = agent->peers[i]->id;
    *sync = (struct arci_cluster_sync){.agent = agent, .peers = peers, .peer_count = agent->peer_count};
    memcpy(sync->repairs, arci_reconcile_repairs(agent), sizeof sync->repairs);
    uv_timer_init(&agent->loop, &sync->timer);
    sync->timer.data = sync;
    agent->sync = sync;
    return ARCTIC_OK;
}

int arci_cluster_sync_start(struct arctic_agent *agent, struct arci_request *request,
                            struct arctic_error *error)
{
    struct sync_request *item = malloc(sizeof *item);
    bool joins = agent->sync != NULL;
    if (!item)
        return arci_fail_memory(error);
    int code = joins ? ARCTIC_OK : make_sync(agent, error);
    if (code < 0) {
        free(item);
        return code;
    }
    *item = (struct sync_request){agent->sync->requests, request};
    agent->sync->requests = item;
    if (joins)
        return ARCTIC_OK;
    tell_peers(agent->sync);
    uv_timer_start(&agent->sync->timer, on_patience, PATIENCE_MS, 0);
    arci_reconcile_fully_then(agent, on_reconciled, agent->sync);
    return ARCTIC_OK;
}
