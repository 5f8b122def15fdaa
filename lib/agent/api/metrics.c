/* Families of agent, peers, licence and API. */
#include "agent/api/metrics.h"

#include "agent/license/license.h"
#include "agent/peers/gossiping.h"
#include "agent/peers/identity-conflict.h"
#include "agent/peers/peer-links.h"
#include "agent/peers/peer-word.h"
#include "agent/services/reconcile.h"
#include "base/time.h"

static void write_agent(const struct arctic_agent *agent, struct arci_buffer *text)
{
    const char *reason;
    const struct arci_metric_label version[] = {{"version", arctic_version()}, {NULL, NULL}};
    arci_metric_family(text, "arctic_build_info", "gauge", "The version that runs; always 1.");
    arci_metric_count(text, "arctic_build_info", version, 1);
    arci_metric_family(text, "arctic_bootstrapped", "gauge", "Whether the agent has an identity.");
    arci_metric_count(text, "arctic_bootstrapped", NULL, agent->bootstrapped);
    arci_metric_family(text, "arctic_kernel_ready", "gauge",
                       "Whether the kernel does what the services need, as of the last look.");
    arci_metric_count(text, "arctic_kernel_ready", NULL, arci_reconcile_kernel_ready(agent, &reason));
    arci_metric_family(text, "arctic_identity_conflict", "gauge",
                       "Whether another agent runs with this agent's identity, as a copied machine does.");
    arci_metric_count(text, "arctic_identity_conflict", NULL, arci_identity_conflict_is(agent, &reason));
}

static void write_repairs(const struct arctic_agent *agent, struct arci_buffer *text)
{
    const uint64_t *repairs = arci_reconcile_repairs(agent);
    arci_metric_family(text, "arctic_kernel_repairs_total", "counter",
                       "What others have changed of the agent's kernel state and was repaired.");
    for (int what = 0; what < ARCI_REPAIR_KINDS; what++) {
        const struct arci_metric_label labels[] = {{"what", arci_repair_name((enum arci_repair)what)},
                                                   {NULL, NULL}};
        arci_metric_count(text, "arctic_kernel_repairs_total", labels, repairs[what]);
    }
}

static void write_loop(const struct arctic_agent *agent, struct arci_buffer *text)
{
    arci_metric_family(
        text, "arctic_control_loop_longest_turn_seconds", "gauge",
        "The longest that the control loop was busy at a stretch in this minute and the one before.");
    arci_metric_real(text, "arctic_control_loop_longest_turn_seconds", NULL,
                     arci_loop_watch_longest(&agent->loop_watch));
    arci_metric_family(text, "arctic_control_loop_slow_turns_total", "counter",
                       "How often the control loop was busy for more than 50 ms at a stretch.");
    arci_metric_count(text, "arctic_control_loop_slow_turns_total", NULL, agent->loop_watch.slow_turns);
}

static void write_requests(const struct arctic_agent *agent, struct arci_buffer *text)
{
    static const char *const classes[] = {"", "1xx", "2xx", "3xx", "4xx", "5xx"};
    arci_metric_family(text, "arctic_api_requests_total", "counter",
                       "Requests of the API, by the class of the status they were answered with.");
    for (unsigned digit = 2; digit < ARCI_HTTP_CLASSES; digit++) {
        const struct arci_metric_label labels[] = {{"code", classes[digit]}, {NULL, NULL}};
        uint64_t count = arci_http_server_answered(agent->api, digit);
        if (agent->api_tls)
            count += arci_http_server_answered(agent->api_tls, digit);
        arci_metric_count(text, "arctic_api_requests_total", labels, count);
    }
}

static void write_records(const struct arctic_agent *agent, struct arci_buffer *text)
{
    arci_metric_family(text, "arctic_registry_records", "gauge",
                       "Records that the agent knows, without deleted ones, by kind.");
    for (int kind = ARCI_RECORD_PEER; kind <= ARCI_RECORD_REVOCATION; kind++) {
        const struct arci_metric_label labels[] = {
            {"kind", arci_record_kind_name((enum arci_record_kind)kind)}, {NULL, NULL}};
        arci_metric_count(text, "arctic_registry_records", labels,
                          arci_registry_count(agent->registry, (enum arci_record_kind)kind));
    }
}

