/* arctic services: list, get, create, update, delete. */
#include "cli/cli.h"

#include <string.h>

#include "cli/counters.h"
#include "cli/service-body.h"

static void flags_text(const json_t *service, char text[4])
{
    size_t used = 0;
    if (json_is_true(json_object_get(service, "requires_interface")))
        text[used++] = 'I';
    if (json_is_true(json_object_get(service, "fully_transparent")))
        text[used++] = 'T';
    if (json_integer_value(json_object_get(service, "bandwidth_limit_mbps")) > 0)
        text[used++] = 'Q';
    if (used == 0)
        text[used++] = '-';
    text[used] = '\0';
}

/* Says it when a service does not do its work, with the reason that the agent gives. */
static void note_state(const struct cli *cli, const json_t *service)
{
    const char *state = cli_json_text(service, "state");
    const char *reason = cli_json_text(service, "state_reason");
    if (*state && strcmp(state, "active") != 0)
        cli_note(cli, "Service %s is %s%s%s", cli_json_text(service, "name"), state, *reason ? ": " : "",
                 reason);
}

static int print_services(const struct cli *cli, const json_t *services, const json_t *peers,
                          struct arctic_error *error)
{
    struct cli_table table = {.table = NULL};
    cli_table_begin(
        &table, (const char *const[]){"ID", "NAME", "SOURCE", "TARGET", "TRANSPORT", "FLAGS", NULL}, true);
    for (size_t i = 0; i < json_array_size(services); i++) {
        const json_t *service = json_array_get(services, i);
        char flags[4];
        flags_text(service, flags);
        cli_table_row(&table, (const char *[]){cli_json_text(service, "id"), cli_json_text(service, "name"),
                                               cli_peer_name(peers, cli_json_text(service, "source_peer_id")),
                                               cli_peer_name(peers, cli_json_text(service, "target_peer_id")),
                                               cli_json_text(service, "transport_type"), flags});
    }
    int code = cli_table_end(&table, stdout, error);
    if (code == ARCTIC_OK && !cli->quiet)
        puts("Flags: I interface, T transparent, Q qos, - none");
    for (size_t i = 0; code == ARCTIC_OK && i < json_array_size(services); i++)
        note_state(cli, json_array_get(services, i));
    return code;
}

static int add_filter(struct cli *cli, const struct cli_arguments *arguments, const char *flag,
                      const char *parameter, char **path, struct arctic_error *error)
{
    const char *text = cli_flag_text(arguments, flag);
    CLI_FREE char *id = NULL;
    if (!text)
        return ARCTIC_OK;
    int code = cli_resolve_peer(cli, text, &id, error);
    if (code < 0)
        return code;
    CLI_FREE char *before = *path;
    *path = cli_format("%s%c%s=%s", before, strchr(before, '?') ? '&' : '?', parameter, id);
    return *path ? ARCTIC_OK : cli_fail_memory(error);
}

static int list_path(struct cli *cli, const struct cli_arguments *arguments, char **ret_path,
                     struct arctic_error *error)
{
    CLI_FREE char *path = strdup("/v1/services");
    if (path && cli_flag_given(arguments, "requires-interface")) {
        free(path);
        path = cli_format("/v1/services?requires_interface=%s",
                          cli_flag_on(arguments, "requires-interface") ? "true" : "false");
    }
    if (!path)
        return cli_fail_memory(error);
    int code = add_filter(cli, arguments, "source-peer", "source_peer_id", &path, error);
    if (code == ARCTIC_OK)
        code = add_filter(cli, arguments, "target-peer", "target_peer_id", &path, error);
    if (code == ARCTIC_OK)
        *ret_path = cli_steal(path);
    return code;
}

static int run_list(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_FREE char *path = NULL;
    CLI_JSON *services = NULL;
    CLI_JSON *peers = NULL;
    bool done = false;
    int code = list_path(cli, arguments, &path, error);
    if (code == ARCTIC_OK)
        code = cli_request_list(cli, path, "services", &services, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, services, &done, error);
    if (code < 0 || done)
        return code;
    code = cli_request_peer_names(cli, &peers, error);
    return code < 0 ? code : print_services(cli, services, peers, error);
}

static int get_service(struct cli *cli, const char *text, json_t **ret_service, struct arctic_error *error)
{
    CLI_FREE char *id = NULL;
    int code = cli_resolve_service(cli, text, &id, error);
    if (code < 0)
        return code;
    CLI_FREE char *path = cli_path("/v1/services/%s", id);
    return cli_request(cli, "GET", path, NULL, ret_service, error);
}

static int run_get(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_JSON *service = NULL;
    bool done = false;
    int code = get_service(cli, arguments->operands[0], &service, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, service, &done, error);
    if (code < 0 || done)
        return code;
    code = cli_print_service(stdout, service, error);
    if (code == ARCTIC_OK)
        code = cli_print_counters(stdout, service, error);
    const json_t *routes = json_object_get(service, "routes");
    if (code < 0 || json_array_size(routes) == 0)
        return code;
    puts("routes:");
    return cli_print_routes(routes, error);
}

