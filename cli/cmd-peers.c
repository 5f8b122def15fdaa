/* arctic peers: list, get, add. */
#include "cli/cli.h"

#include <string.h>

static void rtt_text(const json_t *peer, char *text, size_t size)
{
    const json_t *rtt = json_object_get(peer, "rtt_ms");
    if (json_is_number(rtt) && json_number_value(rtt) >= 0)
        snprintf(text, size, "%.1f", json_number_value(rtt));
    else
        snprintf(text, size, "-");
}

static int print_peers(const json_t *peers, struct arctic_error *error)
{
    struct cli_table table = {.table = NULL};
    cli_table_begin(&table,
                    (const char *const[]){"ID", "NAME", "ADDRESS", "STATE", "RTT_MS", "VERSION", NULL}, true);
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const json_t *peer = json_array_get(peers, i);
        char rtt[32];
        rtt_text(peer, rtt, sizeof rtt);
        bool local = json_is_true(json_object_get(peer, "is_local"));
        cli_table_row(&table, (const char *[]){cli_json_text(peer, "id"), cli_json_text(peer, "name"),
                                               cli_json_text(peer, "address"),
                                               local ? "local" : cli_json_text(peer, "state"), rtt,
                                               cli_json_text(peer, "version")});
    }
    return cli_table_end(&table, stdout, error);
}

static int run_list(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    bool local = cli_flag_on(arguments, "local");
    bool remote = cli_flag_on(arguments, "remote");
    const char *path = local == remote ? "/v1/peers"
                       : local         ? "/v1/peers?is_local=true"
                                       : "/v1/peers?is_local=false";
    CLI_JSON *peers = NULL;
    bool done = false;
    if (local && remote)
        return cli_fail_usage(error, "--local and --remote exclude each other");
    int code = cli_request_list(cli, path, "peers", &peers, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, peers, &done, error);
    return code < 0 || done ? code : print_peers(peers, error);
}

static int run_get(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_FREE char *id = NULL;
    CLI_JSON *peer = NULL;
    bool done = false;
    int code = cli_resolve_peer(cli, arguments->operands[0], &id, error);
    if (code < 0)
        return code;
    CLI_FREE char *path = cli_path("/v1/peers/%s", id);
    code = cli_request(cli, "GET", path, NULL, &peer, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, peer, &done, error);
    return code < 0 || done ? code : cli_print_members(stdout, peer, error);
}

static int run_add(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_JSON *peer = NULL;
    bool done = false;
    json_t *body =
        json_pack("{s:s, s:s*}", "address", arguments->operands[0], "name", cli_flag_text(arguments, "name"));
    if (!body)
        return cli_fail_usage(error, "address and name must be valid UTF-8");
    int code = cli_request(cli, "POST", "/v1/peers", body, &peer, error);
    if (code < 0)
        return code;
    struct arctic_error problem;
    if (cli_follow_cluster(cli, cli_json_text(peer, "id"), &problem) < 0)
        cli_note(cli, "The peer is added, but not noted in %s: %s", cli->config.path, problem.message);
    code = cli_print_unless_table(cli, peer, &done, error);
    if (code == ARCTIC_OK && !done)
        code = cli_print_members(stdout, peer, error);
    if (code < 0 || done)
        return code;
    cli_note(cli, "Peer %s (%s) is %s.", cli_json_text(peer, "name"), cli_json_text(peer, "id"),
             cli_json_text(peer, "state"));
    const char *wanted = cli_flag_text(arguments, "name");
    if (wanted && strcmp(wanted, cli_json_text(peer, "name")) != 0)
        cli_note(cli, "It keeps the name that it has.");
    return code;
}

static const struct cli_flag list_flags[] = {
    {.name = "local", .help = "only the peer that answers"},
    {.name = "remote", .help = "only the others"},
    {.name = NULL},
};

static const struct cli_flag add_flags[] = {
    {.name = "name", .value = "NAME", .help = "name for the peer (default: the one it gives itself)"},
    {.name = NULL},
};

const struct cli_command cli_peers_commands[] = {
    {.path = "peers list",
     .summary = "list the peers of the cluster",
     .about = "Lists the peers: those that have completed their handshake are \"connected\".",
     .examples = "arctic peers list\n"
                 "arctic peers list --remote --json\n",
     .flags = list_flags,
     .run = run_list},
    {.path = "peers get",
     .summary = "show a peer",
     .operands = "PEER",
     .operand_kind = CLI_KIND_PEER,
     .operands_min = 1,
     .operands_max = 1,
     .about = "Shows all that is known of a peer.",
     .examples = "arctic peers get agent-b\n",
     .run = run_get},
    {.path = "peers add",
     .summary = "add a peer by its API address",
     .operands = "ADDRESS",
     .operands_min = 1,
     .operands_max = 1,
     .about = "Adds the agent at an address (host:port of its API) to the cluster: both prove their keys and "
              "licences "
              "to each other. The agent there has to be bootstrapped with a licence of the same customer.",
     .examples = "arctic peers add 10.0.2.10:8080 --name agent-b\n",
     .flags = add_flags,
     .run = run_add},
    {.path = NULL},
};
