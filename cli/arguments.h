/* Parsing of the command line against the table of commands. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include "cli/command.h"

struct cli_arguments {
    const struct cli_command *command; /* NULL: none was named */
    int first_word;                    /* index in argv of the command's first word */
    char group[32];                    /* first word of an unfinished command such as "services", else "" */
    struct {
        const struct cli_flag *flag;
        const char *value; /* NULL for a switch that is on */
    } flags[CLI_FLAGS_MAX];
    size_t flag_count;
    const char *operands[CLI_POSITIONALS_MAX];
    unsigned operand_count;
};

/*
 * Parses argv[1..]. Texts point into argv. Global flags may stand anywhere, flags of a command after it;
 * "--" ends the flags. `--help` and `--version` are flags like others; a command that was not finished or whose
 * operands are missing is only an error without them. Errors: ARCTIC_E_USAGE, with a near miss where there is
 * one.
 */
int cli_arguments_parse(int argc, char **argv, struct cli_arguments *ret_arguments,
                        struct arctic_error *error);

/* Value of a flag, NULL where it was not given. */
const char *cli_flag_text(const struct cli_arguments *arguments, const char *name);

/* Whether a switch is on. */
bool cli_flag_on(const struct cli_arguments *arguments, const char *name);

/* Whether a flag was given at all. */
bool cli_flag_given(const struct cli_arguments *arguments, const char *name);

/* Value of a flag that must be there. Errors: ARCTIC_E_USAGE. */
int cli_flag_required(const struct cli_arguments *arguments, const char *name, const char **ret_text,
                      struct arctic_error *error);

/* Reads a number; absent leaves *ret_number as it was. Errors: ARCTIC_E_USAGE. */
int cli_flag_number(const struct cli_arguments *arguments, const char *name, int64_t *ret_number,
                    struct arctic_error *error);

#endif
