/* See exit.h. An exit is no open proxy: everything a peer asks for is checked against services, routes and policy first. */
#include "proxy/exit.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "kernel/next-hop.h"
#include "proxy/outbound.h"
#include "proxy/pending.h"
#include "proxy/worker.h"

/* After as long without an answer to a SYN it is looked where a transparent flow goes: the first was sent again by then (RFC 6298). */
#define LOOK_MS 1000

static void warn_of_refusal(struct arci_worker *worker, const struct arctic_id *peer_id,
                            const struct arci_stream_request *request, const char *why)
{
    char client[ARCTIC_ENDPOINT_TEXT], destination[ARCTIC_ENDPOINT_TEXT];
    int64_t suppressed;
    if (!arci_log_allowed(&worker->refusal_log, arci_worker_now(worker), &suppressed))
        return;
    arci_log_warn(worker->options.log, ARCI_LOG_PROXY, "refused a flow of a peer",
                  ARCI_TEXT("peer", peer_id->text), ARCI_TEXT("service", request->service_id.text),
                  ARCI_TEXT("client", arctic_endpoint_format(&request->client, client)),
                  ARCI_TEXT("destination", arctic_endpoint_format(&request->destination, destination)),
                  ARCI_TEXT("reason", why), ARCI_INT("more", suppressed));
}

static enum arci_stream_reason reason_of(struct arci_worker *worker,
                                         const struct arctic_endpoint *destination, int errnum)
{
    bool ipv6 = destination->address.family == ARCTIC_FAMILY_IPV6;
    switch (errnum) {
    case ECONNREFUSED:
    case ECONNRESET:
        return ARCI_REASON_REFUSED;
    case EHOSTUNREACH:
    case EHOSTDOWN:
        return ARCI_REASON_HOST_UNREACHABLE;
    case ETIMEDOUT:
        return ARCI_REASON_TIMED_OUT;
    case EAFNOSUPPORT:
        return ipv6 ? ARCI_REASON_NO_IPV6 : ARCI_REASON_NET_UNREACHABLE;
    case ENETUNREACH:
    case EADDRNOTAVAIL:
    case ENETDOWN:
        /* One missing route of many is no reason to keep clients from IPv6 altogether. */
        if (ipv6 && !arci_policy_has_ipv6(arci_own_addresses(&worker->own)))
            return ARCI_REASON_NO_IPV6;
        return ARCI_REASON_NET_UNREACHABLE;
    case EACCES:
    case EPERM:
        return ARCI_REASON_NOT_PERMITTED; /* the host's own firewall, or a broadcast address of its networks */
    default:
        return ARCI_REASON_NO_RESOURCES;
    }
}

/* The same; what the peer's users cannot find out about this host is logged here. */
static enum arci_stream_reason explain(struct arci_worker *worker, const struct arctic_id *peer_id,
                                       const struct arci_stream_request *request, int errnum)
{
    enum arci_stream_reason reason = reason_of(worker, &request->destination, errnum);
    if (reason == ARCI_REASON_NOT_PERMITTED || reason == ARCI_REASON_NO_RESOURCES)
        warn_of_refusal(worker, peer_id, request, uv_strerror(uv_translate_sys_error(errnum)));
    return reason;
}

/* A socket on its way to the destination; -1 with errno. */
static int begin_connect(const struct arci_worker *worker, const struct arci_stream_request *request,
                         bool transparent)
{
    if (transparent)
        return arci_outbound_connect(worker->options.transparent_mark, &request->destination,
                                     &request->client);
    return arci_outbound_connect(worker->options.mark, &request->destination, NULL);
}

static void refuse(struct arci_flow *flow, enum arci_stream_reason reason)
{
    flow->worker->ops->refuse(flow->stream, reason);
    flow->stream = NULL;
    arci_flow_count_refused(flow);
    arci_flow_abort(flow, reason);
}

struct judgement {
    const struct arci_snapshot_exit *exit; /* NULL: not to be served, for the reason */
    const char *why;
    enum arci_stream_reason reason;
    bool may_change; /* with a newer configuration */
};

/*
 * Whose address the exit may bear beside what the service covers: the source peer's own, since connections that are made on it are
 * carried too, and no other peer's.
 */
static const char *forbids_client(const struct arci_snapshot *snapshot,
                                  const struct arci_host_addresses *host,
                                  const struct arci_snapshot_exit *exit, const struct arctic_endpoint *client)
{
    if (!exit->fully_transparent)
        return NULL;
    if (arci_policy_forbids_client(host, &client->address))
        return "its client has an address that no client can have";
    if (arci_snapshot_is_peer(snapshot, exit->peer, &client->address))
        return "its client has the address of another peer, which a fully transparent flow must not bear";
    return NULL;
}

static struct judgement judge(struct arci_worker *worker, const struct arctic_id *peer_id,
                              const struct arci_stream_request *request)
{
    struct judgement verdict = {.reason = ARCI_REASON_NOT_PERMITTED};
    const struct arci_snapshot *snapshot = worker->config ? worker->config->snapshot : NULL;
    const struct arci_host_addresses *host = arci_own_addresses(&worker->own);
    if (!snapshot) {
        verdict.why = "there is no configuration";
        verdict.may_change = true;
        return verdict;
    }
    /* What no configuration would permit comes first: it is not worth waiting for one. */
    verdict.why = arci_policy_forbids(&arci_snapshot_options(snapshot)->exit, host, &request->destination);
    if (!verdict.why && arci_policy_is_own(host, &request->client.address)) {
        verdict.reason = ARCI_REASON_LOOP;
        verdict.why = "it comes from this host itself and goes in a circle";
    }
    if (!verdict.why)
        verdict.exit = arci_snapshot_admit(snapshot, peer_id, request, &verdict.why, &verdict.may_change);
    if (verdict.exit && (verdict.why = forbids_client(snapshot, host, verdict.exit, &request->client)))
        verdict.exit = NULL;
    return verdict;
}

