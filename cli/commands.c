/* All commands, in the order of the overview, and the flags that each of them takes. */
#include "cli/command.h"

#include <string.h>

const struct cli_group cli_groups[] = {
    {.title = "Start", .commands = cli_bootstrap_commands},
    {.title = "Peers",
     .word = "peers",
     .singular = "peer",
     .summary = "see, add, name and revoke peers",
     .about =
         "A peer is an agent as the cluster sees it. Agents become peers of each other by a handshake, in "
         "which both prove their keys and their licences.\n\n"
         "Wherever a PEER is taken, its id, a name that only it has, or the beginning of its id will do.",
     .commands = cli_peers_commands},
    {.title = "Services",
     .word = "services",
     .singular = "service",
     .summary = "see, create, change and delete services",
     .about = "A service is a directed link from a source peer, where traffic comes in, to a target peer, "
              "where it "
              "goes out. Its routes say which traffic it carries.\n\n"
              "Wherever a SERVICE is taken, its id, its name, or the beginning of its id will do.",
     .commands = cli_services_commands},
    {.title = "Routes",
     .word = "routes",
     .singular = "route",
     .summary = "see, add, change, delete and explain routes",
     .about =
         "Routes are the rules of a service: traffic from a network, to a network, or both. The most "
         "specific "
         "route wins: by source and destination, then by source, then by destination, longer prefixes first; "
         "of equally specific ones the one with the LOWER priority value.",
     .commands = cli_routes_commands},
    {.title = "Credentials",
     .word = "credentials",
     .singular = "credential",
     .summary = "see, make, revoke and rotate credentials of the API",
     .about =
         "Credentials are clients of the API: an id, a secret, and what they may do. They are made at any "
         "peer and "
         "work at all of them.\n\n"
         "When none is left, the recovery token will do, on the agent's own host: --recovery-token-file.",
     .commands = cli_credentials_commands},
    {.title = "Cluster",
     .word = "cluster",
     .summary = "see and synchronise the cluster",
     .about =
         "A cluster is the agents whose licences are of one customer and that have met. It has no "
         "centre: every agent knows the peers that it has met, and passes on to them what is theirs to do.",
     .commands = cli_cluster_commands},
    {.title = "Compose",
     .word = "compose",
     .summary = "keep a cluster as a file says",
     .about = "A compose file says which peers and services a cluster is to have. It is kept under version "
              "control, reviewed, "
              "and applied: the recommended way to manage Arctic. Run by the program arctic-compose.",
     .commands = cli_compose_commands},
    {.title = "Licences",
     .word = "license",
     .singular = "licence",
     .summary = "see and renew the licence of an agent, or issue licences",
     .about =
         "A licence says whose cluster an agent belongs to, and how many peers and services that cluster may "
         "have. Whoever builds Arctic may be its own issuer.",
     .commands = cli_license_commands},
    {.title = "Settings of this command",
     .word = "config",
     .summary = "see and change the settings of this command",
     .about = "The configuration file holds, for each cluster, the credentials and the endpoints of its "
              "peers, and "
              "preferences of this command. It is kept for its owner alone (mode 0600).",
     .commands = cli_config_commands},
    {.title = "Other", .commands = cli_health_commands},
    {.title = "Shells", .commands = cli_completion_commands},
    {.title = NULL},
};

const struct cli_flag cli_global_flags[] = {
    {.name = "url",
     .value = "URL",
     .kind = CLI_KIND_URL,
     .help = "agent to talk to, such as http://10.0.1.10:8080, instead of the cluster's peers"},
    {.name = "config",
     .value = "FILE",
     .kind = CLI_KIND_FILE,
     .help = "configuration file (default: $ARCTIC_CONFIG, or ~/.config/arctic/config.yaml)"},
    {.name = "cluster",
     .value = "CLUSTER",
     .kind = CLI_KIND_CLUSTER,
     .help = "cluster of the configuration file to use: its id, its name, or the name of a peer in it"},
    {.name = "peer",
     .value = "PEER",
     .kind = CLI_KIND_PEER,
     .help = "peer that is to carry it out, by way of the agent that is asked"},
    {.name = "output",
     .letter = 'o',
     .value = "FORMAT",
     .kind = CLI_KIND_WORDS,
     .words = "table json yaml",
     .help = "table, json or yaml"},
    {.name = "json", .letter = 'j', .help = "the same as --output json"},
    {.name = "timeout",
     .value = "TIME",
     .help = "give up after this long: seconds, or with a unit: 500ms, 30s, 2m (default 30s)"},
    {.name = "recovery-token-file",
     .value = "FILE",
     .kind = CLI_KIND_FILE,
     .help = "use the agent's recovery token (RUN_DIR/recovery.token on its host) in place of credentials, "
             "\"-\" for stdin; asks the agent of this host (http://127.0.0.1:8080) unless --url or --cluster "
             "says "
             "otherwise"},
    {.name = "no-color", .help = "no colours"},
    {.name = "quiet", .letter = 'q', .help = "data only: no legends, confirmations and hints"},
    {.name = "verbose", .letter = 'v', .help = "tell on stderr what is done"},
    {.name = "help", .letter = 'h', .help = "explain a command"},
    {.name = "version", .help = "print the version"},
    {.name = NULL},
};

void cli_commands_visit(bool (*visit)(const struct cli_command *command, void *context), void *context)
{
    for (const struct cli_group *group = cli_groups; group->title; group++) {
        for (const struct cli_command *command = group->commands; command->path; command++) {
            if (!visit(command, context))
                return;
        }
    }
}

struct search {
    const char *text;
    const struct cli_command *found;
};

static bool is_path(const struct cli_command *command, void *context)
{
    struct search *search = context;
    if (strcmp(command->path, search->text) != 0)
        return true;
    search->found = command;
    return false;
}

const struct cli_command *cli_command_find(const char *path)
{
    struct search search = {.text = path};
    cli_commands_visit(is_path, &search);
    return search.found;
}

bool cli_command_is_under(const struct cli_command *command, const char *word)
{
    size_t length = strlen(word);
    return length == 0 || (strncmp(command->path, word, length) == 0 && command->path[length] == ' ');
}

static bool is_in_group(const struct cli_command *command, void *context)
{
    struct search *search = context;
    if (!cli_command_is_under(command, search->text))
        return true;
    search->found = command;
    return false;
}

bool cli_command_is_group(const char *word)
{
    struct search search = {.text = word};
    cli_commands_visit(is_in_group, &search);
    return search.found != NULL;
}

const char *cli_command_plain_word(const char *word)
{
    for (const struct cli_group *group = cli_groups; group->title; group++) {
        if (group->singular && strcmp(group->singular, word) == 0)
            return group->word;
    }
    return word;
}

const struct cli_flag *cli_flag_find(const struct cli_flag *list, const char *name, size_t length,
                                     char letter)
{
    for (; list && list->name; list++) {
        if (name && strlen(list->name) == length && memcmp(list->name, name, length) == 0)
            return list;
        if (letter && list->letter == letter)
            return list;
    }
    return NULL;
}
