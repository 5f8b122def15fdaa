/* arctic health and arctic version. */
#include "cli/cli.h"

#include <string.h>

#include <arctic/api.h>

static int fetch(struct cli *cli, const char *path, int32_t *ret_status, json_t **ret_answer,
                 struct arctic_error *error)
{
    struct arctic_client *client = NULL;
    CLI_SECRET *text = NULL;
    int code = cli_client(cli, &client, error);
    if (code == ARCTIC_OK)
        code = arctic_client_send(client, "GET", path, NULL, ret_status, &text, error);
    if (code == ARCTIC_OK)
        code = cli_parse_answer(text, ret_answer, error);
    return code;
}

/* Names the agent that is meant, which --peer makes another than the one that was asked. */
static int fail_ill(const struct cli *cli, bool ready, int32_t status, struct arctic_error *error)
{
    const char *wanted = ready ? "ready" : "well";
    const char *endpoint = arctic_client_endpoint(cli->client);
    if (cli->peer)
        return cli_fail(error, ARCTIC_E_INTERNAL, "peer %.80s, asked by way of %.200s, is not %s (status %d)",
                        cli->peer, endpoint, wanted, status);
    return cli_fail(error, ARCTIC_E_INTERNAL, "the agent at %.200s is not %s (status %d)", endpoint, wanted,
                    status);
}

static int run_health(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    bool ready = cli_flag_on(arguments, "readyz");
    CLI_JSON *answer = NULL;
    int32_t status = 0;
    bool done = false;
    int code = fetch(cli, ready ? "/readyz" : "/livez", &status, &answer, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, answer, &done, error);
    if (code == ARCTIC_OK && !done)
        code = cli_print_members(stdout, answer, error);
    if (code == ARCTIC_OK && status >= 400)
        code = fail_ill(cli, ready, status, error);
    return code;
}

static int run_version(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    (void)arguments;
    bool done = false;
    CLI_JSON *value = json_pack("{s:s}", "version", arctic_version());
    if (!value)
        return cli_fail_memory(error);
    int code = cli_print_unless_table(cli, value, &done, error);
    if (code == ARCTIC_OK && !done)
        printf("arctic %s\n", arctic_version());
    return code;
}

static const struct cli_flag health_flags[] = {
    {.name = "readyz",
     .help = "whether the agent does its work, with each check, instead of whether it lives"},
    {.name = NULL},
};

const struct cli_command cli_health_commands[] = {
    {.path = "health",
     .summary = "ask whether the agent lives, or is ready",
     .about = "Asks whether the agent lives; with --readyz, whether it does its work: store, listeners, "
              "kernel state "
              "and licence. Ends with 1 when it does not, with 4 when there is no agent.",
     .examples = "arctic health\n"
                 "arctic health --readyz --url http://10.0.1.10:8080\n",
     .flags = health_flags,
     .run = run_health},
    {.path = "version",
     .summary = "print the version",
     .about = "Prints the version of this command.",
     .examples = "arctic version\n"
                 "arctic version -j\n",
     .needs_no_config = true,
     .run = run_version},
    {.path = NULL},
};
