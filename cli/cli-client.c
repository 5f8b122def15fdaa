/* Which agent is asked, and with which credentials. */
#include "cli/cli.h"

#include <string.h>

/* base64url of 32 bytes, and an end of line. */
#define RECOVERY_TOKEN_MAX 256
#define RECOVERY_URL "http://127.0.0.1:8080"

void cli_client_cleanup(struct arctic_client **client)
{
    arctic_client_free(*client);
}

static bool has_credentials(const json_t *cluster)
{
    return *cli_json_text(cluster, "client_id") && *cli_json_text(cluster, "client_secret");
}

bool cli_has_credentials(const struct cli *cli)
{
    return has_credentials(cli->cluster_object);
}

/* "http://a:1" for "HTTP://A:1/", to compare with what is stored; a bad URL stays for the client to refuse. */
static void normalize(const char *url, char *ret_text, size_t size)
{
    const char *const endpoints[] = {url, NULL};
    struct arctic_client_options options = {.size = sizeof options, .endpoints = endpoints};
    struct arctic_client *client = NULL;
    snprintf(ret_text, size, "%s", url);
    if (arctic_client_create(&options, &client, NULL) == ARCTIC_OK)
        snprintf(ret_text, size, "%s", arctic_client_endpoint(client));
    arctic_client_free(client);
}

/* --cluster, else the cluster that has the agent of --url, else the current one. */
static int choose_cluster(struct cli *cli, struct arctic_error *error)
{
    json_t *cluster = NULL;
    char url[512];
    /* A recovery token is good for one agent, and is at hand on its host. */
    if (cli->recovery_token_file && !cli->url && !cli->cluster)
        cli->url = RECOVERY_URL;
    if (cli->url && !cli->cluster) {
        normalize(cli->url, url, sizeof url);
        cluster = cli_config_cluster_of_endpoint(&cli->config, url);
    }
    int code = cluster ? ARCTIC_OK : cli_config_cluster(&cli->config, cli->cluster, &cluster, error);
    /* A current cluster that is not there is no hindrance where it was not asked for. */
    if (code == ARCTIC_E_NOT_FOUND && cli->url && !cli->cluster)
        code = ARCTIC_OK;
    cli->cluster_object = cluster;
    return code;
}

/* Endpoints and fingerprints as the client takes them. */
struct targets {
    const char *urls[CLI_ENDPOINTS_MAX + 1];
    const char *fingerprints[CLI_ENDPOINTS_MAX + 1];
    size_t count;
};

static void choose_url(const struct cli *cli, struct targets *ret_targets)
{
    struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
    size_t count = cli_config_endpoints(cli->cluster_object, NULL, endpoints);
    char url[512];
    normalize(cli->url, url, sizeof url);
    *ret_targets = (struct targets){.urls = {cli->url}, .count = 1};
    for (size_t i = 0; i < count; i++) {
        if (strcmp(endpoints[i].url, url) == 0)
            ret_targets->fingerprints[0] = endpoints[i].fingerprint;
    }
}

static void choose_endpoints(const struct cli *cli, struct targets *ret_targets)
{
    struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
    const char *first = cli_config_peer_named(cli->cluster_object, cli->cluster);
    size_t count = cli_config_endpoints(cli->cluster_object, first, endpoints);
    *ret_targets = (struct targets){.count = count};
    for (size_t i = 0; i < count; i++) {
        ret_targets->urls[i] = endpoints[i].url;
        ret_targets->fingerprints[i] = endpoints[i].fingerprint;
    }
}

static int choose_targets(const struct cli *cli, struct targets *ret_targets, struct arctic_error *error)
{
    if (cli->url)
        choose_url(cli, ret_targets);
    else
        choose_endpoints(cli, ret_targets);
    if (ret_targets->count > 0)
        return ARCTIC_OK;
    if (cli->cluster_object)
        return cli_fail_usage(error, "the cluster has no endpoints in %s, give --url", cli->config.path);
    return cli_fail_usage(error, "no agent to talk to: give --url, or bootstrap one first (%s %s)",
                          cli->config.path,
                          access(cli->config.path, F_OK) == 0 ? "names no cluster" : "does not exist");
}

/* Secrets on an open wire deserve a word, whatever --quiet says. */
void cli_warn_of_exposure(const char *endpoint, const char *what)
{
    if (!arctic_client_is_private(endpoint))
        fprintf(stderr, "arctic: warning: %s go unencrypted to %s\n", what, endpoint);
}

void cli_warn_of_credentials(struct cli *cli)
{
    const char *endpoint = arctic_client_endpoint(cli->client);
    if (cli->warned || cli->recovery_token || !has_credentials(cli->cluster_object) ||
        arctic_client_is_private(endpoint))
        return;
    cli->warned = true;
    cli_warn_of_exposure(endpoint, "credentials");
}

