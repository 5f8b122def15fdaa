/* Bootstrap and access tokens. */
#include <string.h>

#include "agent/api/api.h"
#include "agent/api/auth.h"
#include "agent/license/license.h"
#include "agent/local-peer.h"
#include "agent/services/data-plane.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"

struct bootstrap_body {
    const json_t *license;
    char name[ARCI_NAME_SIZE];
    char description[ARCI_DESCRIPTION_SIZE];
};

static int read_bootstrap(const json_t *object, struct bootstrap_body *ret_body, struct arctic_error *error)
{
    static const char *const members[] = {"license", "name", "description", NULL};
    struct bootstrap_body body = {0};
    int code = arci_json_check_members(object, members, error);
    if (code >= 0)
        code = arci_json_object(object, "license", true, &body.license, error);
    if (code >= 0)
        code = arci_json_copy_text(object, "name", false, body.name, sizeof body.name, error);
    if (code >= 0)
        code = arci_json_copy_text(object, "description", false, body.description, sizeof body.description,
                                   error);
    if (code >= 0 && json_object_get(object, "name") && !json_is_null(json_object_get(object, "name")))
        code = arci_name_validate(body.name, "name", error);
    if (code >= 0)
        code = arci_description_validate(body.description, "description", error);
    if (code >= 0)
        *ret_body = body;
    return code;
}

static json_t *bootstrap_answer(const struct arctic_agent *agent, const struct arci_bootstrap_result *result)
{
    char key[ARCI_BASE64_TEXT(ARCI_KEY_SIZE)];
    char expires_at[ARCI_TIME_TEXT];
    arci_base64_encode(arci_identity_public_key(agent->identity), ARCI_KEY_SIZE, key);
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "peer_id", agent->local_id.text, "peer_public_key",
        key, "client_id", result->client_id.text, "client_secret", result->client_secret, "license_id",
        agent->license->license_id.text, "cluster_id", agent->cluster_id.text, "expires_at",
        arci_time_format(agent->license->expires_at, expires_at), "max_nodes",
        (json_int_t)agent->license->max_nodes, "max_services", (json_int_t)agent->license->max_services);
}

void arci_api_bootstrap(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arctic_error error;
    struct bootstrap_body body;
    struct arci_bootstrap_result result;
    int code = read_bootstrap(arci_request_json(request), &body, &error);
    if (code >= 0)
        code = arci_local_peer_bootstrap(agent, body.license, body.name, body.description, &result, &error);
    if (code < 0) {
        arci_request_fail(request, &error);
        return;
    }
    arci_license_watch_look(agent);
    /* The identity is on disk and cannot be made again: a data plane that does not start is /readyz's to tell, not a failure here. */
    (void)arci_data_plane_start(agent, &error);
    arci_log_info(agent->log, "auth", "bootstrapped", ARCI_TEXT("peer_id", agent->local_id.text),
                  ARCI_TEXT("license_id", agent->license->license_id.text));
    arci_request_respond_json(request, 201, bootstrap_answer(agent, &result));
    arci_free_secret(result.client_secret);
}

/* The client's id and secret, from Basic or from the form (RFC 6749 section 2.3.1), never both. */
static int read_client(struct arci_request *request, char **ret_id, char **ret_secret,
                       struct arctic_error *error)
{
    const char *id = arci_request_form(request, "client_id");
    const char *secret = arci_request_form(request, "client_secret");
    bool basic = arci_request_basic(request, ret_id, ret_secret);
    if (basic && secret)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL,
                         "client credentials come in the header or in the form, not in both");
    if (basic && id && strcmp(id, *ret_id) != 0)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "client_id",
                         "the form names another client than the header");
    if (basic)
        return ARCTIC_OK;
    if (!id || !secret)
        return arci_fail(error, ARCTIC_E_MISSING_FIELD, id ? "client_secret" : "client_id",
                         "'%s' is required", id ? "client_secret" : "client_id");
    *ret_id = strdup(id);
    *ret_secret = strdup(secret);
    return *ret_id && *ret_secret ? ARCTIC_OK : arci_fail_memory(error);
}

static int read_grant(struct arci_request *request, uint32_t *ret_scopes, struct arctic_error *error)
{
    const char *grant = arci_request_form(request, "grant_type");
    const char *scope = arci_request_form(request, "scope");
    if (!grant)
        return arci_fail(error, ARCTIC_E_MISSING_FIELD, "grant_type", "'grant_type' is required");
    if (strcmp(grant, "client_credentials") != 0)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "grant_type",
                         "'%.40s' is not supported, use client_credentials", grant);
    return scope && scope[0] ? arci_scopes_parse(scope, ret_scopes, error) : ARCTIC_OK;
}

void arci_api_token(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    ARCI_FREE char *id = NULL;
    ARCI_CLEANUP(arci_secret_cleanup) char *secret = NULL;
    ARCI_CLEANUP(arci_secret_cleanup) char *token = NULL;
    struct arctic_error error;
    uint32_t scopes = 0;
    char scope_text[ARCI_SCOPES_TEXT];
    int code = read_grant(request, &scopes, &error);
    if (code >= 0)
        code = read_client(request, &id, &secret, &error);
    if (code >= 0)
        code = arci_auth_issue(agent, id, secret, scopes, &token, &scopes, &error);
    if (code < 0) {
        arci_request_fail(request, &error);
        return;
    }
    arci_request_respond_json(request, 200,
                              json_pack("{s:s, s:s, s:i, s:s}", "access_token", token, "token_type", "Bearer",
                                        "expires_in", ARCI_TOKEN_LIFETIME_S, "scope",
                                        arci_scopes_format(scopes, scope_text)));
}
