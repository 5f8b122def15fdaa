/* The run: global flags, configuration, command, report. */
#include "cli/cli.h"

#include <string.h>

#include <arctic/api.h>

#include "cli/help.h"

static int read_timeout(const char *text, int32_t *ret_milliseconds, struct arctic_error *error)
{
    static const struct {
        const char *suffix;
        int64_t factor;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"", 1000}};
    char digits[16];
    size_t length = strspn(text, "0123456789");
    int64_t number = 0;
    snprintf(digits, sizeof digits, "%.*s", (int)(length < sizeof digits ? length : 0), text);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + length, units[i].suffix) != 0)
            continue;
        if (!cli_read_number(digits, INT32_MAX / units[i].factor, &number) || number == 0)
            break;
        *ret_milliseconds = (int32_t)(number * units[i].factor);
        return ARCTIC_OK;
    }
    return cli_fail_usage(error, "'%.40s' is no time such as 30, 500ms, 30s or 2m", text);
}

static int read_preferences(struct cli *cli, struct arctic_error *error)
{
    const json_t *format = cli_config_preference(&cli->config, "output_format");
    const json_t *timeout = cli_config_preference(&cli->config, "timeout");
    const json_t *color = cli_config_preference(&cli->config, "color");
    int code = ARCTIC_OK;
    if (json_is_string(format))
        code = cli_format_parse(json_string_value(format), &cli->format, error);
    if (code == ARCTIC_OK && timeout && !json_is_null(timeout)) {
        CLI_FREE char *text = cli_scalar_text(timeout);
        code = text ? read_timeout(text, &cli->timeout_ms, error) : cli_fail_memory(error);
    }
    if (json_is_false(color) || (json_is_string(color) && strcmp(json_string_value(color), "never") == 0))
        cli->color = false;
    if (code == ARCTIC_E_USAGE) {
        struct arctic_error inner = *error;
        return cli_fail(error, ARCTIC_E_SYSTEM, "%s: %s", cli->config.path, inner.message);
    }
    return code;
}

static int read_flags(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    const char *format = cli_flag_text(arguments, "output");
    const char *timeout = cli_flag_text(arguments, "timeout");
    bool json = cli_flag_on(arguments, "json");
    int code = format ? cli_format_parse(format, &cli->format, error) : ARCTIC_OK;
    if (code == ARCTIC_OK && json && format && cli->format != CLI_FORMAT_JSON)
        code = cli_fail_usage(error, "--json and --output %s contradict each other", format);
    if (code == ARCTIC_OK && timeout)
        code = read_timeout(timeout, &cli->timeout_ms, error);
    if (json)
        cli->format = CLI_FORMAT_JSON;
    cli->url = cli_flag_text(arguments, "url");
    cli->cluster = cli_flag_text(arguments, "cluster");
    cli->quiet = cli_flag_on(arguments, "quiet");
    cli->verbose = cli_flag_on(arguments, "verbose");
    return code;
}

static bool wants_color(const struct cli_arguments *arguments)
{
    const char *refused = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return isatty(STDERR_FILENO) && !(refused && *refused) && terminal && strcmp(terminal, "dumb") != 0 &&
           !cli_flag_on(arguments, "no-color");
}

static int run_command(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    cli->color = wants_color(arguments);
    int code = cli_config_load(cli_flag_text(arguments, "config"), &cli->config, error);
    if (code == ARCTIC_OK)
        code = read_preferences(cli, error);
    if (code == ARCTIC_OK)
        code = read_flags(cli, arguments, error);
    return code < 0 ? code : arguments->command->run(cli, arguments, error);
}

static int perform(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    int code = ARCTIC_OK;
    if (cli_flag_on(arguments, "help"))
        cli_help_print(stdout, arguments);
    else if (cli_flag_on(arguments, "version"))
        printf("arctic %s\n", arctic_version());
    else
        code = run_command(cli, arguments, error);
    if (code == ARCTIC_OK && (fflush(stdout) != 0 || ferror(stdout)))
        code = cli_fail_errno(error, "cannot write the output");
    if (code == ARCTIC_OK)
        cli_remember_endpoint(cli);
    return code;
}

static void release(struct cli *cli)
{
    arctic_client_free(cli->client);
    cli_config_release(&cli->config);
}

int cli_main(int argc, char **argv)
{
    CLI_CLEANUP(release) struct cli cli = {.timeout_ms = 30000};
    struct cli_arguments arguments;
    struct arctic_error error = {0};
    int code = cli_arguments_parse(argc, argv, &arguments, &error);
    if (code == ARCTIC_OK)
        code = perform(&cli, &arguments, &error);
    return code == ARCTIC_OK ? 0 : cli_report(&cli, &arguments, &error);
}
