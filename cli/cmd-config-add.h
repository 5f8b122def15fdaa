/* The function behind a row of cmd-config.c. */
#ifndef CLI_CMD_CONFIG_ADD_H
#define CLI_CMD_CONFIG_ADD_H

#include "cli/cli.h"

int cli_run_config_add(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error);

#endif
