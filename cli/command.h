/*
 * The table of commands: from one row come parsing, help and (later) completion and manual pages. A file per
 * group of commands holds its rows and the functions behind them.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/support.h"

#define CLI_FLAGS_MAX 32
#define CLI_POSITIONALS_MAX 4

struct cli;
struct cli_arguments;

struct cli_flag {
    const char *name;  /* without the dashes; NULL ends a list */
    char letter;       /* short form, 0: none */
    const char *value; /* what the help calls its value; NULL: a switch, which takes =true and =false */
    const char *help;
};

struct cli_command {
    const char *path;     /* "services create"; NULL ends a list */
    const char *operands; /* "SERVICE", "" for none */
    unsigned operands_min;
    unsigned operands_max;
    const char *summary; /* one line */
    const char *help;    /* what there is to know, and examples */
    const struct cli_flag *flags;
    int (*run)(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error);
};

/* A group of commands with a word in common, or single commands. */
struct cli_group {
    const char *title; /* for the overview */
    const struct cli_command *commands;
};

extern const struct cli_group cli_groups[]; /* ended by a NULL title */
extern const struct cli_flag cli_global_flags[];

extern const struct cli_command cli_bootstrap_commands[];
extern const struct cli_command cli_health_commands[];
extern const struct cli_command cli_peers_commands[];
extern const struct cli_command cli_services_commands[];
extern const struct cli_command cli_routes_commands[];
extern const struct cli_command cli_license_commands[];
extern const struct cli_command cli_config_commands[];

/* Calls `visit` for each command until it returns false. */
void cli_commands_visit(bool (*visit)(const struct cli_command *command, void *context), void *context);

/* Command of an exact path, NULL where there is none. */
const struct cli_command *cli_command_find(const char *path);

/* Whether `word` is the first word of some longer path. */
bool cli_command_is_group(const char *word);

#endif
