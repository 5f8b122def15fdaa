/* What the configuration means: clusters, endpoints, preferences, and the changes made to them. */
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
        error, "'%.80s' stands for several entries of 'arctic config clusters': use the ID of one", wanted);
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

static size_t add_endpoints(const json_t *peer, const char *ret_endpoints[CLI_ENDPOINTS_MAX], size_t count)
{
    const json_t *endpoints = json_object_get(peer, "endpoints");
    for (size_t i = 0; i < json_array_size(endpoints) && count < CLI_ENDPOINTS_MAX; i++) {
        const char *endpoint = json_string_value(json_array_get(endpoints, i));
        if (endpoint)
            ret_endpoints[count++] = endpoint;
    }
    return count;
}

size_t cli_config_endpoints(const json_t *cluster, const char *ret_endpoints[CLI_ENDPOINTS_MAX])
{
    const json_t *peers = json_object_get(cluster, "peers");
    const char *first = cli_json_text(cluster, "default_peer");
    size_t count = 0;
    for (int is_default = 1; is_default >= 0; is_default--) {
        for (size_t i = 0; i < json_array_size(peers); i++) {
            const json_t *peer = json_array_get(peers, i);
            bool matches = *first && strcmp(cli_json_text(peer, "peer_id"), first) == 0;
            if (matches == (is_default == 1))
                count = add_endpoints(peer, ret_endpoints, count);
        }
    }
    return count;
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

json_t *cli_config_cluster_of_endpoint(const struct cli_config *config, const char *endpoint)
{
    const char *id;
    json_t *cluster;
    json_object_foreach(json_object_get(config->root, "clusters"), id, cluster)
    {
        const char *endpoints[CLI_ENDPOINTS_MAX];
        size_t count = cli_config_endpoints(cluster, endpoints);
        for (size_t i = 0; i < count; i++) {
            if (strcmp(endpoints[i], endpoint) == 0)
                return cluster;
        }
    }
    return NULL;
}

/* Member of the kind asked for, made where it is missing; borrowed. */
static json_t *member(json_t *object, const char *name, json_t *made)
{
    json_t *present = json_object_get(object, name);
    if (present && json_typeof(present) == json_typeof(made)) {
        json_decref(made);
        return present;
    }
    return json_object_set_new(object, name, made) == 0 ? json_object_get(object, name) : NULL;
}

static bool set_text(json_t *object, const char *name, const char *text)
{
    return json_object_set_new(object, name, json_string(text)) == 0;
}

static json_t *find_peer(const json_t *peers, const char *peer_id)
{
    for (size_t i = 0; i < json_array_size(peers); i++) {
        json_t *peer = json_array_get(peers, i);
        if (strcmp(cli_json_text(peer, "peer_id"), peer_id) == 0)
            return peer;
    }
    return NULL;
}

/* Moves a text to the front of an array, where it may be new. */
static bool put_first(json_t *array, const char *text)
{
    for (size_t i = json_array_size(array); i-- > 0;) {
        const char *present = json_string_value(json_array_get(array, i));
        if (present && strcmp(present, text) == 0)
            json_array_remove(array, i);
    }
    return json_array_insert_new(array, 0, json_string(text)) == 0;
}

static bool save_peer(json_t *cluster, const struct cli_bootstrap_result *result)
{
    json_t *peers = member(cluster, "peers", json_array());
    json_t *peer = find_peer(peers, result->peer_id);
    if (!peer) {
        peer = json_object();
        if (!peers || json_array_append_new(peers, peer) < 0)
            return false;
    }
    json_t *endpoints = NULL;
    return set_text(peer, "peer_id", result->peer_id) && set_text(peer, "name", result->peer_name) &&
           (endpoints = member(peer, "endpoints", json_array())) && put_first(endpoints, result->endpoint);
}

int cli_config_save_bootstrap(json_t *root, void *context, struct arctic_error *error)
{
    const struct cli_bootstrap_result *result = context;
    json_t *clusters = member(root, "clusters", json_object());
    json_t *cluster = clusters ? member(clusters, result->cluster_id, json_object()) : NULL;
    bool good = cluster && set_text(cluster, "cluster_id", result->cluster_id) &&
                set_text(cluster, "customer_id", result->customer_id) &&
                set_text(cluster, "client_id", result->client_id) &&
                set_text(cluster, "client_secret", result->client_secret) && save_peer(cluster, result) &&
                set_text(cluster, "default_peer", result->peer_id) &&
                set_text(root, "current_cluster", result->cluster_id);
    return good ? ARCTIC_OK : cli_fail_memory(error);
}

int cli_config_set_current(json_t *root, void *context, struct arctic_error *error)
{
    return set_text(root, "current_cluster", context) ? ARCTIC_OK : cli_fail_memory(error);
}

int cli_config_remember_endpoint(json_t *root, void *context, struct arctic_error *error)
{
    const struct cli_answered *answered = context;
    json_t *cluster = json_object_get(json_object_get(root, "clusters"), answered->key);
    const json_t *peers = json_object_get(cluster, "peers");
    for (size_t i = 0; i < json_array_size(peers); i++) {
        json_t *endpoints = json_object_get(json_array_get(peers, i), "endpoints");
        for (size_t k = 0; k < json_array_size(endpoints); k++) {
            const char *endpoint = json_string_value(json_array_get(endpoints, k));
            if (endpoint && strcmp(endpoint, answered->endpoint) == 0)
                return put_first(endpoints, answered->endpoint) ? ARCTIC_OK : cli_fail_memory(error);
        }
    }
    return ARCTIC_OK;
}

int cli_config_save_joined(json_t *root, void *context, struct arctic_error *error)
{
    const struct cli_joined *joined = context;
    const char *key;
    json_t *cluster;
    json_object_foreach(json_object_get(root, "clusters"), key, cluster)
    {
        const json_t *peers = json_object_get(cluster, "peers");
        if (!find_peer(peers, joined->peer_ids[0]) && !find_peer(peers, joined->peer_ids[1]))
            continue;
        if (!set_text(cluster, "cluster_id", joined->cluster_id))
            return cli_fail_memory(error);
    }
    return ARCTIC_OK;
}
