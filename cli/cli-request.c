/* Requests: which agent, with which credentials. */
#include "cli/cli.h"

#include <string.h>

static bool has_credentials(const json_t *cluster)
{
    return *cli_json_text(cluster, "client_id") && *cli_json_text(cluster, "client_secret");
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
    if (cli->url && !cli->cluster) {
        normalize(cli->url, url, sizeof url);
        cluster = cli_config_cluster_of_endpoint(&cli->config, url);
    }
    int code = cluster ? ARCTIC_OK : cli_config_cluster(&cli->config, cli->cluster, &cluster, error);
    cli->cluster_object = cluster;
    return code;
}

static int choose_endpoints(const struct cli *cli, const char *ret_endpoints[CLI_ENDPOINTS_MAX + 1],
                            struct arctic_error *error)
{
    size_t count = 0;
    if (cli->url)
        ret_endpoints[count++] = cli->url;
    else if (cli->cluster_object)
        count = cli_config_endpoints(cli->cluster_object, ret_endpoints);
    ret_endpoints[count] = NULL;
    if (count == 0 && cli->cluster_object)
        return cli_fail_usage(error, "the cluster has no endpoints in %s, give --url", cli->config.path);
    if (count == 0)
        return cli_fail_usage(error, "no agent to talk to: give --url, or bootstrap one first (%s %s)",
                              cli->config.path,
                              access(cli->config.path, F_OK) == 0 ? "names no cluster" : "does not exist");
    return ARCTIC_OK;
}

/* Secrets on an open wire deserve a word, whatever --quiet says. */
static void warn_of_exposure(const char *const *endpoints, const char *what)
{
    for (; *endpoints; endpoints++) {
        if (arctic_client_is_private(*endpoints))
            continue;
        fprintf(stderr, "arctic: warning: %s go unencrypted to %s\n", what, *endpoints);
        return;
    }
}

/* Only requests that carry credentials need it, and one word for each command is enough. */
static void warn_of_credentials(struct cli *cli)
{
    const char *endpoints[CLI_ENDPOINTS_MAX + 1];
    struct arctic_error error;
    if (cli->warned || !has_credentials(cli->cluster_object) || choose_endpoints(cli, endpoints, &error) < 0)
        return;
    cli->warned = true;
    warn_of_exposure(endpoints, "credentials");
}

static int make_client(struct cli *cli, struct arctic_error *error)
{
    const char *endpoints[CLI_ENDPOINTS_MAX + 1];
    int code = choose_cluster(cli, error);
    if (code == ARCTIC_OK)
        code = choose_endpoints(cli, endpoints, error);
    if (code < 0)
        return code;
    struct arctic_client_options options = {
        .size = sizeof options, .endpoints = endpoints, .timeout_ms = cli->timeout_ms};
    if (has_credentials(cli->cluster_object)) {
        options.client_id = cli_json_text(cli->cluster_object, "client_id");
        options.client_secret = cli_json_text(cli->cluster_object, "client_secret");
    }
    return arctic_client_create(&options, &cli->client, error);
}

int cli_client(struct cli *cli, struct arctic_client **ret_client, struct arctic_error *error)
{
    int code = cli->client ? ARCTIC_OK : make_client(cli, error);
    if (code == ARCTIC_OK)
        *ret_client = cli->client;
    return code;
}

int cli_client_without_credentials(struct cli *cli, const char *url, struct arctic_client **ret_client,
                                   struct arctic_error *error)
{
    const char *const endpoints[] = {url, NULL};
    struct arctic_client_options options = {
        .size = sizeof options, .endpoints = endpoints, .timeout_ms = cli->timeout_ms};
    int code = arctic_client_create(&options, ret_client, error);
    if (code == ARCTIC_OK)
        warn_of_exposure(endpoints, "the licence and the new credentials");
    return code;
}