static int read_recovery_token(struct cli *cli, struct arctic_error *error)
{
    if (!cli->recovery_token_file || cli->recovery_token)
        return ARCTIC_OK;
    int code = cli_read_file(cli->recovery_token_file, RECOVERY_TOKEN_MAX, &cli->recovery_token, error);
    if (code < 0)
        return code;
    cli->recovery_token[strcspn(cli->recovery_token, " \t\r\n")] = '\0';
    if (!*cli->recovery_token)
        return cli_fail_usage(error, "%.200s holds no recovery token", cli->recovery_token_file);
    return ARCTIC_OK;
}

/* A client of the chosen agents, which are to pass the requests on to `peer` where there is one. */
static int make_client(struct cli *cli, const char *peer, struct arctic_client **ret_client,
                       struct arctic_error *error)
{
    struct targets targets;
    int code = choose_targets(cli, &targets, error);
    if (code == ARCTIC_OK)
        code = read_recovery_token(cli, error);
    if (code < 0)
        return code;
    struct arctic_client_options options = {.size = sizeof options,
                                            .endpoints = targets.urls,
                                            .fingerprints = targets.fingerprints,
                                            .peer = peer,
                                            .recovery_token = cli->recovery_token,
                                            .timeout_ms = cli->timeout_ms,
                                            .connect_timeout_ms = cli->connect_timeout_ms};
    if (has_credentials(cli->cluster_object) && !cli->recovery_token) {
        options.client_id = cli_json_text(cli->cluster_object, "client_id");
        options.client_secret = cli_json_text(cli->cluster_object, "client_secret");
    }
    return arctic_client_create(&options, ret_client, error);
}

/* --peer takes a name too, and whoever answers knows whose it is. */
static int address_peer(struct cli *cli, struct arctic_error *error)
{
    CLI_FREE char *id = NULL;
    int code = cli_resolve_peer(cli, cli->peer, &id, error);
    if (code < 0)
        return code;
    arctic_client_free(cli->client);
    cli->client = NULL;
    return make_client(cli, id, &cli->client, error);
}

int cli_client(struct cli *cli, struct arctic_client **ret_client, struct arctic_error *error)
{
    int code = ARCTIC_OK;
    if (!cli->client) {
        code = choose_cluster(cli, error);
        if (code == ARCTIC_OK)
            code = make_client(cli, NULL, &cli->client, error);
        if (code == ARCTIC_OK && cli->peer)
            code = address_peer(cli, error);
    }
    if (code == ARCTIC_OK)
        *ret_client = cli->client;
    return code;
}

int cli_stay_at_endpoint(struct cli *cli, struct arctic_error *error)
{
    if (cli->url || cli->peer)
        return ARCTIC_OK;
    snprintf(cli->only_url, sizeof cli->only_url, "%s", arctic_client_endpoint(cli->client));
    cli->url = cli->only_url;
    arctic_client_free(cli->client);
    cli->client = NULL;
    return make_client(cli, NULL, &cli->client, error);
}

int cli_client_without_credentials(struct cli *cli, const char *url, const char *fingerprint,
                                   struct arctic_client **ret_client, struct arctic_error *error)
{
    const char *const endpoints[] = {url, NULL};
    const char *const fingerprints[] = {fingerprint, NULL};
    struct arctic_client_options options = {.size = sizeof options,
                                            .endpoints = endpoints,
                                            .fingerprints = fingerprints,
                                            .timeout_ms = cli->timeout_ms};
    int code = arctic_client_create(&options, ret_client, error);
    if (code == ARCTIC_OK)
        cli_warn_of_exposure(url, "the licence and the new credentials");
    return code;
}

int cli_client_of_peer(struct cli *cli, const json_t *cluster, const char *peer_id,
                       struct arctic_client **ret_client, struct arctic_error *error)
{
    struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
    struct targets targets = {.count = 0};
    size_t count = cli_config_endpoints(cluster, NULL, endpoints);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(endpoints[i].peer_id, peer_id) != 0)
            continue;
        targets.urls[targets.count] = endpoints[i].url;
        targets.fingerprints[targets.count++] = endpoints[i].fingerprint;
    }
    if (targets.count == 0 || !has_credentials(cli->cluster_object))
        return cli_fail(error, ARCTIC_E_NOT_FOUND, "no endpoint of %s, or no credentials", peer_id);
    struct arctic_client_options options = {.size = sizeof options,
                                            .endpoints = targets.urls,
                                            .fingerprints = targets.fingerprints,
                                            .client_id = cli_json_text(cli->cluster_object, "client_id"),
                                            .client_secret =
                                                cli_json_text(cli->cluster_object, "client_secret"),
                                            .timeout_ms = cli->timeout_ms};
    return arctic_client_create(&options, ret_client, error);
}
