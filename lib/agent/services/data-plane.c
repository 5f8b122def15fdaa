/* The parts that need an identity: kernel state, proxy and control links, in this order. */
#include "agent/services/data-plane.h"

#include <stdio.h>
#include <unistd.h>

#include "agent/local-peer.h"
#include "agent/peers/incoming.h"
#include "agent/peers/peer-links.h"
#include "agent/services/counting.h"
#include "agent/services/drift.h"
#include "agent/interfaces/interfaces.h"
#include "agent/services/reconcile.h"
#include "agent/services/refusals.h"
#include "base/error.h"

#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS 30000

int arci_data_plane_start_kernel(struct arctic_agent *agent, struct arctic_error *error)
{
    char settings_path[sizeof agent->settings.run_dir + 32];
    snprintf(settings_path, sizeof settings_path, "%s/kernel-settings.json", agent->settings.run_dir);
    const struct arci_kernel_options options = {
        .mark_mask = agent->settings.mark_mask,
        .route_table = agent->settings.route_table,
        .rule_priority = agent->settings.rule_priority,
        .table_mode = (enum arci_table_mode)agent->settings.table_mode,
        .settings_path = settings_path,
    };
    /* Threads of the pool look whether it is there. */
    uv_mutex_lock(&agent->kernel_lock);
    int code = arci_kernel_create(&options, agent->log, &agent->kernel, error);
    uv_mutex_unlock(&agent->kernel_lock);
    return code;
}

static void on_control(void *context, SSL *ssl, int fd, const struct arctic_endpoint *remote)
{
    struct arctic_agent *agent = context;
    if (!agent->stopping) {
        arci_incoming_accept(agent, ssl, fd, remote);
        return;
    }
    SSL_free(ssl);
    close(fd);
}

static void on_refused(void *context, const struct arctic_id *service,
                       const struct arctic_endpoint *destination, int reason)
{
    struct arctic_agent *agent = context;
    if (!agent->stopping)
        arci_refusals_add(agent, service, destination, reason == ARCI_REASON_NO_IPV6);
}

/* Whether a peer counts as reachable is decided by its control link; this is for whoever reads the log. */
static void on_peer_state(void *context, const struct arctic_id *peer_id, bool reachable, int64_t rtt_us)
{
    struct arctic_agent *agent = context;
    arci_log_info(agent->log, "tproxymgr", reachable ? "tunnel is up" : "tunnel is down",
                  ARCI_TEXT("peer_id", peer_id->text), ARCI_INT("rtt_us", rtt_us));
}

static int start_proxy(struct arctic_agent *agent, struct arctic_error *error)
{
    const struct arci_proxy_options options = {
        .loop = &agent->loop,
        .log = agent->log,
        .tls = agent->tls,
        .workers = agent->settings.workers,
        .tunnel_port = agent->settings.tunnel_port,
        .tproxy_port = agent->settings.tproxy_port,
        .mark = arci_kernel_bypass_mark(agent->kernel),
        .transparent_mark = arci_kernel_transparent_mark(agent->kernel),
        .anchor = arci_kernel_anchor(agent->kernel),
        .callbacks = {.control = on_control,
                      .refused = on_refused,
                      .peer_state = on_peer_state,
                      .service_exists = arci_counting_service_exists},
        .user = agent,
    };
    int code = arci_proxy_create(&options, &agent->proxy, error);
    if (code >= 0)
        arci_proxy_ports(agent->proxy, &agent->tunnel_port, &agent->tproxy_port);
    return code;
}

/* Parts that an earlier try has made are kept. */
static int start_parts(struct arctic_agent *agent, struct arctic_error *error)
{
    int code = agent->tls ? ARCTIC_OK : arci_tls_create(agent->identity, &agent->tls, error);
    if (code >= 0 && !agent->kernel)
        code = arci_data_plane_start_kernel(agent, error);
    if (code >= 0 && !agent->interfaces)
        code = arci_interfaces_start(agent, error);
    if (code >= 0 && !agent->proxy)
        code = start_proxy(agent, error);
    return code < 0 || agent->catch_up ? code : arci_local_peer_take_up(agent, error);
}

static void on_retry(uv_timer_t *timer)
{
    struct arctic_agent *agent = timer->data;
    struct arctic_error error = {0};
    if (arci_data_plane_start(agent, &error) >= 0)
        arci_log_info(agent->log, "tproxymgr", "the data plane has started after all",
                      ARCI_INT("tunnel_port", agent->tunnel_port));
}

int arci_data_plane_create(struct arctic_agent *agent, struct arctic_error *error)
{
    int result = uv_timer_init(&agent->loop, &agent->data_plane_timer);
    if (result < 0)
        return arci_fail_errnum(error, -result, "cannot make a timer");
    agent->data_plane_timer.data = agent;
    agent->data_plane_delay = RETRY_FIRST_MS;
    return ARCTIC_OK;
}

int arci_data_plane_start(struct arctic_agent *agent, struct arctic_error *error)
{
    int code = start_parts(agent, error);
    if (code < 0) {
        uint64_t delay = agent->data_plane_delay;
        arci_log_error(agent->log, "tproxymgr",
                       "cannot start the data plane, nothing is captured; will try again",
                       ARCI_INT("retry_ms", delay), ARCI_ERROR(error));
        agent->data_plane_problem = *error;
        agent->data_plane_delay = 2 * delay > RETRY_LAST_MS ? RETRY_LAST_MS : 2 * delay;
        uv_timer_start(&agent->data_plane_timer, on_retry, delay, 0);
        return code;
    }
    agent->data_plane_problem = (struct arctic_error){0};
    arci_peers_start(agent);
    arci_drift_start(agent);
    arci_reconcile_request(agent);
    return ARCTIC_OK;
}

bool arci_data_plane_may_wait(const struct arctic_agent *agent, int code)
{
    return code == ARCTIC_E_SYSTEM && agent->data_plane_problem.message[0] && !agent->kernel;
}

void arci_data_plane_end(struct arctic_agent *agent)
{
    uv_timer_stop(&agent->data_plane_timer);
    arci_drift_stop(agent);
    arci_peers_pause(agent);
    arci_reconcile_forget(agent);
    arci_interfaces_release(agent);
    arci_interfaces_end(agent);
    arci_proxy_free(agent->proxy);
    agent->proxy = NULL;
    /* Who has come through it since the farewell would shake hands with an agent that has no identity. */
    arci_incoming_stop(agent);
    /* A refusal may be on its way to the kernel. */
    uv_mutex_lock(&agent->kernel_lock);
    arci_kernel_free(agent->kernel);
    agent->kernel = NULL;
    uv_mutex_unlock(&agent->kernel_lock);
    arci_tls_free(agent->tls);
    agent->tls = NULL;
    agent->tunnel_port = 0;
    agent->tproxy_port = 0;
    agent->data_plane_problem = (struct arctic_error){0};
    agent->data_plane_delay = RETRY_FIRST_MS;
}

void arci_data_plane_stop(struct arctic_agent *agent)
{
    arci_drift_stop(agent);
    if (agent->data_plane_timer.data && !uv_is_closing((uv_handle_t *)&agent->data_plane_timer))
        uv_close((uv_handle_t *)&agent->data_plane_timer, NULL);
}
