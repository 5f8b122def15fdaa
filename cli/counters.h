/* What services and routes carry, for people: sizes in units that fit. */
#ifndef CLI_COUNTERS_H
#define CLI_COUNTERS_H

#include "cli/support.h"

/* "512 B", "1.5 KiB", "3.0 GiB": the largest unit of which there is one or more. To be freed; NULL when memory runs out. */
char *cli_size_text(int64_t bytes);

/* The members of a service, without its counters where it has some. */
int cli_print_service(FILE *stream, const json_t *service, struct arctic_error *error);

/* The counters of a service; nothing where it has none. */
int cli_print_counters(FILE *stream, const json_t *service, struct arctic_error *error);

/* A table of routes with their counters. */
int cli_print_counted_routes(FILE *stream, const json_t *routes, struct arctic_error *error);

#endif
