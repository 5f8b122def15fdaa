/* Changes of the configuration, for cli_config_change(). */
#include "cli/config.h"

#include <string.h>

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

/* A text that is not known stays as it is. */
static bool set_known(json_t *object, const char *name, const char *text)
{
    return !text || set_text(object, name, text);
}

static size_t place_of_peer(const json_t *peers, const char *peer_id)
{
    size_t i = 0;
    while (i < json_array_size(peers) &&
           strcmp(cli_json_text(json_array_get(peers, i), "peer_id"), peer_id) != 0)
        i++;
    return i;
}

static json_t *find_peer(const json_t *cluster, const char *peer_id)
{
    const json_t *peers = json_object_get(cluster, "peers");
    return json_array_get(peers, place_of_peer(peers, peer_id));
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
    json_t *peer = find_peer(cluster, result->peer_id);
    if (!peer) {
        peer = json_object();
        if (!peers || json_array_append_new(peers, peer) < 0)
            return false;
    }
    json_t *endpoints = NULL;
    if (result->fingerprint && !set_text(peer, "fingerprint", result->fingerprint))
        return false;
    return set_text(peer, "peer_id", result->peer_id) && set_known(peer, "name", result->peer_name) &&
           (endpoints = member(peer, "endpoints", json_array())) && put_first(endpoints, result->endpoint);
}

int cli_config_save_bootstrap(json_t *root, void *context, struct arctic_error *error)
{
    const struct cli_bootstrap_result *result = context;
    const char *key = result->key ? result->key : result->cluster_id;
    json_t *clusters = member(root, "clusters", json_object());
    json_t *cluster = clusters ? member(clusters, key, json_object()) : NULL;
    bool good = cluster && set_text(cluster, "cluster_id", result->cluster_id) &&
                set_known(cluster, "customer_id", result->customer_id) &&
                set_known(cluster, "client_id", result->client_id) &&
                set_known(cluster, "client_secret", result->client_secret) && save_peer(cluster, result);
    if (good && !result->key)
        good = set_text(cluster, "default_peer", result->peer_id) &&
               (result->joins ? set_text(cluster, "joins", result->joins)
                              : set_text(root, "current_cluster", key));
    return good ? ARCTIC_OK : cli_fail_memory(error);
}

int cli_config_set_current(json_t *root, void *context, struct arctic_error *error)
{
    const struct cli_choice *choice = context;
    json_t *cluster = json_object_get(json_object_get(root, "clusters"), choice->key);
    if (choice->current && !set_text(root, "current_cluster", choice->key))
        return cli_fail_memory(error);
    if (choice->peer_id && !(cluster && set_text(cluster, "default_peer", choice->peer_id)))
        return cli_fail(error, ARCTIC_E_NOT_FOUND, "the configuration file has no cluster '%.80s'",
                        choice->key);
    return ARCTIC_OK;
}

