/* The function behind a row of cmd-routes.c. */
#ifndef CLI_CMD_EXPLAIN_H
#define CLI_CMD_EXPLAIN_H

#include "cli/cli.h"

int cli_run_explain(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error);

#endif
