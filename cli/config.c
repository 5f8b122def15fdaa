/* What the configuration means: clusters, endpoints, preferences. */
#include "cli/config.h"

#include <string.h>

void cli_config_release(struct cli_config *config)
{
    free(config->path);
    json_decref(config->root);
    *config = (struct cli_config){.path = NULL};
}

static int fail_ambiguous(struct arctic_error *error, const char *wanted)
{
    return cli_fail_usage(
        error,
        "'%.80s' stands for several entries of 'arctic config clusters': use the ID of one, or give "
        "names with 'arctic config name-cluster ID NAME'",
        wanted);
}

/* By its id or name, or by the name of a peer in it: the first thing that an operator names is an agent. */
static bool answers_to(const json_t *cluster, const char *wanted)
{
    size_t index;
    json_t *peer;
    if (strcmp(cli_json_text(cluster, "name"), wanted) == 0 ||
        strcmp(cli_json_text(cluster, "cluster_id"), wanted) == 0)
        return true;
    json_array_foreach(json_object_get(cluster, "peers"), index, peer)
    {
        if (strcmp(cli_json_text(peer, "name"), wanted) == 0)
            return true;
    }
    return false;
}

static int find_by_name(const json_t *clusters, const char *wanted, json_t **ret_cluster,
                        struct arctic_error *error)
{
    const char *id;
    json_t *cluster;
    json_t *found = NULL;
    json_object_foreach((json_t *)clusters, id, cluster)
    {
        if (!answers_to(cluster, wanted))
            continue;
        if (found)
            return fail_ambiguous(error, wanted);
        found = cluster;
    }
    if (!found)
        return cli_fail(error, ARCTIC_E_NOT_FOUND, "the configuration file has no cluster '%.80s'", wanted);
    *ret_cluster = found;
    return ARCTIC_OK;
}

int cli_config_cluster(const struct cli_config *config, const char *wanted, json_t **ret_cluster,
                       struct arctic_error *error)
{
    const json_t *clusters = json_object_get(config->root, "clusters");
    const char *name = wanted ? wanted : cli_json_text(config->root, "current_cluster");
    *ret_cluster = NULL;
    if (!*name)
        return ARCTIC_OK;
    json_t *cluster = json_object_get(clusters, name);
    if (!cluster)
        return find_by_name(clusters, name, ret_cluster, error);
    *ret_cluster = cluster;
    return ARCTIC_OK;
}

const json_t *cli_config_preference(const struct cli_config *config, const char *name)
{
    return json_object_get(json_object_get(config->root, "preferences"), name);
}

/* A peer may have endpoints of both kinds; only https shows a key. */
static struct cli_endpoint endpoint_of(const json_t *peer, const char *url)
{
    bool is_https = strncmp(url, "https:", 6) == 0;
    return (struct cli_endpoint){.url = url,
                                 .peer_id = cli_json_text(peer, "peer_id"),
                                 .fingerprint = is_https ? cli_json_text(peer, "fingerprint") : ""};
}

static size_t add_endpoints(const json_t *peer, struct cli_endpoint ret_endpoints[CLI_ENDPOINTS_MAX],
                            size_t count)
{
    const json_t *endpoints = json_object_get(peer, "endpoints");
    for (size_t i = 0; i < json_array_size(endpoints) && count < CLI_ENDPOINTS_MAX; i++) {
        const char *url = json_string_value(json_array_get(endpoints, i));
        if (url)
            ret_endpoints[count++] = endpoint_of(peer, url);
    }
    return count;
}

size_t cli_config_endpoints(const json_t *cluster, const char *first,
                            struct cli_endpoint ret_endpoints[CLI_ENDPOINTS_MAX])
{
    const json_t *peers = json_object_get(cluster, "peers");
    size_t count = 0;
    if (!first)
        first = cli_json_text(cluster, "default_peer");
    for (int is_first = 1; is_first >= 0; is_first--) {
        for (size_t i = 0; i < json_array_size(peers); i++) {
            const json_t *peer = json_array_get(peers, i);
            bool matches = *first && strcmp(cli_json_text(peer, "peer_id"), first) == 0;
            if (matches == (is_first == 1))
                count = add_endpoints(peer, ret_endpoints, count);
        }
    }
    return count;
}

const char *cli_config_peer_named(const json_t *cluster, const char *wanted)
{
    const json_t *peers = json_object_get(cluster, "peers");
    for (size_t i = 0; wanted && i < json_array_size(peers); i++) {
        const json_t *peer = json_array_get(peers, i);
        if (strcmp(cli_json_text(peer, "name"), wanted) == 0)
            return cli_json_text(peer, "peer_id");
    }
    return NULL;
}

bool cli_config_has_client(const struct cli_config *config, const char *client_id)
{
    const char *key;
    json_t *cluster;
    json_object_foreach(json_object_get(config->root, "clusters"), key, cluster)
    {
        if (*client_id && strcmp(cli_json_text(cluster, "client_id"), client_id) == 0)
            return true;
    }
    return false;
}

const char *cli_config_key(const struct cli_config *config, const json_t *cluster)
{
    const char *key;
    json_t *present;
    json_object_foreach(json_object_get(config->root, "clusters"), key, present)
    {
        if (present == cluster)
            return key;
    }
    return "";
}

const char *cli_config_joins(const struct cli_config *config, const json_t *cluster)
{
    const char *joins = cli_json_text(cluster, "joins");
    bool known = json_object_get(json_object_get(config->root, "clusters"), joins) != NULL;
    return known ? joins : cli_config_key(config, cluster);
}

static bool has_peer(const json_t *cluster, const char *peer_id)
{
    const json_t *peers = json_object_get(cluster, "peers");
    for (size_t i = 0; i < json_array_size(peers); i++) {
        if (strcmp(cli_json_text(json_array_get(peers, i), "peer_id"), peer_id) == 0)
            return true;
    }
    return false;
}

const char *cli_config_find_key(const struct cli_config *config, const char *cluster_id, const char *peer_id)
{
    const char *key;
    json_t *cluster;
    json_object_foreach(json_object_get(config->root, "clusters"), key, cluster)
    {
        if (strcmp(key, cluster_id) == 0 || strcmp(cli_json_text(cluster, "cluster_id"), cluster_id) == 0 ||
            has_peer(cluster, peer_id))
            return key;
    }
    return NULL;
}

static bool has_endpoint(const json_t *cluster, const char *endpoint)
{
    struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
    size_t count = cli_config_endpoints(cluster, NULL, endpoints);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(endpoints[i].url, endpoint) == 0)
            return true;
    }
    return false;
}

json_t *cli_config_cluster_of_endpoint(const struct cli_config *config, const char *endpoint)
{
    const char *current = cli_json_text(config->root, "current_cluster");
    const char *key;
    json_t *cluster;
    json_t *found = NULL;
    json_object_foreach(json_object_get(config->root, "clusters"), key, cluster)
    {
        if (!has_endpoint(cluster, endpoint))
            continue;
        found = cluster;
        if (strcmp(key, current) == 0)
            break;
    }
    return found;
}
