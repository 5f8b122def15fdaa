/* The API's listeners and its certificate. */
#include "agent/api-listeners.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/api.h"
#include "agent/auth.h"
#include "agent/carry.h"
#include "base/base64.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/api-certificate.h"
#include "crypto/fingerprint.h"
#include "crypto/secret-file.h"
#include "model/members.h"

#define CERTIFICATE_FILE "api.pem"
/* A certificate with its chain, and a key of any kind. */
#define PEM_LIMIT ((size_t)256 * 1024)
/* Time to get a new one. */
#define EXPIRY_WARNING_MS ((int64_t)14 * 24 * 3600 * 1000)

/* Key and certificate in one file, so that they cannot get apart. */
static int save_certificate(const struct arci_api_certificate *certificate, const char *path,
                            struct arctic_error *error)
{
    ARCI_CLEANUP(arci_buffer_release_secret) struct arci_buffer text = {.limit = 0};
    arci_buffer_text(&text, certificate->key);
    arci_buffer_text(&text, certificate->chain);
    if (text.failed)
        return arci_fail_memory(error);
    return arci_secret_file_write(path, text.data, text.length, error);
}

static int make_own(const struct arctic_agent *agent, const char *path,
                    struct arci_api_certificate *ret_certificate, struct arctic_error *error)
{
    char host[HOST_NAME_MAX + 1] = "";
    if (gethostname(host, sizeof host - 1) < 0)
        host[0] = '\0';
    int code = arci_api_certificate_generate(host, ret_certificate, error);
    if (code == ARCTIC_OK)
        code = save_certificate(ret_certificate, path, error);
    if (code == ARCTIC_OK)
        arci_log_info(agent->log, "api", "made a key and a certificate for the API over TLS",
                      ARCI_TEXT("file", path));
    return code;
}

static int load_own(const struct arctic_agent *agent, struct arci_api_certificate *ret_certificate,
                    struct arctic_error *error)
{
    char path[sizeof agent->settings.data_dir + sizeof CERTIFICATE_FILE + 1];
    ARCI_CLEANUP(arci_secret_cleanup) char *text = NULL;
    size_t length;
    snprintf(path, sizeof path, "%s/%s", agent->settings.data_dir, CERTIFICATE_FILE);
    int code = arci_secret_file_read(path, PEM_LIMIT, &text, &length, error);
    if (code == ARCTIC_E_NOT_FOUND)
        return make_own(agent, path, ret_certificate, error);
    if (code == ARCTIC_OK)
        code = arci_api_certificate_read(text, text, ret_certificate, error);
    if (code == ARCTIC_E_CORRUPT)
        return arci_fail_within(
            error, code,
            "%s is damaged: restore it from a backup, or remove it for a new key, whose fingerprint clients "
            "have to be told",
            path);
    return code;
}

/* Clients that check dates refuse it; those that pin the key go on, so that the agent starts all the same. */
static void warn_of_expiry(const struct arctic_agent *agent, const struct arci_api_certificate *certificate)
{
    char end[ARCI_TIME_TEXT];
    int64_t left = certificate->expires_at - arci_time_now();
    if (left < EXPIRY_WARNING_MS)
        arci_log_warn(agent->log, "api",
                      left < 0 ? "the certificate of API_TLS_CERT has expired: renew it and restart the agent"
                               : "the certificate of API_TLS_CERT ends soon: renew it and restart the agent",
                      ARCI_TEXT("file", agent->settings.api_tls_cert),
                      ARCI_TEXT("expires_at", arci_time_format(certificate->expires_at, end)));
}

static int load_given(const struct arctic_agent *agent, struct arci_api_certificate *ret_certificate,
                      struct arctic_error *error)
{
    const char *chain_path = agent->settings.api_tls_cert;
    const char *key_path = agent->settings.api_tls_key;
    ARCI_FREE char *chain = NULL;
    ARCI_CLEANUP(arci_secret_cleanup) char *key = NULL;
    size_t length;
    int code = arci_plain_file_read(chain_path, PEM_LIMIT, &chain, &length, error);
    if (code < 0)
        return arci_fail_within(error, code, "API_TLS_CERT");
    code = arci_secret_file_read(key_path, PEM_LIMIT, &key, &length, error);
    if (code < 0)
        return arci_fail_within(error, code, "API_TLS_KEY");
    code = arci_api_certificate_read(chain, key, ret_certificate, error);
    if (code == ARCTIC_E_CORRUPT)
        return arci_fail_within(
            error, code, "API_TLS_CERT %.120s and API_TLS_KEY %.120s must be PEM files that belong together",
            chain_path, key_path);
    if (code == ARCTIC_OK)
        warn_of_expiry(agent, ret_certificate);
    return code;
}

static int load_certificate(const struct arctic_agent *agent, struct arci_api_certificate *ret_certificate,
                            struct arctic_error *error)
{
    return agent->settings.api_tls_cert[0] ? load_given(agent, ret_certificate, error)
                                           : load_own(agent, ret_certificate, error);
}

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
    int code = load_certificate(agent, &certificate, error);
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
    return ARCTIC_OK;
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
