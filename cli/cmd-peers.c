/* arctic peers: list, get, add, update, delete, remove-self. */
#include "cli/cli.h"

#include <string.h>
#include <time.h>

#include "cli/ago.h"

static void rtt_text(const json_t *peer, char *text, size_t size)
{
    const json_t *rtt = json_object_get(peer, "rtt_ms");
    if (json_is_number(rtt) && json_number_value(rtt) >= 0)
        snprintf(text, size, "%.1f", json_number_value(rtt));
    else
        snprintf(text, size, "-");
}

/* The peer that answers is not "connected" to itself; that it was revoked is worth saying. */
static const char *state_text(const json_t *peer)
{
    const char *state = cli_json_text(peer, "state");
    bool local = json_is_true(json_object_get(peer, "is_local"));
    return local && strcmp(state, "revoked") != 0 ? "local" : state;
}

/* "unreachable", and reachable all the same: what that means for services. */
static void note_one_way(const struct cli *cli, const json_t *peers)
{
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const json_t *peer = json_array_get(peers, i);
        if (json_is_true(json_object_get(peer, "reachable")) &&
            strcmp(cli_json_text(peer, "state"), "unreachable") == 0)
            cli_note(
                cli,
                "Peer %s has reached this agent and cannot be dialled from here: services here cannot have "
                "it as target.",
                cli_json_text(peer, "name"));
    }
}

static int print_peers(const struct cli *cli, const json_t *peers, struct arctic_error *error)
{
    struct cli_table table = {.table = NULL};
    cli_table_begin(&table,
                    (const char *const[]){"ID", "NAME", "ADDRESS", "STATE", "REACHABLE", "LAST_SEEN",
                                          "RTT_MS", "VERSION", NULL},
                    true);
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const json_t *peer = json_array_get(peers, i);
        char rtt[32];
        rtt_text(peer, rtt, sizeof rtt);
        bool local = json_is_true(json_object_get(peer, "is_local"));
        CLI_FREE char *seen = cli_ago_text(cli_json_text(peer, "last_seen_at"), (int64_t)time(NULL), " ago",
                                           local ? "-" : "never");
        CLI_FREE char *reachable = cli_scalar_text(json_object_get(peer, "reachable"));
        if (!seen || !reachable) {
            table.failed = true;
            break;
        }
        cli_table_row(&table, (const char *[]){cli_json_text(peer, "id"), cli_json_text(peer, "name"),
                                               cli_json_text(peer, "address"), state_text(peer), reachable,
                                               seen, rtt, cli_json_text(peer, "version")});
    }
    int code = cli_table_end(&table, stdout, error);
    if (code == ARCTIC_OK)
        note_one_way(cli, peers);
    return code;
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
    return code < 0 || done ? code : print_peers(cli, peers, error);
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

/* What to do about another peer of the same name: most often the one whose host was built anew. */
static void tell_of_namesake(const struct cli *cli, const json_t *other)
{
    const char *id = cli_json_text(other, "id");
    const char *name = cli_json_text(other, "name");
    if (json_is_true(json_object_get(other, "is_local")) ||
        json_is_true(json_object_get(other, "reachable"))) {
        cli_note(cli,
                 "Peer %s is named %s too, so that commands need the id of the one they mean: 'arctic peers "
                 "update ID --name NAME' gives one of them another name.",
                 id, name);
        return;
    }
    CLI_FREE char *seen =
        cli_ago_text(cli_json_text(other, "last_seen_at"), (int64_t)time(NULL), " ago", "never");
    cli_note(
        cli,
        "Peer %s is named %s too, and is out of reach, last seen %s. If the new one takes its place, revoke "
        "it: 'arctic peers delete %s'. Services from and to it have to be made anew.",
        id, name, seen ? seen : "?", id);
}

