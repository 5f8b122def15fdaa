/* The agent object: what is started in which order, and taken down in the opposite one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/api/api-listeners.h"
#include "agent/api/recovery.h"
#include "agent/api/service-change.h"
#include "agent/carry/carry.h"
#include "agent/license/license.h"
#include "agent/local-peer.h"
#include "agent/peers/catch-up.h"
#include "agent/peers/cluster-sync.h"
#include "agent/peers/gossiping.h"
#include "agent/peers/incoming.h"
#include "agent/peers/membership.h"
#include "agent/peers/peer-addition.h"
#include "agent/peers/peer-links.h"
#include "agent/peers/peers.h"
#include "agent/peers/store-age.h"
#include "agent/services/data-plane.h"
#include "agent/services/counting.h"
#include "agent/services/early-block.h"
#include "agent/interfaces/interfaces.h"
#include "agent/services/reconcile.h"
#include "agent/services/refusals.h"
#include "agent/settings.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/options.h"
#include "base/secret.h"
#include "crypto/token-cache.h"

#define STOP_GRACE_MS 2000

/* Under the agent's unit all is read-only but for its own directories. */
static int fail_read_only(const char *setting, const char *directory, const char *path,
                          struct arctic_error *error)
{
    return arci_fail_errno(
        error,
        "cannot write %s (systemctl edit arctic: ReadWritePaths=%s below [Service]; or set "
        "another %s)",
        path, directory, setting);
}

static int make_directory(const char *setting, const char *path, mode_t mode, struct arctic_error *error)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST)
        return ARCTIC_OK;
    if (errno == EROFS)
        return fail_read_only(setting, path, path, error);
    return arci_fail_errno(
        error, "cannot make the directory %s (let the agent write there, or set another %s)", path, setting);
}

static int lock_directory(int fd, const char *setting, const char *path, struct arctic_error *error)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return ARCTIC_OK;
    if (errno != EWOULDBLOCK)
        return arci_fail_errno(error, "cannot lock %s", path);
    return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, NULL,
                     "another agent uses %s: stop it, or give this one its own %s", path, setting);
}

/* An agent that ran as another user, mostly root, leaves what it had to that one. */
static int fail_open(const char *setting, const char *directory, const char *path, struct arctic_error *error)
{
    if (errno == EROFS)
        return fail_read_only(setting, directory, path, error);
    if (errno != EACCES && errno != EPERM)
        return arci_fail_errno(error, "cannot open %s (let the agent write there, or set another %s)", path,
                               setting);
    return arci_fail_errno(error,
                           "cannot open %s (let the agent write there: chown -R %u:%u %s; or set another %s)",
                           path, (unsigned)geteuid(), (unsigned)getegid(), directory, setting);
}

/* Two agents on one directory would write over each other's state. */
static int lock_data_directory(struct arctic_agent *agent, struct arctic_error *error)
{
    char path[512];
    snprintf(path, sizeof path, "%s/arctic.lock", agent->settings.data_dir);
    agent->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (agent->lock_fd < 0)
        return fail_open("DATA_DIR", agent->settings.data_dir, path, error);
    return lock_directory(agent->lock_fd, "DATA_DIR", agent->settings.data_dir, error);
}

/* One that fails to start would take the other's recovery token along. The directory itself is locked: a full disk is no obstacle. */
static int lock_run_directory(struct arctic_agent *agent, struct arctic_error *error)
{
    const char *path = agent->settings.run_dir;
    agent->run_lock_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (agent->run_lock_fd < 0)
        return fail_open("RUN_DIR", path, path, error);
    return lock_directory(agent->run_lock_fd, "RUN_DIR", path, error);
}

