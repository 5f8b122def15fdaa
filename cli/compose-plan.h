/* Plans for people. */
#ifndef CLI_COMPOSE_PLAN_H
#define CLI_COMPOSE_PLAN_H

#include "cli/cli.h"

/* Prints a plan as arctic_compose_plan_json() gives it; `name` is that of the file. */
void cli_compose_plan_print(FILE *stream, const json_t *plan, const char *name);

#endif