static void write_messages(const uint64_t *counts, const char *direction, struct arci_buffer *text)
{
    for (unsigned type = 0; type < ARCI_GOSSIP_TYPES; type++) {
        const struct arci_metric_label labels[] = {
            {"type", arci_gossip_type_name((enum arci_gossip_type)type)},
            {"direction", direction},
            {NULL, NULL}};
        arci_metric_count(text, "arctic_gossip_messages_total", labels, counts[type]);
    }
}

static void write_gossip(const struct arctic_agent *agent, struct arci_buffer *text)
{
    static const struct arci_metric_label taken[] = {{"result", "taken"}, {NULL, NULL}};
    static const struct arci_metric_label refused[] = {{"result", "refused"}, {NULL, NULL}};
    const struct arci_gossip_counts *counts = arci_gossiping_counts(agent);
    arci_metric_family(text, "arctic_gossip_messages_total", "counter",
                       "Messages by which agents come to know the same, by type.");
    write_messages(counts->sent, "sent", text);
    write_messages(counts->received, "received", text);
    arci_metric_family(text, "arctic_gossip_records_total", "counter",
                       "Records that came from other agents and were news, or were refused.");
    arci_metric_count(text, "arctic_gossip_records_total", taken, counts->records_taken);
    arci_metric_count(text, "arctic_gossip_records_total", refused, counts->records_refused);
}

static void write_license(const struct arctic_agent *agent, struct arci_buffer *text)
{
    static const char *const states[] = {"valid", "warning", "grace", "read_only", "suspended"};
    const struct arci_license *license = agent->license;
    int64_t now = arci_time_now();
    enum arctic_license_state state = arci_license_state_at(license, now);
    arci_metric_family(text, "arctic_license_state", "gauge", "1 for the state that the licence is in.");
    for (unsigned i = 0; i < sizeof states / sizeof states[0]; i++) {
        const struct arci_metric_label labels[] = {{"state", states[i]}, {NULL, NULL}};
        arci_metric_count(text, "arctic_license_state", labels, i == (unsigned)state);
    }
    arci_metric_family(text, "arctic_license_expires_timestamp_seconds", "gauge",
                       "When the licence ends, in seconds since 1970.");
    arci_metric_real(text, "arctic_license_expires_timestamp_seconds", NULL,
                     (double)license->expires_at / 1000);
    arci_metric_family(text, "arctic_license_days_left", "gauge",
                       "Whole days until the licence ends, below 0 after that.");
    arci_metric_real(text, "arctic_license_days_left", NULL, (double)arci_license_days_left(license, now));
    arci_metric_family(text, "arctic_license_nodes_max", "gauge", "Agents that the licence allows.");
    arci_metric_count(text, "arctic_license_nodes_max", NULL, license->max_nodes);
    arci_metric_family(text, "arctic_license_services_max", "gauge", "Services that the licence allows.");
    arci_metric_count(text, "arctic_license_services_max", NULL, license->max_services);
}

/* --- Peers. ----------------------------------------------------------------------------------------------------------------- */

static const char *peer_name(const struct arci_agent_peer *peer)
{
    const struct arci_entry *entry = arci_registry_find(peer->agent->registry, ARCI_RECORD_PEER, &peer->id);
    return entry ? entry->content.peer.name : "";
}

typedef void (*peer_writer)(const struct arci_agent_peer *peer, const char *name, struct arci_buffer *text);

static void write_connected(const struct arci_agent_peer *peer, const char *name, struct arci_buffer *text)
{
    const struct arci_metric_label labels[] = {
        {"peer_id", peer->id.text}, {"peer", peer_name(peer)}, {NULL, NULL}};
    arci_metric_count(text, name, labels, peer->live.state == ARCI_PEER_CONNECTED);
}

static void write_reachable(const struct arci_agent_peer *peer, const char *name, struct arci_buffer *text)
{
    const struct arci_metric_label labels[] = {
        {"peer_id", peer->id.text}, {"peer", peer_name(peer)}, {NULL, NULL}};
    arci_metric_count(text, name, labels, arci_peers_reachable(peer));
}