int cli_config_name_cluster(json_t *root, void *context, struct arctic_error *error)
{
    const struct cli_cluster_name *named = context;
    json_t *cluster = json_object_get(json_object_get(root, "clusters"), named->key);
    if (!cluster)
        return cli_fail(error, ARCTIC_E_NOT_FOUND, "the configuration file has no cluster '%.80s'",
                        named->key);
    if (!*named->name) {
        json_object_del(cluster, "name");
        return ARCTIC_OK;
    }
    return set_text(cluster, "name", named->name) ? ARCTIC_OK
                                                  : cli_fail_usage(error, "the name is no valid UTF-8");
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

/*
 * Notes with the peers of an entry the credential that their own agent made: it outlives the one that is in use when the
 * agent of that one leaves the cluster.
 */
static bool note_credentials(const json_t *cluster)
{
    static const char *const members[] = {"client_id", "client_secret"};
    size_t index;
    json_t *peer;
    json_array_foreach(json_object_get(cluster, "peers"), index, peer)
    {
        if (*cli_json_text(peer, "client_id"))
            continue;
        for (size_t i = 0; i < 2; i++) {
            if (!set_text(peer, members[i], cli_json_text(cluster, members[i])))
                return false;
        }
    }
    return true;
}

/* What `from` knows of peers and `to` does not goes to `to`. */
static bool take_peers(json_t *to, const json_t *from)
{
    if (!note_credentials(to) || !note_credentials(from))
        return false;
    json_t *peers = member(to, "peers", json_array());
    size_t index;
    json_t *peer;
    json_array_foreach(json_object_get(from, "peers"), index, peer)
    {
        if (!peers || (!find_peer(to, cli_json_text(peer, "peer_id")) && json_array_append(peers, peer) < 0))
            return false;
    }
    return true;
}

/* The one entry of a cluster that two of them have become. */
static bool merge_entries(json_t *root, const struct cli_joined *joined)
{
    json_t *clusters = json_object_get(root, "clusters");
    json_t *kept = json_object_get(clusters, joined->key);
    const char *key;
    json_t *cluster;
    void *next;
    json_object_foreach_safe(clusters, next, key, cluster)
    {
        if (cluster == kept || !find_peer(cluster, joined->peer_ids[1]))
            continue;
        bool current = strcmp(cli_json_text(root, "current_cluster"), key) == 0;
        if (!take_peers(kept, cluster) || (current && !set_text(root, "current_cluster", joined->key)))
            return false;
        json_object_del(clusters, key);
    }
    return true;
}

int cli_config_save_joined(json_t *root, void *context, struct arctic_error *error)
{
    const struct cli_joined *joined = context;
    const char *key;
    json_t *cluster;
    json_object_foreach(json_object_get(root, "clusters"), key, cluster)
    {
        if (!find_peer(cluster, joined->peer_ids[0]) && !find_peer(cluster, joined->peer_ids[1]))
            continue;
        if (!set_text(cluster, "cluster_id", joined->cluster_id))
            return cli_fail_memory(error);
    }
    if (joined->key && !merge_entries(root, joined))
        return cli_fail_memory(error);
    return ARCTIC_OK;
}

/* The credential of a peer that is gone holds no longer: another peer's own one takes its place. */
static bool replace_credentials(json_t *cluster, const json_t *gone)
{
    const char *client_id = cli_json_text(gone, "client_id");
    size_t index;
    json_t *peer;
    if (!*client_id || strcmp(client_id, cli_json_text(cluster, "client_id")) != 0)
        return true;
    json_array_foreach(json_object_get(cluster, "peers"), index, peer)
    {
        const char *own = cli_json_text(peer, "client_id");
        if (*own && strcmp(own, client_id) != 0)
            return set_text(cluster, "client_id", own) &&
                   set_text(cluster, "client_secret", cli_json_text(peer, "client_secret"));
    }
    return true;
}

static int forget_in(json_t *cluster, size_t place, struct arctic_error *error)
{
    json_t *peers = json_object_get(cluster, "peers");
    const json_t *gone = json_array_get(peers, place);
    if (strcmp(cli_json_text(cluster, "default_peer"), cli_json_text(gone, "peer_id")) == 0)
        json_object_del(cluster, "default_peer");
    if (!replace_credentials(cluster, gone))
        return cli_fail_memory(error);
    json_array_remove(peers, place);
    return ARCTIC_OK;
}

int cli_config_forget_peer(json_t *root, void *context, struct arctic_error *error)
{
    json_t *clusters = json_object_get(root, "clusters");
    const char *key;
    json_t *cluster;
    void *next;
    json_object_foreach_safe(clusters, next, key, cluster)
    {
        json_t *peers = json_object_get(cluster, "peers");
        size_t place = place_of_peer(peers, context);
        if (place == json_array_size(peers))
            continue;
        int code = forget_in(cluster, place, error);
        if (code < 0)
            return code;
        if (json_array_size(peers) > 0)
            continue;
        if (strcmp(cli_json_text(root, "current_cluster"), key) == 0)
            json_object_del(root, "current_cluster");
        json_object_del(clusters, key);
    }
    return ARCTIC_OK;
}

int cli_config_rename_peer(json_t *root, void *context, struct arctic_error *error)
{
    const struct cli_renamed *renamed = context;
    const char *key;
    json_t *cluster;
    json_object_foreach(json_object_get(root, "clusters"), key, cluster)
    {
        json_t *peer = find_peer(cluster, renamed->peer_id);
        if (peer && !set_text(peer, "name", renamed->name))
            return cli_fail_memory(error);
    }
    return ARCTIC_OK;
}

static bool renew(json_t *holder, const struct cli_new_secret *secret)
{
    return strcmp(cli_json_text(holder, "client_id"), secret->client_id) != 0 ||
           set_text(holder, "client_secret", secret->client_secret);
}

int cli_config_save_secret(json_t *root, void *context, struct arctic_error *error)
{
    const struct cli_new_secret *secret = context;
    const char *key;
    json_t *cluster;
    json_object_foreach(json_object_get(root, "clusters"), key, cluster)
    {
        size_t index;
        json_t *peer;
        if (!renew(cluster, secret))
            return cli_fail_memory(error);
        json_array_foreach(json_object_get(cluster, "peers"), index, peer)
        {
            if (!renew(peer, secret))
                return cli_fail_memory(error);
        }
    }
    return ARCTIC_OK;
}

int cli_config_set_preference(json_t *root, void *context, struct arctic_error *error)
{
    const struct cli_preference *preference = context;
    json_t *preferences = member(root, "preferences", json_object());
    if (!preferences)
        return cli_fail_memory(error);
    if (!preference->value) {
        json_object_del(preferences, preference->name);
        return ARCTIC_OK;
    }
    return json_object_set(preferences, preference->name, preference->value) == 0 ? ARCTIC_OK
                                                                                  : cli_fail_memory(error);
}
