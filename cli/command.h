/*
 * The table of commands: from one row come parsing, help, completion and the manual pages. A file per group of
 * commands holds its rows and the functions behind them.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/support.h"

#define CLI_FLAGS_MAX 32
#define CLI_POSITIONALS_MAX 4

struct cli;
struct cli_arguments;

/* What an operand or the value of a flag is, so that completion knows what to offer for it. */
enum cli_kind {
    CLI_KIND_TEXT = 0,  /* anything: nothing to offer */
    CLI_KIND_WORDS = 1, /* one of `words` */
    CLI_KIND_FILE = 2,
    CLI_KIND_URL = 3,  /* endpoints of the configuration file */
    CLI_KIND_PEER = 4, /* id or name, asked of an agent, as are the next three */
    CLI_KIND_SERVICE = 5,
    CLI_KIND_CREDENTIAL = 6,
    CLI_KIND_ROUTE = 7,       /* number of a route of --service */
    CLI_KIND_CLUSTER = 8,     /* of the configuration file */
    CLI_KIND_CONFIG_PEER = 9, /* peer of the current cluster in the configuration file */
    CLI_KIND_SCOPES = 10,     /* `words` with commas between */
    CLI_KIND_PREFERENCE = 11, /* name of a preference, then its value */
};

struct cli_flag {
    const char *name;  /* without the dashes; NULL ends a list */
    const char *value; /* what the help calls its value; NULL: a switch, which takes =true and =false */
    const char *help;  /* one line */
    const char *words; /* CLI_KIND_WORDS and _SCOPES: what to offer, with blanks between */
    enum cli_kind kind;
    char letter; /* short form, 0: none */
    bool required;
};

struct cli_command {
    const char *path;     /* "services create"; NULL ends a list */
    const char *summary;  /* one line without a full stop */
    const char *operands; /* what the help calls them: "SERVICE"; NULL for none */
    const char *words;    /* of operands of CLI_KIND_WORDS */
    enum cli_kind operand_kind;
    unsigned operands_min;
    unsigned operands_max;
    const char *about;    /* what there is to know: paragraphs, an empty line between them, not wrapped */
    const char *examples; /* command lines, each ended by a newline; tests parse them */
    const struct cli_flag *flags;
    bool needs_no_config; /* does its work also where the configuration file cannot be read */
    int (*run)(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error);
};

/* Commands with a first word in common, or single commands. */
struct cli_group {
    const char *title;    /* for the overview */
    const char *word;     /* first word that its commands have in common; NULL: none */
    const char *singular; /* another form of `word`; NULL: none */
    const char *summary;  /* what the commands of `word` are for, one line without a full stop */
    const char *about;    /* opens the manual page of `word`, as `about` of a command */
    const struct cli_command *commands;
};

extern const struct cli_group cli_groups[]; /* ended by a NULL title */
extern const struct cli_flag cli_global_flags[];

extern const struct cli_command cli_bootstrap_commands[];
extern const struct cli_command cli_health_commands[];
extern const struct cli_command cli_peers_commands[];
extern const struct cli_command cli_services_commands[];
extern const struct cli_command cli_routes_commands[];
extern const struct cli_command cli_credentials_commands[];
extern const struct cli_command cli_cluster_commands[];
extern const struct cli_command cli_compose_commands[];
extern const struct cli_command cli_license_commands[];
extern const struct cli_command cli_config_commands[];
extern const struct cli_command cli_completion_commands[];

/* The switch of commands that ask before they destroy; goes with cli_confirm(). */
#define CLI_FLAG_YES                                                                                         \
    {                                                                                                        \
        .name = "yes", .letter = 'y', .help = "do not ask"                                                   \
    }

/* Calls `visit` for each command until it returns false. */
void cli_commands_visit(bool (*visit)(const struct cli_command *command, void *context), void *context);

/* Command of an exact path, NULL where there is none. */
const struct cli_command *cli_command_find(const char *path);

/* Whether a command's path begins with `word` and goes on after it; an empty word begins every path. */
bool cli_command_is_under(const struct cli_command *command, const char *word);

/* Whether `word` is the first word of some longer path. */
bool cli_command_is_group(const char *word);

/* The first word that `word` stands for: "peers" of "peer"; `word` itself where it is no other form. */
const char *cli_command_plain_word(const char *word);

/* Flag of a list by its name (of `length` bytes, or NULL) or its letter (or 0); NULL where there is none. */
const struct cli_flag *cli_flag_find(const struct cli_flag *list, const char *name, size_t length,
                                     char letter);

#endif
