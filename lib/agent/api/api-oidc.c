/*
 * OpenID Connect Discovery 1.0 and the keys of access tokens (RFC 7517), so that other programs can check tokens of this cluster. The
 * issuer is a peer id and no URL: a peer has many addresses.
 */
#include <stdio.h>
#include <string.h>

#include "agent/api/api.h"
#include "agent/api/auth.h"
#include "base/error.h"
#include "base/json.h"
#include "crypto/jwk.h"

/* The host as the client wrote it, to lead it back here; one that is none is not repeated. */
static const char *host_of(const struct arci_request *request)
{
    const char *host = arci_request_header(request, "Host");
    size_t length =
        host ? strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") : 0;
    return length > 0 && length < 256 && host[length] == '\0' ? host : NULL;
}

static json_t *url_of(const struct arci_request *request, const char *path)
{
    const char *host = host_of(request);
    const char *scheme = arci_request_is_tls(request) ? "https" : "http";
    return host ? json_sprintf("%s://%s%s", scheme, host, path) : json_string(path);
}

void arci_api_openid_configuration(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arctic_error error;
    if (arci_auth_check_bootstrapped(agent, &error) < 0) {
        arci_request_fail(request, &error);
        return;
    }
    arci_request_respond_json(
        request, 200,
        json_pack("{s:s, s:o, s:o, s:[s], s:[s,s], s:o, s:[], s:[s], s:[s]}", "issuer", agent->local_id.text,
                  "token_endpoint", url_of(request, "/v1/oauth/token"), "jwks_uri",
                  url_of(request, "/.well-known/jwks.json"), "grant_types_supported", "client_credentials",
                  "token_endpoint_auth_methods_supported", "client_secret_basic", "client_secret_post",
                  "scopes_supported", arci_scopes_to_json(ARCI_SCOPES_ALL), "response_types_supported",
                  "subject_types_supported", "public", "id_token_signing_alg_values_supported", "EdDSA"));
}

/* This peer's key and those of the peers whose tokens it accepts. */
static int gather_keys(struct arctic_agent *agent, json_t *keys, struct arctic_error *error)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_PEER, &cursor))) {
        json_t *key = NULL;
        if (!arci_auth_is_member(agent, &entry->record.id))
            continue;
        int code = arci_jwk_from_key(entry->content.peer.public_key, &key, error);
        if (code < 0)
            return code;
        if (json_array_append_new(keys, key) < 0)
            return arci_fail_memory(error);
    }
    return ARCTIC_OK;
}

void arci_api_jwks(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arctic_error error;
    ARCI_JSON *keys = json_array();
    int code = arci_auth_check_bootstrapped(agent, &error);
    if (code >= 0)
        code = gather_keys(agent, keys, &error);
    if (code < 0)
        arci_request_fail(request, &error);
    else
        arci_request_respond_json(request, 200, json_pack("{s:O}", "keys", keys));
}
