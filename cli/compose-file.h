/* Compose files on disk: reading with all their faults told, writing in place. */
#ifndef CLI_COMPOSE_FILE_H
#define CLI_COMPOSE_FILE_H

#include <arctic/compose.h>

#include "cli/cli.h"

#define CLI_COMPOSE_DEFAULT "cluster.yaml"

struct cli_compose_file {
    const char *path; /* as it was given, "-" for stdin */
    const char *name; /* for messages */
    char *text;
    struct arctic_compose *compose;
};

void cli_compose_file_release(struct cli_compose_file *file);

/* The file that the operand or --file names, NULL without either. Errors: ARCTIC_E_USAGE where both do. */
int cli_compose_file_given(const struct cli_arguments *arguments, const char **ret_path,
                           struct arctic_error *error);

/*
 * Reads the file that was given, faults and all. Errors: ARCTIC_E_USAGE, ARCTIC_E_SYSTEM, ARCTIC_E_LIMIT,
 * ARCTIC_E_NO_MEMORY.
 */
int cli_compose_file_read(const struct cli_arguments *arguments, struct cli_compose_file *ret_file,
                          struct arctic_error *error);

/* Prints each fault as "file:line:column: message". Errors: ARCTIC_E_INVALID_REQUEST where there is one. */
int cli_compose_file_check(const struct cli_compose_file *file, struct arctic_error *error);

/* The faults as JSON: [{"file", "line", "column", "message"}]. NULL when memory runs out. */
json_t *cli_compose_file_faults(const struct cli_compose_file *file);

/* The path of the file's licence, relative to where this command runs; to be freed, NULL where it names none. */
char *cli_compose_file_license(const struct cli_compose_file *file);

#endif
