/* The program behind 'arctic compose'. */
#ifndef CLI_COMPOSE_EXEC_H
#define CLI_COMPOSE_EXEC_H

#include "cli/support.h"

/* Becomes arctic-compose; `arguments` as for execv(). Returns only with an error: ARCTIC_E_SYSTEM. */
int cli_compose_exec(char *const *arguments, struct arctic_error *error);

#endif
