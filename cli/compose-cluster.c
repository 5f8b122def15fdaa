/* Clusters of compose files. */
#include "cli/compose-cluster.h"

#include <string.h>
#include <strings.h>

/* The key of a cluster that has one of the file's addresses, or that an agent at one was to join; NULL where none has. */
static const char *find_by_address(const struct cli *cli, const struct arctic_compose *compose)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < arctic_compose_peer_count(compose); i++) {
        struct arctic_compose_peer peer = {.size = sizeof peer};
        struct arctic_error error;
        if (arctic_compose_peer(compose, i, &peer, &error) < 0)
            continue;
        for (size_t j = 0; j < 2; j++) {
            CLI_FREE char *endpoint = cli_format("%s%s", schemes[j], peer.address);
            const json_t *found = endpoint ? cli_config_cluster_of_endpoint(&cli->config, endpoint) : NULL;
            if (found)
                return cli_config_joins(&cli->config, found);
        }
    }
    return NULL;
}

/* Whether an https endpoint is on the host of a peer's address: the two ports of one agent differ. */
static bool is_https_of(const char *url, const char *address)
{
    static const char scheme[] = "https://";
    const char *colon = strrchr(address, ':');
    size_t length = colon ? (size_t)(colon - address) + 1 : 0;
    return length > 0 && strncmp(url, scheme, sizeof scheme - 1) == 0 &&
           strncasecmp(url + sizeof scheme - 1, address, length) == 0;
}

/* The only https endpoint of the configuration on the host of an address; NULL where there is none, or several. */
static const char *find_https(const struct cli *cli, const char *address)
{
    const char *key;
    json_t *cluster;
    const char *found = NULL;
    json_object_foreach(json_object_get(cli->config.root, "clusters"), key, cluster)
    {
        struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
        size_t count = cli_config_endpoints(cluster, NULL, endpoints);
        for (size_t i = 0; i < count; i++) {
            if (!is_https_of(endpoints[i].url, address))
                continue;
            if (found && strcmp(found, endpoints[i].url) != 0)
                return NULL; /* agents behind one address */
            found = endpoints[i].url;
        }
    }
    return found;
}

/* The same by the hosts of the addresses, for agents that are known by https. */
static const char *find_by_host(const struct cli *cli, const struct arctic_compose *compose)
{
    for (size_t i = 0; i < arctic_compose_peer_count(compose); i++) {
        struct arctic_compose_peer peer = {.size = sizeof peer};
        struct arctic_error error;
        const char *url = arctic_compose_peer(compose, i, &peer, &error) == ARCTIC_OK
                              ? find_https(cli, peer.address)
                              : NULL;
        if (url)
            return cli_config_joins(&cli->config, cli_config_cluster_of_endpoint(&cli->config, url));
    }
    return NULL;
}

static bool names_peer(const struct arctic_compose *compose, const char *name)
{
    for (size_t i = 0; i < arctic_compose_peer_count(compose); i++) {
        struct arctic_compose_peer peer = {.size = sizeof peer};
        struct arctic_error error;
        if (arctic_compose_peer(compose, i, &peer, &error) == ARCTIC_OK && strcmp(peer.name, name) == 0)
            return true;
    }
    return false;
}

/* Whether the current cluster is the file's. One that has nothing in common with it must not be changed by it. */
static bool is_current(const struct cli *cli, const struct arctic_compose *compose)
{
    json_t *cluster = NULL;
    struct arctic_error error;
    if (cli_config_cluster(&cli->config, NULL, &cluster, &error) < 0 || !cluster)
        return false;
    const json_t *peers = json_object_get(cluster, "peers");
    for (size_t i = 0; i < json_array_size(peers); i++) {
        if (names_peer(compose, cli_json_text(json_array_get(peers, i), "name")))
            return true;
    }
    return false;
}

int cli_compose_client(struct cli *cli, const struct cli_compose_file *file,
                       struct arctic_client **ret_client, struct arctic_error *error)
{
    bool told = cli->url || cli->cluster;
    const char *key = told ? NULL : find_by_address(cli, file->compose);
    *ret_client = NULL;
    if (!told && !key)
        key = find_by_host(cli, file->compose);
    if (key)
        cli->cluster = key;
    if (!told && !key && !is_current(cli, file->compose))
        return ARCTIC_OK;
    int code = cli_client(cli, ret_client, error);
    if (key)
        cli->cluster = NULL; /* the key is the configuration's, which may be read again */
    return code;
}

int cli_compose_save(struct cli *cli, const struct arctic_compose_bootstrap *bootstrap, const char *license,
                     const char *cluster_endpoint, struct arctic_error *error)
{
    CLI_JSON *answer = NULL;
    CLI_JSON *terms = json_loads(license, 0, NULL);
    const json_t *cluster =
        cluster_endpoint ? cli_config_cluster_of_endpoint(&cli->config, cluster_endpoint) : NULL;
    CLI_FREE char *joins = cluster ? strdup(cli_config_key(&cli->config, cluster)) : NULL;
    struct cli_new_agent agent = {.license = terms,
                                  .name = bootstrap->name,
                                  .endpoint = bootstrap->endpoint,
                                  .fingerprint = "",
                                  .joins = joins};
    int code =
        cluster && !joins ? cli_fail_memory(error) : cli_parse_answer(bootstrap->answer, &answer, error);
    cli->cluster_object = NULL;
    if (code < 0)
        return code;
    agent.answer = answer;
    return cli_save_bootstrap(cli, &agent, error);
}

void cli_compose_join(struct cli *cli, const char *endpoint)
{
    const json_t *cluster = cli_config_cluster_of_endpoint(&cli->config, endpoint);
    CLI_FREE char *key = cluster ? strdup(cli_config_key(&cli->config, cluster)) : NULL;
    CLI_JSON *peers = NULL;
    struct arctic_error problem;
    if (!key)
        return;
    arctic_client_free(cli->client);
    cli->client = NULL;
    cli->cluster_object = NULL;
    cli->cluster = key;
    cli->url = NULL;
    int code = cli_request_list(cli, "/v1/peers?is_local=false", "peers", &peers, &problem);
    if (code < 0)
        cli_note(cli, "The cluster's peers are not noted in %s: %s", cli->config.path, problem.message);
    for (size_t i = 0; i < json_array_size(peers); i++)
        cli_follow_cluster(cli, cli_json_text(json_array_get(peers, i), "id"));
    cli->cluster = NULL;
}
