/* What people are told: errors with what to do about them, notes, and questions. */
#include "cli/advice.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "cli/text.h"

static int exit_code(int code)
{
    switch (code) {
    case ARCTIC_OK:
        return 0;
    case ARCTIC_E_USAGE:
        return 2;
    case ARCTIC_E_UNAUTHORIZED:
    case ARCTIC_E_TOKEN_EXPIRED:
    case ARCTIC_E_FORBIDDEN:
    case ARCTIC_E_LICENSE_READ_ONLY:
    case ARCTIC_E_LICENSE_SUSPENDED:
    case ARCTIC_E_UNTRUSTED:
        return 3;
    case ARCTIC_E_UNREACHABLE:
    case ARCTIC_E_TIMEOUT:
        return 4;
    case ARCTIC_E_NOT_FOUND:
        return 5;
    case ARCTIC_E_METHOD_NOT_ALLOWED:
    case ARCTIC_E_INTERNAL:
        return 1;
    default:
        return code < 0 && code > ARCTIC_E_INTERNAL ? 6 : 1;
    }
}

static void print_usage_advice(const struct cli_arguments *arguments)
{
    const char *path = arguments->command ? arguments->command->path : arguments->group;
    fprintf(stderr, "Run 'arctic %s%s--help' to see how it is used.\n", path, *path ? " " : "");
}

/* A file that cannot be read has former ones beside it. */
static void print_former_config(const struct cli *cli, const struct arctic_error *error)
{
    CLI_FREE char *former = cli->config.path ? cli_format("%s.1", cli->config.path) : NULL;
    if (error->code == ARCTIC_E_CORRUPT && !cli->config.root && former && !cli->quiet &&
        access(former, F_OK) == 0)
        fprintf(stderr, "Mend it, or put the former one in its place: %s\n", former);
}

int cli_report(const struct cli *cli, const struct cli_arguments *arguments, const struct arctic_error *error)
{
    struct arctic_error shown = *error;
    cli_make_harmless(shown.message);
    cli_make_harmless(shown.field);
    const char *prefix = cli->color ? "\033[1;31marctic:\033[0m" : "arctic:";
    bool name_field = shown.field[0] && error->code != ARCTIC_E_USAGE && !strstr(shown.message, shown.field);
    if (name_field)
        fprintf(stderr, "%s %s: %s\n", prefix, shown.field, shown.message);
    else
        fprintf(stderr, "%s %s\n", prefix, shown.message);
    const char *what_to_do = cli_advice(cli, arguments, error);
    if (error->code == ARCTIC_E_USAGE)
        print_usage_advice(arguments);
    else if (what_to_do && !cli->quiet)
        fprintf(stderr, "%s\n", what_to_do);
    print_former_config(cli, error);
    return exit_code(error->code);
}

void cli_note(const struct cli *cli, const char *format, ...)
{
    if (cli->quiet)
        return;
    CLI_FREE char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text = NULL;
        return;
    }
    cli_make_harmless(text);
    fflush(stdout); /* so that both in one file have the order that a terminal shows */
    fprintf(stderr, "%s\n", text);
}

int cli_check_confirm(const struct cli_arguments *arguments, struct arctic_error *error)
{
    if (cli_flag_on(arguments, "yes") || (isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
        return ARCTIC_OK;
    return cli_fail_usage(error, "'%s' asks before it acts, and there is no terminal: give --yes",
                          arguments->command->path);
}

int cli_confirm(const struct cli_arguments *arguments, const char *question, struct arctic_error *error)
{
    char line[16] = "";
    if (cli_flag_on(arguments, "yes"))
        return ARCTIC_OK;
    int code = cli_check_confirm(arguments, error);
    if (code < 0)
        return code;
    CLI_FREE char *shown = strdup(question);
    if (!shown)
        return cli_fail_memory(error);
    cli_make_harmless(shown);
    fprintf(stderr, "%s [y/N] ", shown);
    fflush(stderr);
    if (!fgets(line, sizeof line, stdin)) {
        line[0] = '\0';
        fputc('\n', stderr);
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0)
        return ARCTIC_OK;
    return cli_fail(error, ARCTIC_E_CANCELLED, "nothing was done");
}

int cli_delete(struct cli *cli, const struct cli_arguments *arguments, const char *question, const char *path,
               struct arctic_error *error)
{
    if (!question || !path)
        return cli_fail_memory(error);
    int code = cli_confirm(arguments, question, error);
    return code < 0 ? code : cli_request(cli, "DELETE", path, NULL, NULL, error);
}

int cli_print_unless_table(const struct cli *cli, const json_t *value, bool *ret_done,
                           struct arctic_error *error)
{
    *ret_done = cli->format != CLI_FORMAT_TABLE;
    return *ret_done ? cli_print_value(stdout, cli->format, value, error) : ARCTIC_OK;
}
