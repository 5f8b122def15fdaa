/* All commands, in the order of the overview, and the flags that each of them takes. */
#include "cli/command.h"

#include <string.h>

const struct cli_group cli_groups[] = {
    {"Start", cli_bootstrap_commands},   {"Peers", cli_peers_commands},
    {"Services", cli_services_commands}, {"Routes", cli_routes_commands},
    {"Licences", cli_license_commands},  {"Settings of this command", cli_config_commands},
    {"Other", cli_health_commands},      {.title = NULL},
};

const struct cli_flag cli_global_flags[] = {
    {"url", 0, "URL", "agent to talk to, such as http://10.0.1.10:8080, instead of the cluster's peers"},
    {"config", 0, "FILE", "configuration file (default: $ARCTIC_CONFIG, or ~/.config/arctic/config.yaml)"},
    {"cluster", 0, "CLUSTER",
     "cluster of the configuration file to use: its id, its name, or the name of a peer in it"},
    {"output", 'o', "FORMAT", "table, json or yaml"},
    {"json", 'j', NULL, "the same as --output json"},
    {"timeout", 0, "TIME", "give up after this long: seconds, or with a unit: 500ms, 30s, 2m (default 30s)"},
    {"no-color", 0, NULL, "no colours"},
    {"quiet", 'q', NULL, "data only: no legends, confirmations and hints"},
    {"verbose", 'v', NULL, "tell on stderr what is done"},
    {"help", 'h', NULL, "explain a command"},
    {"version", 0, NULL, "print the version"},
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

static bool is_in_group(const struct cli_command *command, void *context)
{
    struct search *search = context;
    size_t length = strlen(search->text);
    if (strncmp(command->path, search->text, length) != 0 || command->path[length] != ' ')
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
