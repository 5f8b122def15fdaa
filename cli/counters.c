/* Counters in a line; exact numbers are what --json is for. */
#include "cli/counters.h"

#include <stdlib.h>

#include "cli/output.h"
#include "cli/text.h"

char *cli_size_text(int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    size_t unit = 0;
    double size = (double)bytes / 1024;
    if (bytes < 1024)
        return cli_format("%lld B", (long long)bytes);
    /* What would be rounded to 1024.0 is one of the next unit. */
    for (; size >= 1023.95 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        size /= 1024;
    return cli_format("%.1f %s", size, units[unit]);
}

/* What a column shows of a row, which is a service or a route: a member of it, or of its counters. */
struct column {
    const char *name;
    const char *member;
    enum { OF_ROW, OF_COUNTERS, SIZE_OF_COUNTERS } kind;
};

#define COLUMNS_MAX 8

static char *cell_text(const struct column *column, const json_t *row)
{
    const json_t *from = column->kind == OF_ROW ? row : json_object_get(row, "counters");
    const json_t *value = json_object_get(from, column->member);
    if (column->kind == SIZE_OF_COUNTERS && json_is_integer(value))
        return cli_size_text(json_integer_value(value));
    return cli_scalar_text(value);
}

static void add_row(struct cli_table *table, const struct column *columns, const json_t *row)
{
    char *cells[COLUMNS_MAX] = {NULL};
    for (size_t i = 0; i < table->columns; i++) {
        cells[i] = cell_text(&columns[i], row);
        if (!cells[i])
            table->failed = true;
    }
    if (!table->failed)
        cli_table_row(table, (const char *const *)cells);
    for (size_t i = 0; i < table->columns; i++)
        free(cells[i]);
}

static void begin(struct cli_table *table, const struct column *columns, size_t count)
{
    const char *names[COLUMNS_MAX + 1] = {NULL};
    for (size_t i = 0; i < count; i++)
        names[i] = columns[i].name;
    cli_table_begin(table, names, true);
}

int cli_print_service(FILE *stream, const json_t *service, struct arctic_error *error)
{
    CLI_JSON *shown = json_copy((json_t *)service);
    if (!shown)
        return cli_fail_memory(error);
    if (json_is_object(json_object_get(shown, "counters"))) {
        json_object_del(shown, "counters");
        json_object_del(shown, "counters_reason");
    }
    return cli_print_members(stream, shown, error);
}

int cli_print_counters(FILE *stream, const json_t *service, struct arctic_error *error)
{
    static const struct column columns[] = {
        {"FLOWS", "flows_total", OF_COUNTERS},         {"OPEN", "flows_open", OF_COUNTERS},
        {"REFUSED", "flows_refused", OF_COUNTERS},     {"RESET", "flows_reset", OF_COUNTERS},
        {"BYTES_OUT", "bytes_sent", SIZE_OF_COUNTERS}, {"BYTES_IN", "bytes_received", SIZE_OF_COUNTERS},
        {"PACKETS_OUT", "packets_sent", OF_COUNTERS},  {"PACKETS_IN", "packets_received", OF_COUNTERS},
    };
    const json_t *counters = json_object_get(service, "counters");
    struct cli_table table = {.table = NULL};
    if (!json_is_object(counters))
        return ARCTIC_OK;
    CLI_FREE char *since = cli_scalar_text(json_object_get(counters, "since"));
    if (!since)
        return cli_fail_memory(error);
    cli_make_harmless(since);
    fprintf(stream, "counters since %s:\n", since);
    begin(&table, columns, sizeof columns / sizeof columns[0]);
    add_row(&table, columns, service);
    return cli_table_end(&table, stream, error);
}

int cli_print_counted_routes(FILE *stream, const json_t *routes, struct arctic_error *error)
{
    static const struct column columns[] = {
        {"ID", "id", OF_ROW},
        {"SOURCE", "source_cidr", OF_ROW},
        {"DEST", "dest_cidr", OF_ROW},
        {"PRIORITY", "priority", OF_ROW},
        {"FLOWS", "flows_total", OF_COUNTERS},
        {"BYTES_OUT", "bytes_sent", SIZE_OF_COUNTERS},
        {"BYTES_IN", "bytes_received", SIZE_OF_COUNTERS},
    };
    struct cli_table table = {.table = NULL};
    begin(&table, columns, sizeof columns / sizeof columns[0]);
    for (size_t i = 0; i < json_array_size(routes); i++)
        add_row(&table, columns, json_array_get(routes, i));
    return cli_table_end(&table, stream, error);
}
