/* The commands of compose, which are in two files. */
#ifndef CLI_CMD_COMPOSE_H
#define CLI_CMD_COMPOSE_H

#include "cli/cli.h"

#define CLI_COMPOSE_FILE_OPERAND .operands = "FILE", .operand_kind = CLI_KIND_FILE, .operands_max = 1

#define CLI_COMPOSE_FILE_FLAG                                                                                \
    {                                                                                                        \
        .name = "file", .letter = 'f', .value = "FILE", .kind = CLI_KIND_FILE,                               \
        .help = "names FILE (default cluster.yaml), \"-\" for stdin"                                         \
    }

int cli_compose_run_diff(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error);
int cli_compose_run_apply(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error);

#endif
