/* arctic config: the settings of this command itself. */
#include "cli/cmd-config-add.h"
#include "cli/preferences.h"

#include <string.h>

/* What is shown never holds a secret. */
static void hide_secrets(json_t *value)
{
    const char *name;
    json_t *member;
    for (size_t i = 0; i < json_array_size(value); i++)
        hide_secrets(json_array_get(value, i));
    json_object_foreach(value, name, member)
    {
        if (strcmp(name, "client_secret") == 0 && json_is_string(member))
            json_string_set(member, "(hidden)");
        else
            hide_secrets(member);
    }
}

static int run_view(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    (void)arguments;
    CLI_JSON *shown = json_deep_copy(cli->config.root);
    if (!shown)
        return cli_fail_memory(error);
    hide_secrets(shown);
    enum cli_format format = cli->format == CLI_FORMAT_JSON ? CLI_FORMAT_JSON : CLI_FORMAT_YAML;
    return cli_print_value(stdout, format, shown, error);
}

static int run_path(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    (void)arguments;
    bool done = false;
    CLI_JSON *value = json_pack("{s:s}", "path", cli->config.path);
    if (!value)
        return cli_fail(error, ARCTIC_E_SYSTEM, "the path of the configuration file is no valid UTF-8");
    int code = cli_print_unless_table(cli, value, &done, error);
    if (code == ARCTIC_OK && !done)
        puts(cli->config.path);
    return code;
}

/* "agent-a, agent-b": what a person knows a cluster by. */
static char *peer_names(const struct cli *cli, const char *cluster_id)
{
    const json_t *cluster = json_object_get(json_object_get(cli->config.root, "clusters"), cluster_id);
    const json_t *peers = json_object_get(cluster, "peers");
    char *names = strdup("");
    for (size_t i = 0; names && i < json_array_size(peers); i++) {
        CLI_FREE char *before = names;
        const char *name = cli_json_text(json_array_get(peers, i), "name");
        names = cli_format("%s%s%s", before, *before && *name ? ", " : "", name);
    }
    return names;
}

static int run_clusters(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    (void)arguments;
    struct cli_table table = {.table = NULL};
    CLI_JSON *list = json_array();
    const char *current = cli_json_text(cli->config.root, "current_cluster");
    const char *id;
    json_t *cluster;
    bool done = false;
    if (!list)
        return cli_fail_memory(error);
    json_object_foreach(json_object_get(cli->config.root, "clusters"), id, cluster)
    {
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:b}", "id", id, "cluster_id",
                                              cli_json_text(cluster, "cluster_id"), "name",
                                              cli_json_text(cluster, "name"), "customer_id",
                                              cli_json_text(cluster, "customer_id"), "current",
                                              strcmp(id, current) == 0));
    }
    int code = cli_print_unless_table(cli, list, &done, error);
    if (code < 0 || done)
        return code;
    cli_table_begin(&table, (const char *const[]){"CURRENT", "ID", "NAME", "PEERS", "CUSTOMER", NULL}, true);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *row = json_array_get(list, i);
        CLI_FREE char *peers = peer_names(cli, cli_json_text(row, "id"));
        cli_table_row(&table, (const char *[]){json_is_true(json_object_get(row, "current")) ? "*" : "",
                                               cli_json_text(row, "id"), cli_json_text(row, "name"),
                                               peers ? peers : "", cli_json_text(row, "customer_id")});
    }
    return cli_table_end(&table, stdout, error);
}

/* By the name of a peer is meant the cluster that it is in, and this peer in it. */
static int run_use_cluster(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    const char *wanted = arguments->operands[0];
    json_t *cluster = NULL;
    int code = cli_config_cluster(&cli->config, wanted, &cluster, error);
    if (code == ARCTIC_OK && !cluster)
        code = cli_fail_usage(error, "the name of a cluster is empty");
    if (code < 0)
        return code;
    const char *peer_id = cli_config_peer_named(cluster, wanted);
    CLI_FREE char *key = strdup(cli_config_key(&cli->config, cluster));
    CLI_FREE char *peer = peer_id ? strdup(peer_id) : NULL;
    struct cli_choice choice = {.key = key, .peer_id = peer, .current = true};
    if (!key || (peer_id && !peer))
        return cli_fail_memory(error);
    code = cli_config_change(&cli->config, true, cli_config_set_current, &choice, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "The current cluster is %s%s%s.", key, peer ? ", by way of " : "", peer ? wanted : "");
    return code;
}

