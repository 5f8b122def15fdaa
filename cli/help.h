/* Help from the table of commands. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "cli/arguments.h"

/* Explains the command, the group, or all of it, as far as `arguments` name one. */
void cli_help_print(FILE *stream, const struct cli_arguments *arguments);

#endif
