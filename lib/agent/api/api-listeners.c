/* The API's listeners, and what this peer says of them. */
#include "agent/api/api-listeners.h"

#include <string.h>

#include "agent/api/api-certificate.h"
#include "agent/api/api-renewal.h"
#include "agent/api/api.h"
#include "agent/api/auth.h"
#include "agent/carry/carry.h"
#include "base/base64.h"
#include "base/error.h"
#include "crypto/fingerprint.h"
#include "model/members.h"

static struct arci_http_options plain_options(struct arctic_agent *agent)
{
    return (struct arci_http_options){
        .loop = &agent->loop,
        .log = agent->log,
        .address = agent->settings.api_address,
        .port = agent->settings.api_port,
        .port_setting = "API_PORT",
        .endpoints = arci_api_endpoints,
        .authorize = arci_auth_authorize,
        .divert = arci_carry_divert,
        .context = agent,
    };
}

static int start_tls(struct arctic_agent *agent, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_api_certificate_release) struct arci_api_certificate certificate = {.chain = NULL};
    arci_api_renewal_note(agent);
    int code = arci_api_certificate_load(agent, &certificate, error);
    if (code < 0)
        return code;
    struct arci_http_options options = plain_options(agent);
    options.port = agent->settings.api_tls_port;
    options.port_setting = "API_TLS_PORT";
    options.tls_chain = certificate.chain;
    options.tls_key = certificate.key;
    code = arci_http_server_create(&options, &agent->api_tls, error);
    if (code < 0)
        return code;
    arci_fingerprint_format(certificate.fingerprint, agent->api_fingerprint);
    return arci_api_renewal_start(agent, certificate.expires_at, error);
}

int arci_api_listeners_start(struct arctic_agent *agent, struct arctic_error *error)
{
    const struct arci_http_options options = plain_options(agent);
    int code = arci_http_server_create(&options, &agent->api, error);
    if (code == ARCTIC_OK && !agent->settings.api_tls_off)
        code = start_tls(agent, error);
    return code;
}

void arci_api_listeners_stop(struct arctic_agent *agent)
{
    if (agent->api)
        arci_http_server_close(agent->api, NULL, NULL);
    if (agent->api_tls)
        arci_http_server_close(agent->api_tls, NULL, NULL);
    agent->api = agent->api_tls = NULL;
    arci_api_renewal_stop(agent);
}

uint16_t arci_api_tls_port(const struct arctic_agent *agent)
{
    return agent->api_tls ? arci_http_server_endpoint(agent->api_tls).port : 0;
}

void arci_api_listeners_describe(const struct arctic_agent *agent, struct arci_peer *peer)
{
    peer->api_port = arci_http_server_endpoint(agent->api).port;
    peer->api_tls_port = arci_api_tls_port(agent);
    memcpy(peer->api_fingerprint, agent->api_fingerprint, sizeof peer->api_fingerprint);
}

static int sign_fingerprint(const struct arctic_agent *agent, char *ret_text, struct arctic_error *error)
{
    uint8_t fingerprint[ARCI_SHA256_SIZE];
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    if (!arci_fingerprint_parse(agent->api_fingerprint, fingerprint))
        return arci_fail(error, ARCTIC_E_INTERNAL, NULL, "no fingerprint: %s", agent->api_fingerprint);
    int code = arci_fingerprint_sign(agent->identity, fingerprint, signature, error);
    if (code == ARCTIC_OK)
        arci_base64_encode(signature, sizeof signature, ret_text);
    return code;
}

int arci_api_listeners_put(const struct arctic_agent *agent, json_t *object, struct arctic_error *error)
{
    char signature[ARCI_BASE64_TEXT(ARCI_SIGNATURE_SIZE)] = "";
    int code = agent->api_tls ? sign_fingerprint(agent, signature, error) : ARCTIC_OK;
    if (code < 0)
        return code;
    json_t *port = agent->api_tls ? json_integer(arci_api_tls_port(agent)) : json_null();
    if (json_object_set_new(object, "api_tls_port", port) < 0 ||
        !arci_put_text(object, "api_fingerprint", agent->api_fingerprint) ||
        !arci_put_text(object, "api_fingerprint_signature", signature))
        return arci_fail_memory(error);
    return ARCTIC_OK;
}
