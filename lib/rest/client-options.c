/* A client from its options to its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arctic/id.h>

#include "base/error.h"
#include "base/options.h"
#include "base/secret.h"
#include "crypto/fingerprint.h"
#include "rest/client-internal.h"
#include "rest/url.h"

void arctic_client_free(struct arctic_client *client)
{
    if (!client)
        return;
    if (client->curl)
        curl_easy_cleanup(client->curl);
    for (size_t i = 0; i < client->endpoint_count; i++)
        free(client->endpoints[i].url);
    free(client->client_id);
    free(client->user_agent);
    free(client->peer);
    arci_free_secret(client->client_secret);
    arci_free_secret(client->token);
    arci_free_secret(client->recovery_token);
    free(client);
}

static int copy_text(const char *text, char **ret_copy, struct arctic_error *error)
{
    if (!text)
        return ARCTIC_OK;
    *ret_copy = strdup(text);
    return *ret_copy ? ARCTIC_OK : arci_fail_memory(error);
}

static int copy_fingerprint(const char *text, struct arci_client_endpoint *endpoint,
                            struct arctic_error *error)
{
    if (!text || !*text)
        return ARCTIC_OK;
    if (!arci_fingerprint_parse(text, endpoint->fingerprint))
        return arci_fail(error, ARCTIC_E_USAGE, "fingerprints",
                         "'%.100s' is no fingerprint: sha256: and 64 hex digits", text);
    if (strncmp(endpoint->url, "https:", 6) != 0)
        return arci_fail(error, ARCTIC_E_USAGE, "fingerprints",
                         "%.200s shows no fingerprint: use https:// and the agent's API_TLS_PORT",
                         endpoint->url);
    endpoint->pinned = true;
    return ARCTIC_OK;
}

static int copy_endpoints(const struct arctic_client_options *options, struct arctic_client *client,
                          struct arctic_error *error)
{
    for (size_t i = 0; options->endpoints && options->endpoints[i]; i++) {
        if (i == ARCI_CLIENT_ENDPOINTS_MAX)
            return arci_fail(error, ARCTIC_E_USAGE, "endpoints", "a client takes at most %d endpoints",
                             ARCI_CLIENT_ENDPOINTS_MAX);
        struct arci_client_endpoint *endpoint = &client->endpoints[i];
        int code = arci_url_endpoint(options->endpoints[i], &endpoint->url, error);
        if (code < 0)
            return code;
        client->endpoint_count++;
        endpoint->is_private = arci_url_is_private(endpoint->url);
        code = copy_fingerprint(options->fingerprints ? options->fingerprints[i] : NULL, endpoint, error);
        if (code < 0)
            return code;
    }
    if (client->endpoint_count == 0)
        return arci_fail(error, ARCTIC_E_USAGE, "endpoints", "a client needs at least one endpoint");
    return ARCTIC_OK;
}

/* Header lines are made of it. */
static bool is_header_text(const char *text)
{
    for (const char *byte = text; *byte; byte++) {
        if (*byte <= ' ' || *byte >= 0x7f)
            return false;
    }
    return *text && strlen(text) < 16384;
}

static int check_options(const struct arctic_client_options *options, struct arctic_error *error)
{
    if (!options->client_id != !options->client_secret)
        return arci_fail(error, ARCTIC_E_USAGE, options->client_id ? "client_secret" : "client_id",
                         "client id and client secret come together or not at all");
    if (options->timeout_ms < 0 || options->connect_timeout_ms < 0)
        return arci_fail(error, ARCTIC_E_USAGE, "timeout_ms", "a time-out cannot be negative");
    if (options->peer && arctic_id_parse(ARCTIC_ID_PEER, options->peer, &(struct arctic_id){{0}}, error) < 0)
        return arci_fail_at(error, ARCTIC_E_USAGE, "peer");
    if (options->recovery_token && !is_header_text(options->recovery_token))
        return arci_fail(error, ARCTIC_E_USAGE, "recovery_token",
                         "a recovery token has no spaces, no line ends and only ASCII characters");
    return ARCTIC_OK;
}

static int copy_user_agent(const char *text, struct arctic_client *client, struct arctic_error *error)
{
    if (text)
        return copy_text(text, &client->user_agent, error);
    if (asprintf(&client->user_agent, "libarctic/%s", arctic_version()) < 0) {
        client->user_agent = NULL;
        return arci_fail_memory(error);
    }
    return ARCTIC_OK;
}

static int copy_options(const struct arctic_client_options *options, struct arctic_client *client,
                        struct arctic_error *error)
{
    client->timeout_ms = options->timeout_ms ? options->timeout_ms : 30000;
    client->socket_mark = options->socket_mark;
    client->connect_timeout_ms = options->connect_timeout_ms ? options->connect_timeout_ms : 5000;
    int code = copy_endpoints(options, client, error);
    if (code == ARCTIC_OK)
        code = copy_text(options->client_id, &client->client_id, error);
    if (code == ARCTIC_OK)
        code = copy_text(options->client_secret, &client->client_secret, error);
    if (code == ARCTIC_OK)
        code = copy_text(options->token, &client->token, error);
    if (code == ARCTIC_OK)
        code = copy_text(options->peer, &client->peer, error);
    if (code == ARCTIC_OK)
        code = copy_text(options->recovery_token, &client->recovery_token, error);
    if (code == ARCTIC_OK)
        code = copy_user_agent(options->user_agent, client, error);
    return code;
}

int arctic_client_create(const struct arctic_client_options *options, struct arctic_client **ret_client,
                         struct arctic_error *error)
{
    struct arctic_client_options taken;
    int code = arci_options_take(options, &taken, sizeof taken, "arctic_client_options", error);
    if (code == ARCTIC_OK)
        code = check_options(&taken, error);
    if (code < 0)
        return code;
    ARCI_CLEANUP(arci_client_cleanup) struct arctic_client *client = calloc(1, sizeof *client);
    if (!client)
        return arci_fail_memory(error);
    code = copy_options(&taken, client, error);
    if (code < 0)
        return code;
    client->curl = curl_easy_init();
    if (!client->curl)
        return arci_fail_memory(error);
    *ret_client = arci_steal(client);
    return ARCTIC_OK;
}
