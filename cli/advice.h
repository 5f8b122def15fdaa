/* What to do about an error. */
#ifndef CLI_ADVICE_H
#define CLI_ADVICE_H

#include "cli/cli.h"

/* A line or two for people, static; NULL where the message says it all. */
const char *cli_advice(const struct cli *cli, const struct cli_arguments *arguments,
                       const struct arctic_error *error);

#endif