static void note_created(struct cli *cli, const json_t *service)
{
    const char *id = cli_json_text(service, "id");
    if (json_is_true(json_object_get(service, "requires_interface")))
        cli_note(
            cli,
            "Service %s is created. It takes all TCP that clients send to its interface as their gateway; "
            "with routes only what they say: arctic routes add --service %s ...",
            id, id);
    else
        cli_note(cli,
                 "Service %s is created. It takes no traffic before it has a route: arctic routes add "
                 "--service %s ...",
                 id, id);
}

static int run_create(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_JSON *service = NULL;
    json_t *body = NULL;
    bool done = false;
    int code = cli_service_create_body(cli, arguments, &body, error);
    if (code == ARCTIC_OK)
        code = cli_request(cli, "POST", "/v1/services", body, &service, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, service, &done, error);
    if (code < 0 || done)
        return code;
    code = cli_print_service(stdout, service, error);
    if (code < 0)
        return code;
    note_created(cli, service);
    note_state(cli, service);
    return ARCTIC_OK;
}

static int run_update(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_JSON *body = NULL;
    CLI_JSON *service = NULL;
    CLI_FREE char *id = NULL;
    bool done = false;
    int code = cli_service_update_body(arguments, &body, error);
    if (code == ARCTIC_OK)
        code = cli_resolve_service(cli, arguments->operands[0], &id, error);
    if (code < 0)
        return code;
    CLI_FREE char *path = cli_path("/v1/services/%s", id);
    code = cli_request(cli, "PUT", path, json_incref(body), &service, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, service, &done, error);
    if (code < 0 || done)
        return code;
    code = cli_print_service(stdout, service, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "Service %s is updated.", id);
    if (code == ARCTIC_OK)
        note_state(cli, service);
    return code;
}

static int run_delete(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_JSON *service = NULL;
    int code = cli_check_confirm(arguments, error);
    if (code == ARCTIC_OK)
        code = get_service(cli, arguments->operands[0], &service, error);
    if (code < 0)
        return code;
    const char *id = cli_json_text(service, "id");
    CLI_FREE char *question =
        cli_format("Delete service %s (%s) with its %zu routes?", cli_json_text(service, "name"), id,
                   json_array_size(json_object_get(service, "routes")));
    CLI_FREE char *path = cli_path("/v1/services/%s", id);
    code = cli_delete(cli, arguments, question, path, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "Service %s is deleted.", id);
    return code;
}

static const struct cli_flag list_flags[] = {
    {.name = "source-peer", .value = "PEER", .kind = CLI_KIND_PEER, .help = "only services from this peer"},
    {.name = "target-peer", .value = "PEER", .kind = CLI_KIND_PEER, .help = "only services to this peer"},
    {.name = "requires-interface", .help = "only services with an interface (=false: without)"},
    {.name = NULL},
};

static const struct cli_flag delete_flags[] = {CLI_FLAG_YES, {.name = NULL}};

#define ONE_SERVICE                                                                                          \
    .operands = "SERVICE", .operand_kind = CLI_KIND_SERVICE, .operands_min = 1, .operands_max = 1

const struct cli_command cli_services_commands[] = {
    {.path = "services list",
     .summary = "list services",
     .about = "Lists the services of the cluster, and names those that do no work, and why. "
              "'services get' shows the state of one, and --json that of all.",
     .examples = "arctic services list\n"
                 "arctic services list --target-peer agent-b --json | jq -r '.[].id'\n",
     .flags = list_flags,
     .run = run_list},
    {.path = "services get",
     .summary = "show a service with its routes and counters",
     ONE_SERVICE,
     .about = "Shows a service: its settings, state, interface and routes, and what it has carried since its "
              "source peer's agent started: flows, of which some are open, were refused or were reset; "
              "payload and packets out, from clients to the target, and back in. --json has the numbers in "
              "full. 'arctic routes list' shows the same of each route.",
     .examples = "arctic services get db-replication\n"
                 "arctic services get db-replication --json | jq .counters\n",
     .run = run_get},
    {.path = "services create",
     .summary = "create a service",
     .about = "Creates a service: a link from a source peer to a target peer. It takes traffic once it has "
              "routes.",
     .examples =
         "arctic services create --target-peer agent-b\n"
         "arctic services create --target-peer agent-b --transport kcp\n"
         "arctic services create --target-peer agent-b --requires-interface --desired-ipv4 "
         "192.168.100.10/24\n"
         "arctic services create --source-peer agent-a --target-peer agent-b --bandwidth-limit 1000\n",
     .flags = cli_service_create_flags,
     .run = run_create},
    {.path = "services update",
     .summary = "change a service",
     ONE_SERVICE,
     .about = "Changes what the flags name and nothing else.",
     .examples =
         "arctic services update db-replication --bandwidth-limit 500\n"
         "arctic services update db-replication --bandwidth-limit 0      # no limit\n"
         "arctic services update db-replication --desired-ipv4 \"\"        # an address by DHCP again\n"
         "arctic services update db-replication --requires-interface=false   # no interface\n",
     .flags = cli_service_update_flags,
     .run = run_update},
    {.path = "services delete",
     .summary = "delete a service and its routes",
     ONE_SERVICE,
     .about = "Deletes a service with its routes and its interface; asks first.",
     .examples = "arctic services delete db-replication\n"
                 "arctic services delete db-replication --yes\n",
     .flags = delete_flags,
     .run = run_delete},
    {.path = NULL},
};