/* The peer is added, whatever becomes of this. */
static void tell_of_namesakes(struct cli *cli, const json_t *added)
{
    CLI_JSON *peers = NULL;
    struct arctic_error error;
    if (cli->quiet || cli_request_list(cli, "/v1/peers", "peers", &peers, &error) < 0)
        return;
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const json_t *peer = json_array_get(peers, i);
        if (strcmp(cli_json_text(peer, "name"), cli_json_text(added, "name")) == 0 &&
            strcmp(cli_json_text(peer, "id"), cli_json_text(added, "id")) != 0)
            tell_of_namesake(cli, peer);
    }
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
    cli_follow_cluster(cli, cli_json_text(peer, "id"));
    code = cli_print_unless_table(cli, peer, &done, error);
    if (code == ARCTIC_OK && !done)
        code = cli_print_members(stdout, peer, error);
    if (code < 0)
        return code;
    const char *name = cli_json_text(peer, "name");
    const char *wanted = cli_flag_text(arguments, "name");
    cli_note(cli, "Peer %s (%s) is %s.", name, cli_json_text(peer, "id"), cli_json_text(peer, "state"));
    if (wanted && strcmp(wanted, name) != 0)
        cli_note(cli,
                 "It keeps the name %s, which it has already: 'arctic peers update %s --name %s' changes it.",
                 name, name, wanted);
    tell_of_namesakes(cli, peer);
    return code;
}

/* Body of an update: what the flags name. */
static int update_body(const struct cli_arguments *arguments, json_t **ret_body, struct arctic_error *error)
{
    static const char *const members[] = {"name", "description"};
    CLI_JSON *body = json_object();
    if (!body)
        return cli_fail_memory(error);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *text = cli_flag_text(arguments, members[i]);
        if (text && json_object_set_new(body, members[i], json_string(text)) < 0)
            return cli_fail_usage(error, "--%s is no valid UTF-8", members[i]);
    }
    if (json_object_size(body) == 0)
        return cli_fail_usage(error, "'peers update' needs --name or --description");
    *ret_body = cli_steal(body);
    return ARCTIC_OK;
}

static int run_update(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_FREE char *id = NULL;
    CLI_JSON *body = NULL;
    CLI_JSON *peer = NULL;
    bool done = false;
    int code = update_body(arguments, &body, error);
    if (code == ARCTIC_OK)
        code = cli_resolve_peer(cli, arguments->operands[0], &id, error);
    if (code < 0)
        return code;
    CLI_FREE char *path = cli_path("/v1/peers/%s", id);
    code = cli_request(cli, "PUT", path, json_incref(body), &peer, error);
    if (code < 0)
        return code;
    cli_follow_name(cli, id, cli_json_text(peer, "name"));
    code = cli_print_unless_table(cli, peer, &done, error);
    if (code == ARCTIC_OK && !done)
        code = cli_print_members(stdout, peer, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "Peer %s is updated.", id);
    return code;
}

static int run_delete(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_JSON *peer = NULL;
    int code = cli_check_confirm(arguments, error);
    if (code == ARCTIC_OK)
        code = cli_resolve(cli, "/v1/peers", "peers", arguments->operands[0], &peer, error);
    if (code < 0)
        return code;
    const char *id = cli_json_text(peer, "id");
    CLI_FREE char *path = cli_path("/v1/peers/%s", id);
    CLI_FREE char *question = cli_format(
        "Revoke peer %s (%s)? It is cut off at once, its services end, and its key never comes back.",
        cli_json_text(peer, "name"), id);
    if (json_is_true(json_object_get(peer, "is_local")))
        return cli_fail_usage(error,
                              "%s is the agent that answers: 'arctic peers remove-self' takes it out of the "
                              "cluster",
                              cli_json_text(peer, "name"));
    code = cli_delete(cli, arguments, question, path, error);
    if (code < 0)
        return code;
    cli_note(cli, "Peer %s is revoked.", id);
    cli_forget_peer(cli, id);
    return ARCTIC_OK;
}

