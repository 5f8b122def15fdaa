/* What the configuration learns from what agents have answered. */
#include "cli/cli.h"

#include <string.h>
#include <time.h>

/* How long a peer that has just been added may take to accept the credentials of the one that it met. */
#define JOIN_MS 3000
#define JOIN_STEP_MS 100

static void note_failure(const struct cli *cli, const char *what, const struct arctic_error *error)
{
    cli_note(cli, "%s, but not noted in %s: %s", what, cli->config.path, error->message);
}

void cli_remember_endpoint(struct cli *cli)
{
    struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
    if (!cli->client || cli->url || !cli->cluster_object)
        return;
    const char *first = cli_config_peer_named(cli->cluster_object, cli->cluster);
    size_t count = cli_config_endpoints(cli->cluster_object, first, endpoints);
    const char *answered = arctic_client_endpoint(cli->client);
    if (count == 0 || strcmp(endpoints[0].url, answered) == 0)
        return;
    CLI_FREE char *key = strdup(cli_config_key(&cli->config, cli->cluster_object));
    struct cli_answered context = {.key = key ? key : "", .endpoint = answered};
    struct arctic_error error;
    cli->cluster_object = NULL;
    if (cli_config_change(&cli->config, false, cli_config_remember_endpoint, &context, &error) < 0 &&
        cli->verbose)
        fprintf(stderr, "arctic: could not remember the endpoint: %s\n", error.message);
}

/* Another entry that has the peer; NULL where there is none. */
static json_t *entry_of_peer(const struct cli *cli, const char *peer_id)
{
    const char *key;
    json_t *cluster;
    json_object_foreach(json_object_get(cli->config.root, "clusters"), key, cluster)
    {
        struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
        size_t count = cluster == cli->cluster_object ? 0 : cli_config_endpoints(cluster, NULL, endpoints);
        for (size_t i = 0; i < count; i++) {
            if (strcmp(endpoints[i].peer_id, peer_id) == 0)
                return cluster;
        }
    }
    return NULL;
}

static void wait_a_little(void)
{
    struct timespec time = {.tv_nsec = JOIN_STEP_MS * 1000000L};
    nanosleep(&time, NULL);
}

/*
 * Whether the peer takes the credentials that are kept, so that its own need not be: tried, since nothing that works
 * may go. It hears of them from the other agent, a moment after the two have met.
 */
static bool takes_credentials(struct cli *cli, const json_t *entry, const char *peer_id)
{
    struct arctic_client *client = NULL;
    struct arctic_error error;
    int code = cli_client_of_peer(cli, entry, peer_id, &client, &error);
    if (code < 0)
        return false;
    for (int waited = 0; waited <= JOIN_MS; waited += JOIN_STEP_MS) {
        code = arctic_client_request(client, "GET", "/v1/peers", NULL, NULL, NULL, &error);
        if (code != ARCTIC_E_UNAUTHORIZED)
            break;
        wait_a_little();
    }
    arctic_client_free(client);
    return code == ARCTIC_OK;
}

/* Whether the entries say it already. */
static bool knows_joined(const struct cli *cli, struct cli_joined *joined)
{
    CLI_JSON *after = json_deep_copy(cli->config.root);
    struct arctic_error error;
    return after && cli_config_save_joined(after, joined, &error) == ARCTIC_OK &&
           json_equal(after, cli->config.root);
}

static int save_joined(struct cli *cli, struct cli_joined *joined, struct arctic_error *error)
{
    CLI_FREE char *key = strdup(cli_config_key(&cli->config, cli->cluster_object));
    if (!key)
        return cli_fail_memory(error);
    json_t *entry = *key ? entry_of_peer(cli, joined->peer_ids[1]) : NULL;
    if (entry && takes_credentials(cli, entry, joined->peer_ids[1]))
        joined->key = key;
    if (knows_joined(cli, joined))
        return ARCTIC_OK;
    cli->cluster_object = NULL;
    int code = cli_config_change(&cli->config, true, cli_config_save_joined, joined, error);
    cli->cluster_object = json_object_get(json_object_get(cli->config.root, "clusters"), key);
    if (code == ARCTIC_OK && joined->key)
        cli_note(cli, "Both agents are one cluster in %s now, with one credential for both.",
                 cli->config.path);
    return code;
}

void cli_follow_cluster(struct cli *cli, const char *other_peer)
{
    CLI_JSON *identity = NULL;
    struct arctic_error error;
    int code = cli_request(cli, "GET", "/v1/cluster/identity", NULL, &identity, &error);
    struct cli_joined joined = {
        {cli_json_text(identity, "peer_id"), other_peer}, cli_json_text(identity, "cluster_id"), NULL};
    if (code == ARCTIC_OK && *joined.cluster_id)
        code = save_joined(cli, &joined, &error);
    if (code < 0)
        note_failure(cli, "The peer is added", &error);
}

static bool mentions(const struct cli *cli, const char *peer_id)
{
    CLI_FREE char *text = json_dumps(json_object_get(cli->config.root, "clusters"), 0);
    return text && strstr(text, peer_id);
}

void cli_forget_peer(struct cli *cli, const char *peer_id)
{
    struct arctic_error error;
    CLI_FREE char *id = strdup(peer_id);
    if (!id || !mentions(cli, id))
        return;
    cli->cluster_object = NULL;
    if (cli_config_change(&cli->config, true, cli_config_forget_peer, id, &error) < 0)
        note_failure(cli, "The peer is gone", &error);
}

void cli_follow_name(struct cli *cli, const char *peer_id, const char *name)
{
    struct arctic_error error;
    struct cli_renamed renamed = {.peer_id = peer_id, .name = name};
    if (!*name || !mentions(cli, peer_id))
        return;
    cli->cluster_object = NULL;
    if (cli_config_change(&cli->config, true, cli_config_rename_peer, &renamed, &error) < 0)
        note_failure(cli, "The peer has its name", &error);
}
