/* Gossip between agents: links, timers, and what follows from records that come. */
#include "agent/peers/gossiping.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "agent/carry/carry.h"
#include "agent/license/license.h"
#include "agent/local-peer.h"
#include "agent/peers/cluster-id.h"
#include "agent/peers/discovery.h"
#include "agent/peers/identity-conflict.h"
#include "agent/peers/incoming.h"
#include "agent/peers/membership.h"
#include "agent/peers/own-dates.h"
#include "agent/peers/peer-links.h"
#include "agent/peers/service-names.h"
#include "agent/peers/store-age.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"

#define ROUND_MS 1000
/* Addresses come and go with interfaces, such as those of containers, and clocks are set. */
#define HOST_MS 10000
/* Records often come together; what is told of them goes into one message. */
#define FLUSH_MS 20

struct arci_gossiping {
    struct arci_gossip *gossip;
    uv_timer_t round_timer;
    uv_timer_t flush_timer;
    bool links_changed;
    int64_t look_at;           /* monotonic milliseconds: at this host's addresses and clock */
    struct arci_link *answers; /* the link of the message that is being taken; NULL: none, or it has ended */
    struct arctic_id answered; /* the peer at its other end */
    bool names_in_doubt;       /* services have come whose names may be in use */
    const struct arci_entry **news; /* references: records that have come and were not followed yet */
    size_t news_count;
    size_t news_capacity;
    struct arci_log_limit refusal_log;
};

/* --- What gossip asks for. It must not be called from within these. --- */

/* The other link to that peer may be dead already, or lead to another agent with the peer's identity. */
static void answer(struct arctic_agent *agent, struct arci_agent_peer *peer, const json_t *message)
{
    struct arci_gossiping *gossiping = agent->gossiping;
    if (!peer || peer->link != gossiping->answers) {
        arci_link_send(gossiping->answers, message, NULL);
        return;
    }
    (void)arci_peers_tell(peer, message);
    gossiping->answers = peer->link;
}

static void on_send(void *context, const struct arctic_id *peer_id, const json_t *message)
{
    struct arctic_agent *agent = context;
    struct arci_gossiping *gossiping = agent->gossiping;
    struct arci_agent_peer *peer = arci_peers_find(agent, peer_id);
    if (gossiping->answers && arctic_id_equal(peer_id, &gossiping->answered))
        answer(agent, peer, message);
    else if (peer)
        (void)arci_peers_tell(peer, message);
}

static void on_send_text(void *context, const struct arctic_id *peer_id, const char *text, size_t length)
{
    struct arctic_agent *agent = context;
    struct arci_gossiping *gossiping = agent->gossiping;
    struct arci_agent_peer *peer = arci_peers_find(agent, peer_id);
    bool answers = gossiping->answers && arctic_id_equal(peer_id, &gossiping->answered);
    if (answers && (!peer || peer->link != gossiping->answers)) {
        (void)arci_link_send_text(gossiping->answers, text, length, NULL);
        return;
    }
    if (peer)
        (void)arci_peers_tell_text(peer, text, length);
    if (answers)
        gossiping->answers = peer->link;
}

static void on_changed(void *context, const struct arci_entry *entry)
{
    struct arctic_agent *agent = context;
    struct arci_gossiping *gossiping = agent->gossiping;
    if (gossiping->news_count == gossiping->news_capacity) {
        size_t capacity = gossiping->news_capacity ? gossiping->news_capacity * 2 : 64;
        const struct arci_entry **news = reallocarray(gossiping->news, capacity, sizeof *news);
        if (!news) {
            arci_log_error(agent->log, "gossip", "out of memory: a change takes effect at the next start",
                           ARCI_TEXT("id", entry->record.id.text));
            return;
        }
        gossiping->news = news;
        gossiping->news_capacity = capacity;
    }
    gossiping->news[gossiping->news_count++] = arci_entry_ref(entry);
}

static void on_refused(void *context, const struct arctic_id *peer_id, const struct arctic_error *error)
{
    struct arctic_agent *agent = context;
    int64_t suppressed;
    if (arci_log_allowed(&agent->gossiping->refusal_log, arci_time_monotonic(), &suppressed))
        arci_log_warn(agent->log, "gossip", "record dropped", ARCI_TEXT("peer_id", peer_id->text),
                      ARCI_ERROR(error), ARCI_INT("more", suppressed));
}

/* --- News --- */

