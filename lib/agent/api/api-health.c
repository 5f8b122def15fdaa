/* /livez, /readyz, /v1/cluster/identity. */
#include <string.h>

#include "agent/api/api-listeners.h"
#include "agent/api/api.h"
#include "agent/api/auth.h"
#include "agent/license/license.h"
#include "agent/peers/identity-conflict.h"
#include "agent/services/reconcile.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/time.h"
#include "model/members.h"

void arci_api_livez(void *context, struct arci_request *request)
{
    char now[ARCI_TIME_TEXT];
    (void)context;
    arci_request_respond_json(
        request, 200,
        json_pack("{s:s, s:s}", "status", "ok", "timestamp", arci_time_format(arci_time_now(), now)));
}

/* Adds one check; returns whether it is passed. */
static bool add_check(json_t *checks, const char *name, bool passed, const char *reason)
{
    json_t *check =
        passed ? json_pack("{s:b}", "ok", true) : json_pack("{s:b, s:s}", "ok", false, "reason", reason);
    json_object_set_new(checks, name, check);
    return passed;
}

/* What works but not as the operator may expect stands beside the verdict. */
static void add_hints(const struct arctic_agent *agent, json_t *check)
{
    json_t *hints = json_array();
    size_t cursor = 0;
    const char *sentence;
    while ((sentence = arci_reconcile_next_hint(agent, &cursor)))
        json_array_append_new(hints, json_string(sentence));
    if (json_array_size(hints) > 0)
        json_object_set(check, "hints", hints);
    json_decref(hints);
}

static bool check_license(const struct arctic_agent *agent, json_t *checks)
{
    struct arctic_error error = {0};
    int64_t now = arci_time_now();
    if (arci_auth_check_bootstrapped(agent, &error) < 0)
        return add_check(checks, "license", false, error.message);
    bool good =
        add_check(checks, "license", arci_license_check_request(agent, false, &error) >= 0, error.message);
    json_t *check = json_object_get(checks, "license");
    arci_put_text(check, "state",
                  arctic_license_state_name((int32_t)arci_license_state_at(agent->license, now)));
    arci_put_integer(check, "days_left", arci_license_days_left(agent->license, now));
    return good;
}

void arci_api_readyz(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    char now[ARCI_TIME_TEXT];
    struct arctic_error error = {0};
    const char *kernel_reason = "";
    const char *conflict = "";
    const char *problem = agent->data_plane_problem.message;
    json_t *checks = json_object();
    bool kernel_ready = arci_reconcile_kernel_ready(agent, &kernel_reason);
    bool ready = add_check(checks, "store", arci_store_check(agent->store, &error) >= 0, error.message);
    ready &= add_check(checks, "listeners", agent->tunnel_port != 0,
                       problem[0] ? problem : "the tunnel does not listen");
    ready &= add_check(checks, "kernel", kernel_ready, kernel_reason);
    add_hints(agent, json_object_get(checks, "kernel"));
    ready &= check_license(agent, checks);
    bool alone = !arci_identity_conflict_is(agent, &conflict);
    ready &= add_check(checks, "identity", alone, conflict);
    arci_request_respond_json(request, ready ? 200 : 503,
                              json_pack("{s:s, s:s, s:o}", "status", ready ? "ok" : "not ready", "timestamp",
                                        arci_time_format(arci_time_now(), now), "checks", checks));
}

void arci_api_cluster_identity(void *context, struct arci_request *request)
{
    const struct arctic_agent *agent = context;
    char key[ARCI_BASE64_TEXT(ARCI_KEY_SIZE)];
    struct arctic_error error;
    if (arci_auth_check_bootstrapped(agent, &error) < 0) {
        arci_request_fail(request, &error);
        return;
    }
    arci_base64_encode(arci_identity_public_key(agent->identity), ARCI_KEY_SIZE, key);
    ARCI_JSON *body = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "peer_id", agent->local_id.text, "public_key", key,
        "license_id", agent->license->license_id.text, "cluster_id", agent->cluster_id.text, "version",
        arctic_version(), "tunnel_port", agent->tunnel_port, "iptunnel_port", agent->settings.iptunnel_port);
    if (body && arci_api_listeners_put(agent, body, &error) < 0)
        arci_request_fail(request, &error);
    else
        arci_request_respond_json(request, 200, arci_steal(body));
}