static void write_converged(const struct arci_agent_peer *peer, const char *name, struct arci_buffer *text)
{
    const struct arci_metric_label labels[] = {
        {"peer_id", peer->id.text}, {"peer", peer_name(peer)}, {NULL, NULL}};
    arci_metric_count(text, name, labels, arci_peer_word_agrees(peer));
}

static void write_rtt(const struct arci_agent_peer *peer, const char *name, struct arci_buffer *text)
{
    const struct arci_metric_label labels[] = {
        {"peer_id", peer->id.text}, {"peer", peer_name(peer)}, {NULL, NULL}};
    if (peer->live.rtt_us >= 0 && peer->live.state == ARCI_PEER_CONNECTED)
        arci_metric_real(text, name, labels, (double)peer->live.rtt_us / 1e6);
}

static void write_clock(const struct arci_agent_peer *peer, const char *name, struct arci_buffer *text)
{
    const struct arci_metric_label labels[] = {
        {"peer_id", peer->id.text}, {"peer", peer_name(peer)}, {NULL, NULL}};
    int64_t ahead = 0;
    if (arci_clock_offset_ahead(&peer->clock, &ahead))
        arci_metric_real(text, name, labels, (double)ahead / 1000);
}

static void write_last_seen(const struct arci_agent_peer *peer, const char *name, struct arci_buffer *text)
{
    const struct arci_metric_label labels[] = {
        {"peer_id", peer->id.text}, {"peer", peer_name(peer)}, {NULL, NULL}};
    if (peer->live.last_seen_at > 0)
        arci_metric_real(text, name, labels, (double)peer->live.last_seen_at / 1000);
}

static void write_connections(const struct arci_agent_peer *peer, const char *name, struct arci_buffer *text)
{
    struct arci_peer_stats stats;
    if (!peer->agent->proxy || !arci_proxy_peer_stats(peer->agent->proxy, &peer->id, &stats))
        return;
    const struct {
        const char *name;
        uint32_t count;
    } states[] = {{"idle", stats.idle},
                  {"busy", stats.busy},
                  {"dialling", stats.dialling},
                  {"accepted", stats.accepted}};
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        const struct arci_metric_label labels[] = {
            {"peer_id", peer->id.text}, {"peer", peer_name(peer)}, {"state", states[i].name}, {NULL, NULL}};
        arci_metric_count(text, name, labels, states[i].count);
    }
}

static void write_peers(const struct arctic_agent *agent, struct arci_buffer *text)
{
    static const struct {
        const char *name;
        const char *help;
        peer_writer write;
    } families[] = {
        {"arctic_peer_connected", "Whether this agent holds a link to the peer.", write_connected},
        {"arctic_peer_reachable", "Whether a link of either direction is up.", write_reachable},
        {"arctic_peer_converged", "Whether the peer holds the same records, as it last said.",
         write_converged},
        {"arctic_peer_rtt_seconds", "Round-trip time of the control link.", write_rtt},
        {"arctic_peer_clock_ahead_seconds",
         "By how much the peer's clock is ahead of this host's for sure, below 0 where it is behind.",
         write_clock},
        {"arctic_peer_last_seen_timestamp_seconds", "When the peer last answered, in seconds since 1970.",
         write_last_seen},
        {"arctic_peer_tunnel_connections", "Connections of the tunnel, by what they do.", write_connections},
    };
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        arci_metric_family(text, families[i].name, "gauge", families[i].help);
        for (size_t j = 0; j < agent->peer_count; j++)
            families[i].write(agent->peers[j], families[i].name, text);
    }
}

void arci_metrics_write(struct arctic_agent *agent, const struct arci_kernel_counter *counters, size_t count,
                        struct arci_buffer *text)
{
    write_agent(agent, text);
    write_repairs(agent, text);
    write_requests(agent, text);
    write_records(agent, text);
    write_gossip(agent, text);
    if (agent->license)
        write_license(agent, text);
    write_peers(agent, text);
    arci_metrics_write_services(agent, counters, count, text);
    arci_metrics_write_routes(agent, text);
    write_loop(agent, text);
    arci_metrics_write_process(text);
}