/* A name that means another entry, or a peer in one, would mean neither. */
static int check_cluster_name(const struct cli *cli, const json_t *cluster, const char *name,
                              struct arctic_error *error)
{
    json_t *other = NULL;
    struct arctic_error unknown;
    int code = *name ? cli_config_cluster(&cli->config, name, &other, &unknown) : ARCTIC_E_NOT_FOUND;
    if (code == ARCTIC_E_NOT_FOUND || (code == ARCTIC_OK && other == cluster))
        return ARCTIC_OK;
    return cli_fail(error, ARCTIC_E_ALREADY_EXISTS,
                    "'%.80s' stands for another entry of 'arctic config clusters', or a peer in it", name);
}

static int run_name_cluster(struct cli *cli, const struct cli_arguments *arguments,
                            struct arctic_error *error)
{
    json_t *cluster = NULL;
    if (arguments->operand_count < 2)
        return cli_fail_usage(error, "'config name-cluster' needs a cluster and its name, \"\" for none");
    const char *name = arguments->operands[1];
    int code = cli_config_cluster(&cli->config, arguments->operands[0], &cluster, error);
    if (code == ARCTIC_OK && !cluster)
        code = cli_fail_usage(error, "the cluster to be named is empty");
    if (code == ARCTIC_OK)
        code = check_cluster_name(cli, cluster, name, error);
    if (code < 0)
        return code;
    CLI_FREE char *key = strdup(cli_config_key(&cli->config, cluster));
    struct cli_cluster_name named = {.key = key, .name = name};
    if (!key)
        return cli_fail_memory(error);
    code = cli_config_change(&cli->config, true, cli_config_name_cluster, &named, error);
    if (code == ARCTIC_OK && *name)
        cli_note(cli, "Cluster %s is called %s in %s.", key, name, cli->config.path);
    else if (code == ARCTIC_OK)
        cli_note(cli, "Cluster %s has no name in %s.", key, cli->config.path);
    return code;
}

static int run_use_peer(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    json_t *cluster = NULL;
    const json_t *peer = NULL;
    int code = cli_config_cluster(&cli->config, cli->cluster, &cluster, error);
    if (code == ARCTIC_OK && !cluster)
        code = cli_fail_usage(error, "%s has no current cluster: give --cluster", cli->config.path);
    if (code == ARCTIC_OK)
        code =
            cli_resolve_in(json_object_get(cluster, "peers"), "peer", arguments->operands[0], &peer, error);
    if (code < 0)
        return code;
    CLI_FREE char *key = strdup(cli_config_key(&cli->config, cluster));
    CLI_FREE char *id = strdup(cli_json_text(peer, "peer_id"));
    CLI_FREE char *name = strdup(cli_json_text(peer, "name"));
    struct cli_choice choice = {.key = key, .peer_id = id};
    if (!key || !id || !name)
        return cli_fail_memory(error);
    code = cli_config_change(&cli->config, true, cli_config_set_current, &choice, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "Commands for cluster %s go to %s first.", key, *name ? name : id);
    return code;
}

static int run_set(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    const char *text = arguments->operands[1];
    CLI_JSON *value = NULL;
    struct cli_preference preference = {.name = arguments->operands[0]};
    if (arguments->operand_count < 2)
        return cli_fail_usage(error, "'config set' needs a value for %.40s, \"\" for its default",
                              preference.name);
    /* The name is checked in any case. */
    int code = cli_preference_check(preference.name, error);
    if (code == ARCTIC_OK && *text)
        code = cli_preference_parse(preference.name, text, &value, error);
    if (code < 0)
        return code;
    preference.value = value;
    code = cli_config_change(&cli->config, true, cli_config_set_preference, &preference, error);
    if (code == ARCTIC_OK)
        cli_note(cli, *text ? "%s is %s now." : "%s has its default again.", preference.name, text);
    return code;
}

static const struct cli_flag add_flags[] = {
    {.name = "credential-file",
     .value = "FILE",
     .kind = CLI_KIND_FILE,
     .help = "client_id and client_secret, as 'credentials create --out' writes them, \"-\" for stdin "
             "(default: what "
             "the file has for the agent's cluster)"},
    {.name = "fingerprint",
     .value = "SHA256",
     .help = "what https has to show at --url, as the agent's log has it (default: what it shows now)"},
    {.name = NULL},
};

