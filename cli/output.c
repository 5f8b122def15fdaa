/* Tables by libsmartcols, JSON by jansson, YAML by libyaml. */
#include "cli/output.h"

#include <libsmartcols.h>
#include <string.h>

#include "cli/text.h"
#include "cli/yaml.h"

int cli_format_parse(const char *text, enum cli_format *ret_format, struct arctic_error *error)
{
    static const char *const names[] = {"table", "json", "yaml"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_format = (enum cli_format)i;
            return ARCTIC_OK;
        }
    }
    return cli_fail_usage(error, "'%.40s' is no output format, use table, json or yaml", text);
}

int cli_print_value(FILE *stream, enum cli_format format, const json_t *value, struct arctic_error *error)
{
    if (format == CLI_FORMAT_YAML)
        return cli_yaml_write(stream, value, error);
    size_t flags = JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(CLI_REAL_DIGITS);
    if (json_dumpf(value, stream, flags) < 0 || fputc('\n', stream) == EOF)
        return cli_fail_errno(error, "cannot write the output");
    return ARCTIC_OK;
}

void cli_table_begin(struct cli_table *table, const char *const *columns, bool header)
{
    table->table = scols_new_table();
    table->failed = !table->table;
    if (table->failed)
        return;
    scols_table_enable_noheadings(table->table, !header);
    scols_table_set_column_separator(table->table, "  ");
    scols_table_set_termforce(table->table, SCOLS_TERMFORCE_NEVER);
    for (; *columns; columns++, table->columns++) {
        if (!scols_table_new_column(table->table, *columns, 0, 0))
            table->failed = true;
    }
}

void cli_table_row(struct cli_table *table, const char *const *cells)
{
    struct libscols_line *line = table->failed ? NULL : scols_table_new_line(table->table, NULL);
    if (!line) {
        table->failed = true;
        return;
    }
    for (size_t i = 0; i < table->columns; i++) {
        CLI_FREE char *cell = strdup(cells[i]);
        if (cell)
            cli_make_harmless(cell);
        if (!cell || scols_line_set_data(line, i, cell) != 0)
            table->failed = true;
    }
}

int cli_table_end(struct cli_table *table, FILE *stream, struct arctic_error *error)
{
    bool failed = table->failed;
    if (!failed && scols_table_get_nlines(table->table) == 0 && !scols_table_is_noheadings(table->table)) {
        /* libsmartcols prints nothing for a table without lines; its columns are worth showing all the same. */
        for (size_t i = 0; i < table->columns; i++) {
            struct libscols_column *column = scols_table_get_column(table->table, i);
            fprintf(stream, "%s%s", i > 0 ? "  " : "", scols_cell_get_data(scols_column_get_header(column)));
        }
        fputc('\n', stream);
    } else if (!failed) {
        scols_table_set_stream(table->table, stream);
        failed = scols_print_table(table->table) != 0;
    }
    scols_unref_table(table->table);
    table->table = NULL;
    return failed ? cli_fail_memory(error) : ARCTIC_OK;
}

static char *array_text(const json_t *array)
{
    char *joined = strdup("");
    for (size_t i = 0; joined && i < json_array_size(array); i++) {
        CLI_FREE char *before = joined;
        CLI_FREE char *item = cli_scalar_text(json_array_get(array, i));
        joined = item ? cli_format("%s%s%s", before, i > 0 ? ", " : "", item) : NULL;
    }
    return joined;
}

char *cli_scalar_text(const json_t *value)
{
    if (json_is_string(value))
        return strdup(*json_string_value(value) ? json_string_value(value) : "-");
    if (json_is_integer(value))
        return cli_format("%lld", (long long)json_integer_value(value));
    if (json_is_real(value))
        return cli_format("%g", json_real_value(value));
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "yes" : "no");
    if (json_array_size(value) > 0)
        return array_text(value);
    return strdup("-");
}

static void add_members(struct cli_table *table, const char *prefix, const json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        CLI_FREE char *label = cli_format("%s%s", prefix, name);
        CLI_FREE char *nested = cli_format("%s%s.", prefix, name);
        if (!label || !nested) {
            table->failed = true;
            return;
        }
        if (json_is_object(value)) {
            add_members(table, nested, value);
            continue;
        }
        if (json_is_object(json_array_get(value, 0)))
            continue;
        CLI_FREE char *text = cli_scalar_text(value);
        cli_table_row(table, (const char *[]){label, text ? text : ""});
    }
}

int cli_print_members(FILE *stream, const json_t *object, struct arctic_error *error)
{
    struct cli_table table = {.table = NULL};
    cli_table_begin(&table, (const char *const[]){"NAME", "VALUE", NULL}, false);
    add_members(&table, "", object);
    return cli_table_end(&table, stream, error);
}

#define MEMBERS_MAX 16

static void add_object(struct cli_table *table, const json_t *object, const char *const *members)
{
    char *cells[MEMBERS_MAX] = {NULL};
    size_t count = table->columns < MEMBERS_MAX ? table->columns : MEMBERS_MAX;
    for (size_t i = 0; i < count; i++) {
        cells[i] = cli_scalar_text(json_object_get(object, members[i]));
        if (!cells[i])
            table->failed = true;
    }
    if (!table->failed)
        cli_table_row(table, (const char *const *)cells);
    for (size_t i = 0; i < count; i++)
        free(cells[i]);
}

int cli_print_objects(FILE *stream, const json_t *objects, const char *const *members,
                      const char *const *columns, struct arctic_error *error)
{
    struct cli_table table = {.table = NULL};
    cli_table_begin(&table, columns, true);
    for (size_t i = 0; i < json_array_size(objects); i++)
        add_object(&table, json_array_get(objects, i), members);
    return cli_table_end(&table, stream, error);
}