/* Begins to connect. */
static void serve(struct arci_worker *worker, struct arci_stream *stream, const struct arctic_id *peer_id,
                  const struct arci_stream_request *request, const struct arci_snapshot_exit *exit)
{
    size_t count;
    const struct arci_config *config = worker->config;
    size_t index = (size_t)(exit - arci_snapshot_exits(config->snapshot, &count));
    int fd = begin_connect(worker, request, exit->fully_transparent);
    if (fd < 0) {
        arci_flow_count_turned_away(&config->exits[index]->services[worker->options.index].counters, NULL);
        worker->ops->refuse(stream, explain(worker, peer_id, request, errno));
        return;
    }
    struct arci_flow *flow = arci_flow_create(worker, fd, false, request, peer_id, config->exits[index]);
    if (!flow) {
        warn_of_refusal(worker, peer_id, request, "out of memory");
        worker->ops->refuse(stream, ARCI_REASON_NO_RESOURCES);
        return;
    }
    flow->stream = stream;
    flow->connecting = true;
    flow->transparent = exit->fully_transparent;
    flow->deadline = arci_worker_now(worker) + arci_snapshot_options(config->snapshot)->connect_ms;
    flow->look_at = flow->transparent ? arci_worker_now(worker) + LOOK_MS : 0;
    worker->ops->watch(stream, &arci_flow_events, flow);
    arci_flow_update(flow);
}

bool arci_exit_try(struct arci_worker *worker, struct arci_stream *stream, const struct arctic_id *peer_id,
                   const struct arci_stream_request *request, bool last)
{
    struct judgement verdict = judge(worker, peer_id, request);
    if (verdict.exit) {
        serve(worker, stream, peer_id, request, verdict.exit);
        return true;
    }
    if (verdict.may_change && !last)
        return false;
    warn_of_refusal(worker, peer_id, request, verdict.why);
    worker->ops->refuse(stream, verdict.reason);
    return true;
}

void arci_exit_incoming(struct arci_worker *worker, struct arci_stream *stream,
                        const struct arctic_id *peer_id, const struct arci_stream_request *request)
{
    if (!arci_exit_try(worker, stream, peer_id, request, false) &&
        !arci_pending_add(worker, stream, peer_id, request))
        arci_exit_try(worker, stream, peer_id, request, true);
}

void arci_exit_connected(struct arci_flow *flow, int errnum)
{
    socklen_t length = sizeof errnum;
    if (errnum == 0 && getsockopt(flow->fd, SOL_SOCKET, SO_ERROR, &errnum, &length) < 0)
        errnum = errno;
    if (errnum != 0) {
        refuse(flow, explain(flow->worker, &flow->peer_id, &flow->request, errnum));
        return;
    }
    flow->connecting = false;
    flow->opened = true;
    flow->worker->ops->accept(flow->stream);
    arci_flow_start(flow);
}

static bool leads_to(const struct arci_next_hop *hop, const struct arci_snapshot_peer *peer)
{
    struct arctic_address endpoints[ARCI_PEER_ENDPOINTS_MAX];
    for (size_t i = 0; i < peer->endpoint_count; i++)
        endpoints[i] = peer->endpoints[i].address;
    return arci_next_hop_is(hop, endpoints, peer->endpoint_count) ||
           arci_next_hop_is(hop, peer->addresses, peer->address_count);
}

/*
 * Whether the way to the destination leads back to the peer that the flow comes from. With the client's address it would look there
 * like the connection that it was made from, and never come to anything.
 */
static bool leads_back(const struct arci_flow *flow)
{
    const struct arci_worker *worker = flow->worker;
    const struct arci_snapshot_peer *peer = arci_snapshot_find_peer(worker->config->snapshot, &flow->peer_id);
    struct arci_next_hop hop;
    return peer &&
           arci_next_hop_find(&flow->request.destination.address, worker->options.transparent_mark, &hop,
                              NULL) >= 0 &&
           leads_to(&hop, peer);
}

static void give_up(struct arci_flow *flow)
{
    if (flow->transparent)
        warn_of_refusal(
            flow->worker, &flow->peer_id, &flow->request,
            "the destination did not answer; does it send what is for this client by way of this host?");
    refuse(flow, ARCI_REASON_TIMED_OUT);
}

void arci_exit_tick(struct arci_flow *flow)
{
    if (!flow->connecting || flow->closed)
        return;
    int64_t now = arci_worker_now(flow->worker);
    bool look = flow->look_at != 0 && (now >= flow->look_at || now >= flow->deadline);
    flow->look_at = look ? 0 : flow->look_at;
    if (look && leads_back(flow)) {
        warn_of_refusal(flow->worker, &flow->peer_id, &flow->request,
                        "this host would send it back to that peer, and it goes in a circle");
        refuse(flow, ARCI_REASON_LOOP);
    } else if (now >= flow->deadline) {
        give_up(flow);
    }
}