/* Which agent "self" is, so that it stays the same one until the end. */
static int find_self(struct cli *cli, json_t **ret_peer, struct arctic_error *error)
{
    CLI_JSON *peers = NULL;
    int code = cli_request_list(cli, "/v1/peers?is_local=true", "peers", &peers, error);
    if (code < 0)
        return code;
    if (json_array_size(peers) != 1)
        return cli_fail(error, ARCTIC_E_PROTOCOL, "the agent does not say which peer it is");
    *ret_peer = json_incref(json_array_get(peers, 0));
    return ARCTIC_OK;
}

static int run_remove_self(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_JSON *peer = NULL;
    int code = cli_check_confirm(arguments, error);
    if (code == ARCTIC_OK)
        code = find_self(cli, &peer, error);
    if (code < 0)
        return code;
    const char *id = cli_json_text(peer, "id");
    CLI_FREE char *question = cli_format(
        "Take %s (%s), which answers at %s, out of its cluster? Its services, identity and credentials go.",
        cli_json_text(peer, "name"), id, arctic_client_endpoint(cli->client));
    if (!question)
        return cli_fail_memory(error);
    code = cli_confirm(arguments, question, error);
    if (code == ARCTIC_OK)
        code = cli_stay_at_endpoint(cli, error);
    if (code == ARCTIC_OK)
        code = cli_request(cli, "DELETE", "/v1/peers/self", NULL, NULL, error);
    if (code < 0)
        return code;
    cli_note(cli, "%s (%s) has left its cluster.", cli_json_text(peer, "name"), id);
    cli_forget_peer(cli, id);
    return ARCTIC_OK;
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

static const struct cli_flag update_flags[] = {
    {.name = "name", .value = "NAME", .help = "new name"},
    {.name = "description", .value = "TEXT", .help = "what the peer is for, \"\" for nothing"},
    {.name = NULL},
};

static const struct cli_flag confirm_flags[] = {CLI_FLAG_YES, {.name = NULL}};

#define ONE_PEER .operands = "PEER", .operand_kind = CLI_KIND_PEER, .operands_min = 1, .operands_max = 1

const struct cli_command cli_peers_commands[] = {
    {.path = "peers list",
     .summary = "list the peers of the cluster",
     .about = "Lists the peers: those that this agent holds a link to are \"connected\". REACHABLE says "
              "whether a link of either direction is up: a peer behind a NAT can dial and cannot be dialled.",
     .examples = "arctic peers list\n"
                 "arctic peers list --remote --json\n",
     .flags = list_flags,
     .run = run_list},
    {.path = "peers get",
     .summary = "show a peer",
     ONE_PEER,
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
    {.path = "peers update",
     .summary = "change name or description of a peer",
     ONE_PEER,
     .about = "Changes what the flags name.",
     .examples = "arctic peers update agent-b --name paris\n"
                 "arctic peers update paris --description \"rack 4\"\n",
     .flags = update_flags,
     .run = run_update},
    {.path = "peers delete",
     .summary = "revoke a peer",
     ONE_PEER,
     .about = "Revokes a peer: it is cut off at once, the services from it are removed, those to it stop, "
              "and its key "
              "is refused from then on. Asks first. For the agent that answers itself there is 'peers "
              "remove-self'.",
     .examples = "arctic peers delete agent-b\n"
                 "arctic peers delete agent-b --yes\n",
     .flags = confirm_flags,
     .run = run_delete},
    {.path = "peers remove-self",
     .summary = "take the answering agent out of its cluster",
     .about = "Takes the agent that answers out of its cluster: it says farewell to its peers, ends its "
              "services and "
              "forgets its identity, so that it can be bootstrapped anew. Asks first. --url or --peer name "
              "another "
              "agent than the default one.",
     .examples = "arctic peers remove-self\n"
                 "arctic peers remove-self --url http://10.0.2.10:8080 --yes\n",
     .flags = confirm_flags,
     .run = run_remove_self},
    {.path = NULL},
};
