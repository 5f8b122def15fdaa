/* Data for stdout: tables for people, JSON and YAML for programs. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include "cli/support.h"

enum cli_format {
    CLI_FORMAT_TABLE = 0,
    CLI_FORMAT_JSON = 1,
    CLI_FORMAT_YAML = 2,
};

/* "table", "json", "yaml". Errors: ARCTIC_E_USAGE. */
int cli_format_parse(const char *text, enum cli_format *ret_format, struct arctic_error *error);

/* Prints a value as JSON or YAML. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int cli_print_value(FILE *stream, enum cli_format format, const json_t *value, struct arctic_error *error);

/* A table with a header line; column names end with NULL. Zero-initialised it is to be begun. */
struct cli_table {
    struct libscols_table *table;
    size_t columns;
    bool failed;
};

void cli_table_begin(struct cli_table *table, const char *const *columns, bool header);

/* Adds a row of as many texts as there are columns. Control characters are shown harmless. */
void cli_table_row(struct cli_table *table, const char *const *cells);

/* Prints and ends the table. Errors: ARCTIC_E_NO_MEMORY. */
int cli_table_end(struct cli_table *table, FILE *stream, struct arctic_error *error);

/* "name  value" lines for each member of an object, nested ones as "qos.rtt_ms"; arrays of objects are left out. */
int cli_print_members(FILE *stream, const json_t *object, struct arctic_error *error);

/* A table of objects: a column for each of `members`, of which there are as many as `columns`, at most 16. */
int cli_print_objects(FILE *stream, const json_t *objects, const char *const *members,
                      const char *const *columns, struct arctic_error *error);

/* Text of a scalar for people: "-" for null and absent; to be freed, NULL when memory runs out. */
char *cli_scalar_text(const json_t *value);

#endif