static int open_state(struct arctic_agent *agent, struct arctic_error *error)
{
    char path[512];
    int code = make_directory("DATA_DIR", agent->settings.data_dir, 0700, error);
    if (code >= 0)
        code = make_directory("RUN_DIR", agent->settings.run_dir, 0755, error);
    if (code >= 0)
        code = lock_data_directory(agent, error);
    if (code >= 0)
        code = lock_run_directory(agent, error);
    snprintf(path, sizeof path, "%s/arctic.db", agent->settings.data_dir);
    if (code >= 0)
        code = arci_store_open(path, agent->log, &agent->store, error);
    if (code >= 0)
        code = arci_registry_create(agent->store, &agent->registry, error);
    if (code >= 0)
        code = arci_registry_load(agent->registry, error);
    if (code >= 0)
        code = arci_local_peer_load(agent, error);
    if (code >= 0)
        code = arci_store_age_load(agent, error);
    if (code >= 0)
        code = arci_peers_load(agent, error);
    if (code >= 0 && agent->bootstrapped)
        arci_membership_load(agent);
    return code;
}

static void begin_stop(struct arctic_agent *agent)
{
    if (agent->stopping)
        return;
    agent->stopping = true;
    arci_log_info(agent->log, "api", "stopping");
    arci_catch_up_stop(agent);
    arci_store_age_end(agent);
    arci_service_changes_stop(agent);
    arci_carry_stop(agent);
    arci_api_listeners_stop(agent);
    if (agent->reconciler)
        arci_reconcile_stop(agent);
    arci_cluster_sync_stop(agent);
    arci_peer_additions_stop(agent);
    arci_incoming_stop(agent);
    arci_gossiping_stop(agent);
    arci_data_plane_stop(agent);
    arci_interfaces_close(agent);
    arci_license_watch_stop(agent);
    arci_counting_stop(agent);
    arci_peers_stop(agent);
    if (agent->proxy)
        arci_proxy_stop(agent->proxy, STOP_GRACE_MS);
    arci_loop_watch_stop(&agent->loop_watch);
    arci_pulse_stop(agent);
    if (!uv_is_closing((uv_handle_t *)&agent->stop_signal))
        uv_close((uv_handle_t *)&agent->stop_signal, NULL);
}

static void on_stop_signal(uv_async_t *signal)
{
    begin_stop(signal->data);
}

static int start_loop(struct arctic_agent *agent, struct arctic_error *error)
{
    int result = uv_loop_init(&agent->loop);
    if (result < 0)
        return arci_fail_errnum(error, -result, "cannot make the control loop");
    agent->loop_ready = true;
    result = uv_mutex_init(&agent->kernel_lock);
    if (result < 0)
        return arci_fail_errnum(error, -result, "cannot make a lock");
    agent->kernel_lock_ready = true;
    result = uv_async_init(&agent->loop, &agent->stop_signal, on_stop_signal);
    if (result < 0)
        return arci_fail_errnum(error, -result, "cannot make the stop signal");
    agent->stop_signal.data = agent;
    result = arci_loop_watch_start(&agent->loop_watch, &agent->loop);
    if (result < 0)
        return arci_fail_errnum(error, -result, "cannot watch the control loop");
    int code = arci_pulse_start(agent, error);
    if (code < 0)
        return code;
    return arci_data_plane_create(agent, error);
}

static int start_all(struct arctic_agent *agent, struct arctic_error *error)
{
    int code = open_state(agent, error);
    if (code >= 0)
        code = start_loop(agent, error);
    if (code >= 0 && agent->bootstrapped)
        arci_early_block(agent);
    if (code >= 0)
        code = arci_license_watch_create(agent, error);
    if (code >= 0)
        code = arci_counting_create(agent, error);
    if (code >= 0)
        code = arci_carry_create(agent, error);
    if (code >= 0)
        code = arci_gossiping_create(agent, error);
    if (code < 0)
        return code;
    arci_catch_up_start(agent);
    arci_recovery_create(agent);
    code = arci_api_listeners_start(agent, error);
    if (code >= 0)
        code = arci_reconcile_create(agent, error);
    if (code >= 0 && agent->bootstrapped)
        code = arci_data_plane_start(agent, error);
    return arci_data_plane_may_wait(agent, code) ? ARCTIC_OK : code;
}

static int name_instance(struct arctic_agent *agent, struct arctic_error *error)
{
    uint8_t bytes[16];
    int code = arci_random_bytes(bytes, sizeof bytes, error);
    if (code >= 0)
        arci_base64_encode(bytes, sizeof bytes, agent->instance);
    return code;
}