static void follow(struct arctic_agent *agent, const struct arci_entry *entry)
{
    if (arctic_id_equal(&entry->record.owner, &agent->local_id))
        arci_identity_conflict_take(agent, entry);
    else if (entry->record.kind == ARCI_RECORD_PEER && !entry->record.deleted)
        arci_license_hear(agent, entry->content.peer.license);
    if (entry->record.kind == ARCI_RECORD_SERVICE && !entry->record.deleted)
        agent->gossiping->names_in_doubt = true;
    arci_membership_follow(agent, entry);
}

static void follow_news(struct arctic_agent *agent)
{
    struct arci_gossiping *gossiping = agent->gossiping;
    bool peers = false;
    if (gossiping->news_count == 0)
        return;
    for (size_t i = 0; i < gossiping->news_count; i++) {
        follow(agent, gossiping->news[i]);
        peers = peers || gossiping->news[i]->record.kind == ARCI_RECORD_PEER;
        arci_entry_unref(gossiping->news[i]);
    }
    gossiping->news_count = 0;
    if (peers)
        arci_cluster_id_settle(agent);
    arci_reconcile_request(agent);
}

/* --- Timers --- */

/* Peers that are gone have been disconnected when they went. */
static void follow_links(struct arctic_agent *agent)
{
    struct arci_gossip *gossip = agent->gossiping->gossip;
    agent->gossiping->links_changed = false;
    for (size_t i = 0; i < agent->peer_count; i++) {
        struct arci_agent_peer *peer = agent->peers[i];
        bool linked = peer->link || arci_incoming_find_link(agent, &peer->id);
        if (linked == peer->gossips)
            continue;
        if (!linked)
            arci_gossip_disconnect(gossip, &peer->id);
        else if (arci_gossip_connect(gossip, &peer->id, NULL) >= 0)
            arci_gossip_compare(gossip, &peer->id);
        peer->gossips = linked;
    }
}

static void on_flush(uv_timer_t *timer)
{
    struct arctic_agent *agent = timer->data;
    if (agent->gossiping->links_changed)
        follow_links(agent);
    arci_gossip_flush(agent->gossiping->gossip);
}

static void schedule_flush(struct arctic_agent *agent, uint64_t delay)
{
    uv_timer_t *timer = &agent->gossiping->flush_timer;
    if (!uv_is_closing((uv_handle_t *)timer) &&
        (!uv_is_active((uv_handle_t *)timer) || uv_timer_get_due_in(timer) > delay))
        uv_timer_start(timer, on_flush, delay, 0);
}

/* Once for all that has come since the last round: many services may come one by one. */
static void settle_names(struct arctic_agent *agent)
{
    struct arctic_error error;
    if (!agent->gossiping->names_in_doubt || agent->catch_up)
        return;
    agent->gossiping->names_in_doubt = arci_service_names_settle(agent, &error) < 0;
    if (agent->gossiping->names_in_doubt)
        arci_log_error(agent->log, "gossip", "cannot rename a service whose name is in use, will try again",
                       ARCI_ERROR(&error));
}

/* Who has not met this agent yet looks for it where its record says, and takes no record that is dated in the future. */
static void follow_host(struct arctic_agent *agent, int64_t now)
{
    struct arci_gossiping *gossiping = agent->gossiping;
    struct arctic_error error;
    if (now < gossiping->look_at || agent->catch_up || agent->tunnel_port == 0)
        return;
    gossiping->look_at = now + HOST_MS;
    arci_own_dates_follow(agent);
    if (!agent->identity_conflict.sign_at && arci_local_peer_refresh(agent, &error) < 0)
        arci_log_error(agent->log, "gossip", "cannot tell the peers of this host's addresses, will try again",
                       ARCI_ERROR(&error));
}

static void on_round(uv_timer_t *timer)
{
    struct arctic_agent *agent = timer->data;
    arci_store_age_follow(agent);
    if (!agent->bootstrapped || agent->leaving || !agent->tls || arci_membership_own_revocation(agent))
        return;
    settle_names(agent);
    arci_discovery_look(agent);
    arci_identity_conflict_tick(agent);
    follow_host(agent, arci_time_monotonic());
    arci_gossip_tick(agent->gossiping->gossip);
}

/* --- For the agent --- */

void arci_gossiping_links_changed(struct arctic_agent *agent)
{
    if (!agent->gossiping)
        return;
    agent->gossiping->links_changed = true;
    schedule_flush(agent, 0);
}

