/* arctic config add-agent: takes an agent that is bootstrapped already into the configuration file. */
#include "cli/cmd-config-add.h"

#include <string.h>

#include "cli/yaml.h"

#define CREDENTIAL_MAX 65536

/* What `credentials create` prints as JSON or YAML, or a file with these two members of it. */
static int read_credential(const char *path, json_t **ret_credential, struct arctic_error *error)
{
    CLI_SECRET *text = NULL;
    CLI_JSON *value = NULL;
    const char *name = strcmp(path, "-") == 0 ? "the input" : path;
    int code = cli_read_file(path, CREDENTIAL_MAX, &text, error);
    if (code == ARCTIC_OK)
        code = cli_yaml_parse(text, strlen(text), name, &value, error);
    if (code < 0)
        return code;
    if (!*cli_json_text(value, "client_id") || !*cli_json_text(value, "client_secret"))
        return cli_fail(
            error, ARCTIC_E_CORRUPT,
            "%.200s holds no credential: client_id and client_secret, as 'arctic credentials create "
            "--out FILE' writes them",
            name);
    *ret_credential = cli_steal(value);
    return ARCTIC_OK;
}

static int ask_identity(struct cli *cli, const char *fingerprint, json_t **ret_identity, char **ret_endpoint,
                        struct arctic_error *error)
{
    CLI_CLIENT *client = NULL;
    CLI_SECRET *answer = NULL;
    const char *const endpoints[] = {cli->url, NULL};
    const char *const fingerprints[] = {fingerprint, NULL};
    struct arctic_client_options options = {.size = sizeof options,
                                            .endpoints = endpoints,
                                            .fingerprints = fingerprints,
                                            .timeout_ms = cli->timeout_ms};
    int code = arctic_client_create(&options, &client, error);
    if (code == ARCTIC_OK)
        code = arctic_client_request(client, "GET", "/v1/cluster/identity", NULL, NULL, &answer, error);
    if (code == ARCTIC_OK)
        code = cli_parse_answer(answer, ret_identity, error);
    if (code < 0)
        return code;
    if (!*cli_json_text(*ret_identity, "cluster_id") || !*cli_json_text(*ret_identity, "peer_id"))
        return cli_fail(error, ARCTIC_E_PROTOCOL, "%s does not say which peer and cluster it is", cli->url);
    *ret_endpoint = strdup(arctic_client_endpoint(client));
    return *ret_endpoint ? ARCTIC_OK : cli_fail_memory(error);
}

/*
 * A credential of the file goes to no stranger: the agents of the cluster that the file knows say which key is the peer's,
 * which its identity key has signed.
 */
static int check_vouched(struct cli *cli, const struct cli_bootstrap_result *result,
                         struct arctic_error *error)
{
    CLI_JSON *peer = NULL;
    CLI_FREE char *path = cli_path("/v1/peers/%s", result->peer_id);
    const char *url = cli->url;
    cli->url = NULL;
    cli->cluster = result->key;
    struct arctic_error told = {0};
    int code = cli_request(cli, "GET", path, NULL, &peer, &told);
    arctic_client_free(cli->client);
    cli->client = NULL;
    cli->url = url;
    if (code < 0)
        return cli_fail(error, code, "nobody vouches for the key of %.150s, give --fingerprint: %.250s", url,
                        told.message);
    const char *known = cli_json_text(peer, "api_fingerprint");
    if (strcmp(known, result->fingerprint) == 0)
        return ARCTIC_OK;
    return cli_fail(error, ARCTIC_E_UNTRUSTED,
                    "%.150s shows the key %s, and its cluster knows the peer by %s", url, result->fingerprint,
                    *known ? known : "none");
}

