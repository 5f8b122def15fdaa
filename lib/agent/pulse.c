/* The pulse, and the sentence that goes with it. */
#include "agent/pulse.h"

#include <stdio.h>

#include "agent/agent-internal.h"
#include "agent/license/license.h"
#include "agent/peers/identity-conflict.h"
#include "agent/peers/peer-links.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"

#define SENTENCE_BYTES 512
#define BEAT_MS 2000
/* Until it has settled, so that whoever waits for that waits no longer than it takes. */
#define FIRST_BEATS_MS 50
/* A kernel that has not answered by then is no reason to keep the API from anybody. */
#define SETTLED_MS 15000

struct share {
    size_t good;
    size_t all;
};

static struct share active_services(const struct arctic_agent *agent)
{
    const struct arci_entry *entry;
    struct share services = {0};
    struct arci_service_live live;
    size_t cursor = 0;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_SERVICE, &cursor))) {
        if (!arctic_id_equal(&entry->content.service.source_peer_id, &agent->local_id))
            continue;
        arci_reconcile_live(agent, &entry->content.service, &live);
        services.good += live.state == ARCI_SERVICE_ACTIVE;
        services.all++;
    }
    return services;
}

static struct share reachable_peers(const struct arctic_agent *agent)
{
    struct share peers = {.all = agent->peer_count};
    for (size_t i = 0; i < agent->peer_count; i++)
        peers.good += arci_peers_reachable(agent->peers[i]);
    return peers;
}

/* What keeps the agent from its work, in the order in which it has to be put right; false where nothing does. */
static bool find_problem(const struct arctic_agent *agent, const char **ret_reason,
                         struct arctic_error *error)
{
    if (arci_identity_conflict_is(agent, ret_reason))
        return true;
    if (arci_license_check_request(agent, false, error) < 0) {
        *ret_reason = error->message;
        return true;
    }
    return !arci_reconcile_kernel_ready(agent, ret_reason);
}

static void describe(const struct arctic_agent *agent, char *sentence, size_t size)
{
    struct arctic_error error = {0};
    const char *reason = "";
    if (!agent->bootstrapped) {
        snprintf(sentence, size,
                 "not bootstrapped: 'arctic bootstrap' gives the agent an identity and a licence");
        return;
    }
    if (find_problem(agent, &reason, &error)) {
        snprintf(sentence, size, "not ready: %s", reason);
        return;
    }
    struct share services = active_services(agent);
    struct share peers = reachable_peers(agent);
    int64_t now = arci_time_now();
    enum arctic_license_state state = arci_license_state_at(agent->license, now);
    int length = snprintf(sentence, size, "%zu of %zu services active, %zu of %zu peers reachable",
                          services.good, services.all, peers.good, peers.all);
    if (state != ARCTIC_LICENSE_VALID)
        snprintf(sentence + length, size - (size_t)length, ", licence: %s",
                 arctic_license_state_name((int32_t)state));
}

/* Reasons may quote what came from outside. */
static void make_printable(char *sentence)
{
    for (char *byte = sentence; *byte; byte++) {
        if ((unsigned char)*byte < ' ' || *byte == 0x7f)
            *byte = ' ';
    }
}

static void on_beat(uv_timer_t *timer)
{
    struct arctic_agent *agent = timer->data;
    struct arci_pulse *pulse = &agent->pulse;
    char sentence[SENTENCE_BYTES];
    uint64_t now = uv_now(&agent->loop);
    if (!pulse->began_at)
        pulse->began_at = now;
    if (!pulse->settled) {
        pulse->settled =
            !agent->bootstrapped || arci_reconcile_has_tried(agent) || now - pulse->began_at >= SETTLED_MS;
        uint64_t wait = pulse->settled ? BEAT_MS : FIRST_BEATS_MS;
        uv_timer_start(timer, on_beat, wait, wait);
    }
    describe(agent, sentence, sizeof sentence);
    make_printable(sentence);
    agent->settings.pulse(agent->settings.pulse_user, pulse->settled, sentence);
}

int arci_pulse_start(struct arctic_agent *agent, struct arctic_error *error)
{
    uv_timer_t *timer = &agent->pulse.timer;
    if (!agent->settings.pulse)
        return ARCTIC_OK;
    int result = uv_timer_init(&agent->loop, timer);
    if (result < 0)
        return arci_fail_errnum(error, -result, "cannot make a timer");
    timer->data = agent;
    uv_timer_start(timer, on_beat, 0, FIRST_BEATS_MS);
    return ARCTIC_OK;
}

void arci_pulse_stop(struct arctic_agent *agent)
{
    uv_timer_t *timer = &agent->pulse.timer;
    if (timer->data && !uv_is_closing((uv_handle_t *)timer))
        uv_close((uv_handle_t *)timer, NULL);
}