void arci_gossiping_forget(struct arctic_agent *agent, const struct arctic_id *peer_id)
{
    if (agent->gossiping)
        arci_gossip_disconnect(agent->gossiping->gossip, peer_id);
}

void arci_gossiping_compare(struct arctic_agent *agent, const struct arctic_id *peer_id)
{
    arci_gossip_compare(agent->gossiping->gossip, peer_id);
}

const struct arci_gossip_counts *arci_gossiping_counts(const struct arctic_agent *agent)
{
    return arci_gossip_counts(agent->gossiping->gossip);
}

void arci_gossiping_announce(struct arctic_agent *agent, enum arci_record_kind kind,
                             const struct arctic_id *id)
{
    const struct arci_entry *entry = arci_registry_find_any(agent->registry, kind, id);
    if (!entry)
        return;
    if (agent->gossiping->links_changed)
        follow_links(agent);
    arci_carry_note_change(agent, kind, id);
    arci_gossip_announce(agent->gossiping->gossip, entry);
}

static void begin_answers(struct arctic_agent *agent, struct arci_link *link, const struct arctic_id *peer_id)
{
    agent->gossiping->answers = link;
    agent->gossiping->answered = *peer_id;
}

static void end_answers(struct arctic_agent *agent)
{
    agent->gossiping->answers = NULL;
    if (agent->gossiping->news_count > 0)
        schedule_flush(agent, FLUSH_MS);
    follow_news(agent);
}

bool arci_gossiping_take(struct arctic_agent *agent, struct arci_link *link, const struct arctic_id *peer_id,
                         const json_t *message)
{
    /* What the message says may end the peer. */
    const struct arctic_id from = *peer_id;
    begin_answers(agent, link, &from);
    bool taken = arci_gossip_receive(agent->gossiping->gossip, &from, message, arci_time_monotonic());
    end_answers(agent);
    return taken;
}

void arci_gossiping_took(struct arctic_agent *agent, struct arci_link *link, const struct arctic_id *peer_id,
                         const struct arci_record *record, bool changed, int code,
                         const struct arctic_error *error)
{
    begin_answers(agent, link, peer_id);
    arci_gossip_took(agent->gossiping->gossip, peer_id, record, changed, code, error, arci_time_monotonic());
    end_answers(agent);
}

int arci_gossiping_create(struct arctic_agent *agent, struct arctic_error *error)
{
    struct arci_gossip_options options = {.registry = agent->registry,
                                          .context = agent,
                                          .send = on_send,
                                          .send_text = on_send_text,
                                          .changed = on_changed,
                                          .refused = on_refused};
    struct arci_gossiping *gossiping = calloc(1, sizeof *gossiping);
    if (!gossiping)
        return arci_fail_memory(error);
    if (getrandom(&options.seed, sizeof options.seed, 0) != sizeof options.seed)
        options.seed = (uint64_t)arci_time_now();
    int code = arci_gossip_create(&options, &gossiping->gossip, error);
    if (code < 0) {
        free(gossiping);
        return code;
    }
    agent->gossiping = gossiping;
    gossiping->names_in_doubt = true; /* a crash may have come before */
    uv_timer_init(&agent->loop, &gossiping->round_timer);
    uv_timer_init(&agent->loop, &gossiping->flush_timer);
    gossiping->round_timer.data = gossiping->flush_timer.data = agent;
    uv_timer_start(&gossiping->round_timer, on_round, ROUND_MS, ROUND_MS);
    return ARCTIC_OK;
}

void arci_gossiping_stop(struct arctic_agent *agent)
{
    struct arci_gossiping *gossiping = agent->gossiping;
    if (!gossiping || uv_is_closing((uv_handle_t *)&gossiping->round_timer))
        return;
    uv_close((uv_handle_t *)&gossiping->round_timer, NULL);
    uv_close((uv_handle_t *)&gossiping->flush_timer, NULL);
    arci_discovery_stop(agent);
}

void arci_gossiping_free(struct arctic_agent *agent)
{
    struct arci_gossiping *gossiping = agent->gossiping;
    if (!gossiping)
        return;
    for (size_t i = 0; i < gossiping->news_count; i++)
        arci_entry_unref(gossiping->news[i]);
    free(gossiping->news);
    arci_gossip_free(gossiping->gossip);
    free(gossiping);
    agent->gossiping = NULL;
}