/* Tries the credential. The name of the peer stays NULL where the credential may not see it. */
static int try_credential(struct cli *cli, const struct cli_bootstrap_result *result, char **ret_name,
                          struct arctic_error *error)
{
    CLI_CLIENT *client = NULL;
    CLI_SECRET *answer = NULL;
    CLI_JSON *peers = NULL;
    const char *const endpoints[] = {result->endpoint, NULL};
    const char *const fingerprints[] = {result->fingerprint, NULL};
    struct arctic_client_options options = {.size = sizeof options,
                                            .endpoints = endpoints,
                                            .fingerprints = fingerprints,
                                            .client_id = result->client_id,
                                            .client_secret = result->client_secret,
                                            .timeout_ms = cli->timeout_ms};
    int code = arctic_client_create(&options, &client, error);
    if (code == ARCTIC_OK) {
        cli_warn_of_exposure(result->endpoint, "credentials");
        code = arctic_client_request(client, "GET", "/v1/peers?is_local=true", NULL, NULL, &answer, error);
    }
    if (code == ARCTIC_E_FORBIDDEN)
        return ARCTIC_OK;
    if (code == ARCTIC_E_UNAUTHORIZED) {
        struct arctic_error told = *error;
        return cli_fail(error, told.code, "%.200s does not take the credential %.40s: %.200s",
                        result->endpoint, result->client_id, told.message);
    }
    if (code == ARCTIC_OK)
        code = cli_parse_answer(answer, &peers, error);
    if (code < 0)
        return code;
    const json_t *self = json_array_get(json_object_get(peers, "peers"), 0);
    *ret_name = strdup(cli_json_text(self, "name"));
    return *ret_name ? ARCTIC_OK : cli_fail_memory(error);
}

/* The credential given, else the one that the file has for this cluster; a copy, since the file is read again later. */
static int choose_credential(const struct cli *cli, json_t **credential, struct cli_bootstrap_result *result,
                             struct arctic_error *error)
{
    const json_t *clusters = json_object_get(cli->config.root, "clusters");
    if (!*credential && result->key)
        *credential = json_deep_copy(json_object_get(clusters, result->key));
    result->client_id = cli_json_text(*credential, "client_id");
    result->client_secret = cli_json_text(*credential, "client_secret");
    if (*result->client_id && *result->client_secret)
        return ARCTIC_OK;
    return cli_fail_usage(error, "%s has no credential for cluster %.40s: give --credential-file",
                          cli->config.path, result->cluster_id);
}

static int show(struct cli *cli, const struct cli_bootstrap_result *result, struct arctic_error *error)
{
    bool done = false;
    CLI_JSON *shown =
        json_pack("{s:s, s:s, s:s*, s:s, s:s*, s:s}", "cluster_id", result->cluster_id, "peer_id",
                  result->peer_id, "name", result->peer_name, "endpoint", result->endpoint, "fingerprint",
                  result->fingerprint, "client_id", result->client_id);
    if (!shown)
        return cli_fail_memory(error);
    int code = cli_print_unless_table(cli, shown, &done, error);
    if (code == ARCTIC_OK && !done)
        code = cli_print_members(stdout, shown, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "The agent is in %s.%s", cli->config.path,
                 result->key ? "" : " Its cluster is the current one.");
    return code;
}

int cli_run_config_add(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    const char *file = cli_flag_text(arguments, "credential-file");
    char fingerprint[ARCTIC_FINGERPRINT_TEXT];
    CLI_JSON *credential = NULL;
    CLI_JSON *identity = NULL;
    CLI_FREE char *endpoint = NULL;
    CLI_FREE char *name = NULL;
    CLI_FREE char *key = NULL;
    if (!cli->url)
        return cli_fail_usage(error, "'config add-agent' needs --url");
    int code = file ? read_credential(file, &credential, error) : ARCTIC_OK;
    if (code == ARCTIC_OK)
        code = cli_learn_fingerprint(cli, cli_flag_text(arguments, "fingerprint"), fingerprint, error);
    if (code == ARCTIC_OK)
        code = ask_identity(cli, fingerprint, &identity, &endpoint, error);
    if (code < 0)
        return code;
    struct cli_bootstrap_result result = {.cluster_id = cli_json_text(identity, "cluster_id"),
                                          .peer_id = cli_json_text(identity, "peer_id"),
                                          .endpoint = endpoint,
                                          .fingerprint = *fingerprint ? fingerprint : NULL};
    const char *present = cli_config_find_key(&cli->config, result.cluster_id, result.peer_id);
    result.key = key = present ? strdup(present) : NULL;
    if (present && !key)
        return cli_fail_memory(error);
    code = choose_credential(cli, &credential, &result, error);
    if (code == ARCTIC_OK && !file && result.fingerprint && !cli_flag_given(arguments, "fingerprint"))
        code = check_vouched(cli, &result, error);
    if (code == ARCTIC_OK)
        code = try_credential(cli, &result, &name, error);
    result.peer_name = name;
    if (code == ARCTIC_OK)
        code = cli_config_change(&cli->config, true, cli_config_save_bootstrap, &result, error);
    return code < 0 ? code : show(cli, &result, error);
}
