/* What the reconciler's passes and looks have found, for those who ask. */
#include <stdio.h>

#include "agent/peers/incoming.h"
#include "agent/peers/peers.h"
#include "agent/peers/service-states.h"
#include "agent/peers/target-watch.h"
#include "agent/interfaces/interfaces.h"
#include "agent/services/reconcile-internal.h"
#include "base/time.h"
#include "proxy/proxy.h"

/* For how long the failure of a new tunnel connection counts, where none has been tried since: fewer flows may need fewer of them. */
#define DIAL_FAILED_MS INT64_C(60000)

/* A link that only the peer could make; one that is silent too tells nothing. */
static bool reaches_only_us(const struct arctic_agent *agent, const struct arci_agent_peer *peer)
{
    const struct arci_link *theirs = arci_incoming_find_link(agent, &peer->id);
    return !peer->link && theirs && arci_link_silence(theirs) < ARCI_REACHABILITY_SILENT_MS;
}

/* How the target stands comes and goes between passes, and changes nothing of what they do. */
static bool explain_target(const struct arctic_agent *agent, const struct arci_planned_service *planned,
                           char *text, size_t size)
{
    const struct arci_agent_peer *peer = arci_peers_find(agent, &planned->service->target_peer_id);
    if (!planned->capture || planned->peer_connected || !peer)
        return false;
    if (!reaches_only_us(agent, peer))
        return arci_target_watch_explain(peer, text, size);
    snprintf(text, size,
             "the target peer has reached this agent and cannot be dialled from here at its tunnel port");
    return true;
}

/* Flows have few tunnel connections to share then, and are reset where none is free: the control link alone does not show that. */
static bool explain_tunnel(const struct arctic_agent *agent, const struct arci_planned_service *planned,
                           char *text, size_t size)
{
    struct arci_peer_stats stats;
    if (!planned->capture || !planned->peer_connected || !agent->proxy ||
        !arci_proxy_peer_stats(agent->proxy, &planned->service->target_peer_id, &stats) ||
        stats.dial_failed_at == 0 || arci_time_monotonic() - stats.dial_failed_at > DIAL_FAILED_MS)
        return false;
    snprintf(
        text, size,
        "the target peer answers, but new tunnel connections to it fail and flows without one are reset: "
        "is its tunnel port open on all of the way?");
    return true;
}

static void set_planned(const struct arctic_agent *agent, const struct arci_planned_service *planned,
                        struct arci_service_live *live)
{
    char why[192];
    live->state = planned->state;
    if (planned->state == ARCI_SERVICE_DEGRADED && explain_target(agent, planned, why, sizeof why))
        snprintf(live->state_reason, sizeof live->state_reason, "%s: new flows %s", why,
                 planned->service->when_unreachable == ARCI_BLOCK ? "are refused" : "take the next best way");
    else
        snprintf(live->state_reason, sizeof live->state_reason, "%s", planned->reason);
    if (planned->state == ARCI_SERVICE_ACTIVE &&
        explain_tunnel(agent, planned, live->state_reason, sizeof live->state_reason))
        live->state = ARCI_SERVICE_DEGRADED;
}

void arci_reconcile_live(const struct arctic_agent *agent, const struct arci_service *service,
                         struct arci_service_live *ret_live)
{
    const struct arci_reconciler *reconciler = agent->reconciler;
    struct arci_service_live live = {.state = ARCI_SERVICE_PENDING};
    const struct arci_planned_service *planned =
        reconciler ? arci_service_plan_find(reconciler->applied, &service->id) : NULL;
    if (planned) {
        set_planned(agent, planned, &live);
        arci_interfaces_live(agent, service, &live);
    } else if (!arctic_id_equal(&service->source_peer_id, &agent->local_id)) {
        arci_service_states_find(agent, service, &live);
    } else if (agent->data_plane_problem.message[0]) {
        snprintf(live.state_reason, sizeof live.state_reason, "the service captures nothing: %.*s",
                 (int)sizeof live.state_reason - 32, agent->data_plane_problem.message);
    } else {
        snprintf(live.state_reason, sizeof live.state_reason, "not applied yet");
    }
    *ret_live = live;
}

enum arci_capture arci_reconcile_capture(const struct arctic_agent *agent, const struct arci_service *service)
{
    const struct arci_reconciler *reconciler = agent->reconciler;
    const struct arci_planned_service *planned =
        reconciler ? arci_service_plan_find(reconciler->applied, &service->id) : NULL;
    if (!planned || !planned->capture || reconciler->code < 0)
        return ARCI_CAPTURE_NONE;
    if (planned->peer_connected)
        return ARCI_CAPTURE_CARRIES;
    return service->when_unreachable == ARCI_BLOCK ? ARCI_CAPTURE_REFUSES : ARCI_CAPTURE_NONE;
}

bool arci_reconcile_kernel_ready(const struct arctic_agent *agent, const char **ret_reason)
{
    const struct arci_reconciler *reconciler = agent->reconciler;
    if (!reconciler || !agent->kernel || !reconciler->applied) {
        *ret_reason = agent->data_plane_problem.message[0] ? agent->data_plane_problem.message
                                                           : "the kernel state has not been applied yet";
        return false;
    }
    if (reconciler->code < 0) {
        *ret_reason = reconciler->error.message;
        return false;
    }
    for (size_t i = 0; i < ARCI_KERNEL_CHECKS; i++) {
        if (reconciler->status.checks[i].required && !reconciler->status.checks[i].ok) {
            *ret_reason = reconciler->status.checks[i].sentence;
            return false;
        }
    }
    return true;
}

bool arci_reconcile_has_tried(const struct arctic_agent *agent)
{
    const struct arci_reconciler *reconciler = agent->reconciler;
    if (!reconciler || agent->data_plane_problem.message[0])
        return true;
    return reconciler->code < 0 || (agent->kernel && reconciler->applied);
}

const uint64_t *arci_reconcile_repairs(const struct arctic_agent *agent)
{
    static const uint64_t none[ARCI_REPAIR_KINDS];
    return agent->reconciler ? agent->reconciler->status.repairs : none;
}

const char *arci_reconcile_next_hint(const struct arctic_agent *agent, size_t *cursor)
{
    const struct arci_reconciler *reconciler = agent->reconciler;
    while (reconciler && agent->kernel && *cursor < ARCI_KERNEL_CHECKS) {
        const struct arci_kernel_check *check = &reconciler->status.checks[(*cursor)++];
        if (!check->required && !check->ok && check->sentence[0])
            return check->sentence;
    }
    return NULL;
}
