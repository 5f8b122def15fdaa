/* arctic bootstrap: gives an agent its identity and licence, and keeps what is needed to talk to it. */
#include "cli/cli.h"

#include <string.h>

#include <arctic/license.h>

static const char *string_of(const char *text, const char *by_default)
{
    return *text ? text : by_default;
}

static int save(struct cli *cli, const struct cli_new_agent *agent, struct arctic_error *error)
{
    const json_t *answer = agent->answer;
    struct cli_bootstrap_result result = {
        .joins = agent->joins,
        .cluster_id = cli_json_text(answer, "cluster_id"),
        .customer_id = cli_json_text(agent->license, "customer_id"),
        .client_id = cli_json_text(answer, "client_id"),
        .client_secret = cli_json_text(answer, "client_secret"),
        .peer_id = cli_json_text(answer, "peer_id"),
        .peer_name = string_of(cli_json_text(answer, "name"), agent->name ? agent->name : ""),
        .endpoint = agent->endpoint,
        .fingerprint = *agent->fingerprint ? agent->fingerprint : NULL};
    if (!*result.cluster_id || !*result.client_id || !*result.client_secret || !*result.peer_id)
        return cli_fail(error, ARCTIC_E_PROTOCOL, "the agent's answer lacks its ids or its secret");
    return cli_config_change(&cli->config, true, cli_config_save_bootstrap, &result, error);
}

int cli_save_bootstrap(struct cli *cli, const struct cli_new_agent *agent, struct arctic_error *error)
{
    struct arctic_error inner;
    int code = save(cli, agent, &inner);
    if (code == ARCTIC_OK)
        return code;
    json_dumpf(agent->answer, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    return cli_fail(error, code,
                    "the agent is bootstrapped, but this could not be saved (its answer is above): %.200s",
                    inner.message);
}

static int print_result(const struct cli *cli, const json_t *answer, struct arctic_error *error)
{
    bool done = false;
    CLI_JSON *shown = json_copy((json_t *)answer);
    if (!shown)
        return cli_fail_memory(error);
    json_object_del(shown, "client_secret");
    int code = cli_print_unless_table(cli, shown, &done, error);
    if (code == ARCTIC_OK && !done)
        code = cli_print_members(stdout, shown, error);
    if (code == ARCTIC_OK)
        cli_note(cli,
                 "The agent is bootstrapped. Its credentials are in %s; the cluster is the current one. "
                 "'arctic health --readyz' tells whether all of the agent works.",
                 cli->config.path);
    return code;
}

/* Reads the licence, and sends it to the agent. *ret_endpoint is what the configuration keeps of the URL. */
static int send_license(struct cli *cli, const struct cli_arguments *arguments, const char *fingerprint,
                        const char *license, json_t **ret_answer, char **ret_endpoint,
                        struct arctic_error *error)
{
    CLI_CLIENT *client = NULL;
    CLI_SECRET *answer = NULL;
    int code = cli_client_without_credentials(cli, cli->url, fingerprint, &client, error);
    if (code == ARCTIC_OK)
        code = arctic_client_bootstrap(client, license, cli_flag_text(arguments, "name"),
                                       cli_flag_text(arguments, "description"), &answer, error);
    if (code < 0)
        return code;
    *ret_endpoint = strdup(arctic_client_endpoint(client));
    return *ret_endpoint ? cli_parse_answer(answer, ret_answer, error) : cli_fail_memory(error);
}

static int fail_license(const char *path, struct arctic_error *error)
{
    const struct arctic_error inner = *error;
    return cli_fail(error, inner.code, "%.200s: %.300s", path, inner.message);
}

static int run_bootstrap(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    char fingerprint[ARCTIC_FINGERPRINT_TEXT];
    CLI_SECRET *license_text = NULL;
    CLI_FREE char *endpoint = NULL;
    CLI_JSON *license = NULL;
    CLI_JSON *answer = NULL;
    if (!cli->url)
        return cli_fail_usage(error, "'bootstrap' needs --url");
    int code = cli_read_file(cli_flag_text(arguments, "license-file"), ARCTIC_LICENSE_TEXT_MAX, &license_text,
                             error);
    if (code == ARCTIC_OK)
        code = cli_config_check_writable(&cli->config, error);
    if (code == ARCTIC_OK)
        code = cli_learn_fingerprint(cli, cli_flag_text(arguments, "fingerprint"), fingerprint, error);
    if (code == ARCTIC_OK)
        code = send_license(cli, arguments, fingerprint, license_text, &answer, &endpoint, error);
    if (code == ARCTIC_E_LICENSE_INVALID)
        return fail_license(cli_flag_text(arguments, "license-file"), error);
    if (code < 0)
        return code;
    license = json_loads(license_text, 0, NULL);
    const struct cli_new_agent agent = {.answer = answer,
                                        .license = license,
                                        .name = cli_flag_text(arguments, "name"),
                                        .endpoint = endpoint,
                                        .fingerprint = fingerprint};
    code = cli_save_bootstrap(cli, &agent, error);
    return code < 0 ? code : print_result(cli, answer, error);
}

static const struct cli_flag bootstrap_flags[] = {
    {.name = "license-file",
     .value = "FILE",
     .kind = CLI_KIND_FILE,
     .required = true,
     .help = "the licence, \"-\" for stdin"},
    {.name = "fingerprint",
     .value = "SHA256",
     .help = "what https has to show at --url, as the agent's log has it (default: what it shows now)"},
    {.name = "name", .value = "NAME", .help = "name of the new peer (default: the agent's host name)"},
    {.name = "description", .value = "TEXT", .help = "what the peer is for"},
    {.name = NULL},
};

const struct cli_command cli_bootstrap_commands[] = {
    {.path = "bootstrap",
     .summary = "give a new agent its identity and licence",
     .about =
         "Gives a new agent its identity and licence. Possible once for each agent. The credentials that the "
         "agent makes are kept in the configuration file, and its cluster becomes the current one.",
     .examples = "arctic bootstrap --url http://10.0.1.10:8080 --license-file license.json\n"
                 "arctic bootstrap --url http://10.0.1.10:8080 --license-file license.json --name agent-a\n"
                 "arctic bootstrap --url https://10.0.1.10:8443 --license-file license.json\n",
     .flags = bootstrap_flags,
     .run = run_bootstrap},
    {.path = NULL},
};