const struct cli_command cli_config_commands[] = {
    {.path = "config view",
     .summary = "show the configuration file, without its secrets",
     .about = "Shows the configuration file with its secrets hidden, as YAML, or as JSON with -j.",
     .examples = "arctic config view\n",
     .run = run_view},
    {.path = "config path",
     .summary = "print where the configuration file is",
     .about = "Prints the path of the configuration file: --config, $ARCTIC_CONFIG, "
              "$XDG_CONFIG_HOME/arctic/config.yaml, or ~/.config/arctic/config.yaml.",
     .examples = "arctic config path\n",
     .needs_no_config = true,
     .run = run_path},
    {.path = "config clusters",
     .summary = "list the clusters of the configuration file",
     .about = "Lists what this command has credentials for, an entry for each agent that it has "
              "bootstrapped. Agents "
              "that are peers are of one cluster, whose id an entry shows as 'cluster_id' (--json); ID is "
              "the one that "
              "the agent began with.",
     .examples = "arctic config clusters\n",
     .run = run_clusters},
    {.path = "config add-agent",
     .summary = "take an agent into the configuration file",
     .about = "Takes an agent that is bootstrapped already into the configuration file: with a credential "
              "that somebody "
              "made for you, by another endpoint of an agent that is there, or with its new fingerprint. The "
              "credential "
              "is tried first. A cluster that is new to the file becomes the current one.",
     .examples =
         "arctic config add-agent --url https://10.0.1.10:8443 --credential-file credential.json\n"
         "arctic config add-agent --url https://10.0.2.10:8443      # with the credential of its cluster\n",
     .flags = add_flags,
     .run = cli_run_config_add},
    {.path = "config use-cluster",
     .summary = "make a cluster the current one",
     .operands = "CLUSTER",
     .operand_kind = CLI_KIND_CLUSTER,
     .operands_min = 1,
     .operands_max = 1,
     .about = "Makes a cluster of the configuration file the one that is used without --cluster: by its id, "
              "its name, "
              "or the name of a peer in it, which is asked first from then on.",
     .examples = "arctic config use-cluster clu_01JD2Q4Y7M8N9P0QRSTVWXYZ12\n"
                 "arctic config use-cluster agent-a\n",
     .run = run_use_cluster},
    {.path = "config name-cluster",
     .summary = "give a cluster a name here",
     .operands = "CLUSTER NAME",
     .operand_kind = CLI_KIND_CLUSTER,
     .operands_min = 1,
     .operands_max = 2,
     .about =
         "Gives a cluster of the configuration file a name for --cluster and 'config use-cluster', which the "
         "agents do not know; an empty one takes it back. Needed where peers of two clusters have one name.",
     .examples = "arctic config name-cluster clu_01JD2Q4Y7M8N9P0QRSTVWXYZ12 production\n"
                 "arctic config name-cluster production \"\"      # no name again\n",
     .run = run_name_cluster},
    {.path = "config use-peer",
     .summary = "ask a peer of the current cluster first",
     .operands = "PEER",
     .operand_kind = CLI_KIND_CONFIG_PEER,
     .operands_min = 1,
     .operands_max = 1,
     .about = "Makes a peer of the current cluster (or of --cluster) the one that is asked first; the others "
              "stand in "
              "while it is away. The peers of a cluster are shown by 'config view'.",
     .examples = "arctic config use-peer agent-b\n",
     .run = run_use_peer},
    {.path = "config set",
     .summary = "set a preference",
     .operands = "NAME VALUE",
     .operand_kind = CLI_KIND_PREFERENCE,
     .operands_min = 1,
     .operands_max = 2,
     .about = "Sets a preference; an empty value takes it back. output_format: table, json or yaml. timeout: "
              "as --timeout. "
              "cache_ttl: seconds for which completion keeps what it has asked an agent (default 30, 0: not "
              "at all). "
              "color: auto or never. backup_retention: old copies of the configuration file that are kept "
              "beside it as "
              "config.yaml.1, .2 and so on (default 3).",
     .examples = "arctic config set output_format json\n"
                 "arctic config set timeout 10s\n"
                 "arctic config set timeout \"\"      # the default again\n",
     .run = run_set},
    {.path = NULL},
};