int arctic_agent_create(const struct arctic_agent_options *options, struct arctic_agent **ret_agent,
                        struct arctic_error *error)
{
    if (!options || !ret_agent)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "options and ret_agent must not be NULL");
    struct arctic_agent *agent = calloc(1, sizeof *agent);
    if (!agent)
        return arci_fail_memory(error);
    struct arctic_error unwanted;
    error = error ? error : &unwanted;
    agent->lock_fd = -1;
    agent->run_lock_fd = -1;
    agent->trust_roots = arci_trust_roots_built_in();
    agent->token_cache = arci_token_cache_create(); /* without one, signatures are checked each time */
    int code = arci_agent_settings_read(options, &agent->settings, error);
    if (code >= 0)
        code = name_instance(agent, error);
    if (code >= 0) {
        agent->log = options->log;
        code = start_all(agent, error);
    }
    if (code < 0) {
        arctic_agent_free(agent);
        return code;
    }
    arci_log_info(
        agent->log, "api", "listening", ARCI_INT("port", arci_http_server_endpoint(agent->api).port),
        ARCI_INT("tls_port", arci_api_tls_port(agent)), ARCI_TEXT("fingerprint", agent->api_fingerprint),
        ARCI_INT("tunnel_port", agent->tunnel_port), ARCI_TEXT("version", arctic_version()));
    *ret_agent = agent;
    return ARCTIC_OK;
}

int arctic_agent_run(struct arctic_agent *agent, struct arctic_error *error)
{
    if (!agent || agent->running || agent->stopping)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "an agent is run once");
    agent->running = true;
    uv_run(&agent->loop, UV_RUN_DEFAULT);
    return ARCTIC_OK;
}

void arctic_agent_stop(struct arctic_agent *agent)
{
    if (agent)
        uv_async_send(&agent->stop_signal);
}

int arctic_agent_ports(const struct arctic_agent *agent, struct arctic_agent_ports *ret_ports,
                       struct arctic_error *error)
{
    if (!agent || !ret_ports)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "agent and ret_ports must not be NULL");
    if (!agent->api)
        return arci_fail(error, ARCTIC_E_CANCELLED, NULL, "the agent has been stopped");
    const struct arctic_agent_ports ports = {
        .size = sizeof ports,
        .api_port = arci_http_server_endpoint(agent->api).port,
        .tunnel_port = agent->tunnel_port,
        .api_tls_port = arci_api_tls_port(agent),
    };
    return arci_options_give(&ports, sizeof ports, ret_ports, "agent ports", error);
}

static void free_loop(struct arctic_agent *agent)
{
    if (!agent->loop_ready)
        return;
    if (agent->stop_signal.data)
        begin_stop(agent);
    /* Runs until every handle that was told to close has closed. */
    uv_run(&agent->loop, UV_RUN_DEFAULT);
    uv_loop_close(&agent->loop);
}

void arctic_agent_free(struct arctic_agent *agent)
{
    if (!agent)
        return;
    free_loop(agent);
    arci_proxy_free(agent->proxy);
    arci_interfaces_end(agent);
    arci_kernel_free(agent->kernel);
    arci_refusals_free(agent);
    if (agent->kernel_lock_ready)
        uv_mutex_destroy(&agent->kernel_lock);
    arci_recovery_remove(agent);
    arci_reconcile_free(agent);
    arci_carry_free(agent);
    json_decref(agent->told_states);
    free(agent->openapi_text);
    arci_peers_free(agent);
    arci_gossiping_free(agent);
    arci_own_addresses_release(&agent->own_addresses);
    arci_tls_free(agent->tls);
    arci_token_cache_free(agent->token_cache);
    arci_license_forget(agent);
    arci_identity_free(agent->identity);
    arci_registry_free(agent->registry);
    arci_store_close(agent->store);
    if (agent->lock_fd >= 0)
        close(agent->lock_fd);
    if (agent->run_lock_fd >= 0)
        close(agent->run_lock_fd);
    free(agent);
}
