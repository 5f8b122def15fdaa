/* The run: global flags, configuration, command, report. */
#include "cli/cli.h"

#include <string.h>

#include <arctic/api.h>

#include "cli/complete.h"
#include "cli/compose-exec.h"
#include "cli/help.h"
#include "cli/preferences.h"

static int read_flags(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    const char *format = cli_flag_text(arguments, "output");
    const char *timeout = cli_flag_text(arguments, "timeout");
    bool json = cli_flag_on(arguments, "json");
    int code = format ? cli_format_parse(format, &cli->format, error) : ARCTIC_OK;
    if (code == ARCTIC_OK && json && format && cli->format != CLI_FORMAT_JSON)
        code = cli_fail_usage(error, "--json and --output %s contradict each other", format);
    if (code == ARCTIC_OK && timeout)
        code = cli_read_time(timeout, &cli->timeout_ms, error);
    if (json)
        cli->format = CLI_FORMAT_JSON;
    cli->url = cli_flag_text(arguments, "url");
    cli->cluster = cli_flag_text(arguments, "cluster");
    cli->peer = cli_flag_text(arguments, "peer");
    cli->recovery_token_file = cli_flag_text(arguments, "recovery-token-file");
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

/* The other program takes the same words, but for the first. */
static int run_other_program(const struct cli *cli, const struct cli_arguments *arguments,
                             struct arctic_error *error)
{
    static char name[] = "arctic-compose";
    size_t count = 0;
    while (cli->argv[count])
        count++;
    CLI_FREE char **words = calloc(count + 1, sizeof *words);
    if (!words)
        return cli_fail_memory(error);
    words[0] = name;
    for (size_t i = 1, next = 1; i < count; i++) {
        if (i != (size_t)arguments->first_word)
            words[next++] = cli->argv[i];
    }
    return cli_compose_exec(words, error);
}

/* The file and its preferences; where they are broken, what needs neither goes on without, and `config` mends them. */
static int read_config(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    const struct cli_command *command = arguments->command;
    int code = cli_config_load(cli_flag_text(arguments, "config"), &cli->config, error);
    if (code < 0 && cli->config.path && command->needs_no_config) {
        cli->config.root = json_object();
        return cli->config.root ? ARCTIC_OK : cli_fail_memory(error);
    }
    if (code < 0)
        return code;
    code = cli_preferences_apply(cli, error);
    if (code < 0 && cli_command_is_under(command, "config"))
        fprintf(stderr, "arctic: warning: %s\n", error->message);
    return command->needs_no_config || cli_command_is_under(command, "config") ? ARCTIC_OK : code;
}

static int run_command(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    if (cli->program == CLI_PROGRAM_ARCTIC && cli_command_is_under(arguments->command, "compose"))
        return run_other_program(cli, arguments, error);
    cli->color = wants_color(arguments);
    int code = read_config(cli, arguments, error);
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
    arctic_client_free_text(cli->recovery_token);
    cli_config_release(&cli->config);
}

int cli_main(int argc, char **argv, enum cli_program program)
{
    CLI_CLEANUP(release)
    struct cli cli = {
        .program = program, .argv = argv, .timeout_ms = 30000, .cache_ttl = CLI_CACHE_TTL_DEFAULT};
    struct cli_arguments arguments;
    struct arctic_error error = {0};
    if (argc > 1 && strcmp(argv[1], CLI_COMPLETE_WORD) == 0) {
        cli_complete(&cli, argc, argv, stdout);
        return 0;
    }
    int code = cli_arguments_parse(argc, argv, &arguments, &error);
    if (code == ARCTIC_OK)
        code = perform(&cli, &arguments, &error);
    return code == ARCTIC_OK ? cli.status : cli_report(&cli, &arguments, &error);
}