int cli_parse_answer(const char *text, json_t **ret_value, struct arctic_error *error)
{
    json_error_t where;
    json_t *value = *text ? json_loads(text, JSON_REJECT_DUPLICATES, &where) : json_null();
    if (!value)
        return cli_fail(error, ARCTIC_E_PROTOCOL, "the answer of the agent is no JSON: %.200s", where.text);
    *ret_value = value;
    return ARCTIC_OK;
}

int cli_request(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret_answer,
                struct arctic_error *error)
{
    CLI_JSON *owned_body = body;
    CLI_FREE char *text = owned_body ? json_dumps(owned_body, JSON_COMPACT) : NULL;
    CLI_SECRET *answer = NULL;
    struct arctic_client *client = NULL;
    if (!path || (owned_body && !text))
        return cli_fail_memory(error);
    int code = cli_client(cli, &client, error);
    if (code == ARCTIC_OK) {
        warn_of_credentials(cli);
        code = arctic_client_request(client, method, path, text, NULL, &answer, error);
    }
    if (code < 0)
        return code;
    if (cli->verbose)
        fprintf(stderr, "%s %s answered by %s\n", method, path, arctic_client_endpoint(client));
    return ret_answer ? cli_parse_answer(answer, ret_answer, error) : ARCTIC_OK;
}

int cli_request_list(struct cli *cli, const char *path, const char *member, json_t **ret_list,
                     struct arctic_error *error)
{
    CLI_JSON *answer = NULL;
    int code = cli_request(cli, "GET", path, NULL, &answer, error);
    if (code < 0)
        return code;
    json_t *list = json_object_get(answer, member);
    if (!json_is_array(list))
        return cli_fail(error, ARCTIC_E_PROTOCOL, "the answer of the agent has no list of %s", member);
    *ret_list = json_incref(list);
    return ARCTIC_OK;
}

void cli_remember_endpoint(struct cli *cli)
{
    const char *endpoints[CLI_ENDPOINTS_MAX];
    if (!cli->client || cli->url || !cli->cluster_object)
        return;
    size_t count = cli_config_endpoints(cli->cluster_object, endpoints);
    const char *answered = arctic_client_endpoint(cli->client);
    if (count == 0 || strcmp(endpoints[0], answered) == 0)
        return;
    CLI_FREE char *key = strdup(cli_config_key(&cli->config, cli->cluster_object));
    struct cli_answered context = {.key = key ? key : "", .endpoint = answered};
    struct arctic_error error;
    cli->cluster_object = NULL;
    if (cli_config_change(&cli->config, false, cli_config_remember_endpoint, &context, &error) < 0 &&
        cli->verbose)
        fprintf(stderr, "arctic: could not remember the endpoint: %s\n", error.message);
}

/* Whether the entries say it already. */
static bool knows_joined(const struct cli *cli, struct cli_joined *joined)
{
    CLI_JSON *after = json_deep_copy(cli->config.root);
    struct arctic_error error;
    return after && cli_config_save_joined(after, joined, &error) == ARCTIC_OK &&
           json_equal(after, cli->config.root);
}

int cli_follow_cluster(struct cli *cli, const char *other_peer, struct arctic_error *error)
{
    CLI_JSON *identity = NULL;
    int code = cli_request(cli, "GET", "/v1/cluster/identity", NULL, &identity, error);
    struct cli_joined joined = {{cli_json_text(identity, "peer_id"), other_peer},
                                cli_json_text(identity, "cluster_id")};
    if (code < 0 || !*joined.cluster_id || knows_joined(cli, &joined))
        return code;
    CLI_FREE char *key = strdup(cli_config_key(&cli->config, cli->cluster_object));
    if (!key)
        return cli_fail_memory(error);
    cli->cluster_object = NULL;
    code = cli_config_change(&cli->config, true, cli_config_save_joined, &joined, error);
    cli->cluster_object = json_object_get(json_object_get(cli->config.root, "clusters"), key);
    return code;
}

char *cli_path(const char *format, const char *segment)
{
    char *escaped = arctic_client_escape(segment);
    char *path = NULL;
    if (escaped && asprintf(&path, format, escaped) < 0)
        path = NULL;
    arctic_client_free_text(escaped);
    return path;
}
