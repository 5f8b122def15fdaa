/* arctic routes: list, add, update, delete, explain. */
#include "cli/cmd-explain.h"
#include "cli/counters.h"
#include "cli/service-body.h"

#include <string.h>

int cli_print_routes(const json_t *routes, struct arctic_error *error)
{
    static const char *const members[] = {"id", "source_cidr", "dest_cidr", "priority"};
    static const char *const columns[] = {"ID", "SOURCE", "DEST", "PRIORITY", NULL};
    return cli_print_objects(stdout, routes, members, columns, error);
}

/* Path of the routes of --service; with --route and `one`, of that route. */
static int routes_path(struct cli *cli, const struct cli_arguments *arguments, bool one, char **ret_path,
                       struct arctic_error *error)
{
    const char *service = NULL;
    const char *route = NULL;
    int64_t number = 0;
    CLI_FREE char *id = NULL;
    int code = cli_flag_required(arguments, "service", &service, error);
    if (code == ARCTIC_OK && one)
        code = cli_flag_required(arguments, "route", &route, error);
    if (code == ARCTIC_OK && one && !cli_read_number(route, INT64_MAX, &number))
        code = cli_fail_usage(error, "--route takes the number of a route, not '%.60s'", route);
    if (code == ARCTIC_OK)
        code = cli_resolve_service(cli, service, &id, error);
    if (code < 0)
        return code;
    *ret_path = one ? cli_format("/v1/services/%s/routes/%lld", id, (long long)number)
                    : cli_format("/v1/services/%s/routes", id);
    return *ret_path ? ARCTIC_OK : cli_fail_memory(error);
}

/* An empty text takes a CIDR back, where the other one remains. */
static int set_cidr(const struct cli_arguments *arguments, const char *flag, const char *name, json_t *route,
                    struct arctic_error *error)
{
    const char *text = cli_flag_text(arguments, flag);
    if (!text)
        return ARCTIC_OK;
    json_t *value = *text ? json_string(text) : json_null();
    if (!value || json_object_set_new(route, name, value) < 0)
        return cli_fail_usage(error, "--%s is no valid UTF-8", flag);
    return ARCTIC_OK;
}

static int make_route(const struct cli_arguments *arguments, json_t **ret_route, struct arctic_error *error)
{
    CLI_JSON *route = json_object();
    int64_t priority = 0;
    if (!route)
        return cli_fail_memory(error);
    int code = set_cidr(arguments, "source-cidr", "source_cidr", route, error);
    if (code == ARCTIC_OK)
        code = set_cidr(arguments, "dest-cidr", "dest_cidr", route, error);
    if (code == ARCTIC_OK)
        code = cli_flag_number(arguments, "priority", &priority, error);
    if (code < 0)
        return code;
    if (cli_flag_given(arguments, "priority") &&
        json_object_set_new(route, "priority", json_integer(priority)) < 0)
        return cli_fail_memory(error);
    *ret_route = cli_steal(route);
    return ARCTIC_OK;
}

/* Routes that are asked for at a time. An answer with many more is too large to be carried between agents. */
#define PAGE 10000

static int request_page(struct cli *cli, const char *path, int64_t limit, int64_t after, json_t **ret_routes,
                        struct arctic_error *error)
{
    CLI_FREE char *page = cli_format("%s?limit=%lld&after=%lld", path, (long long)limit, (long long)after);
    return page ? cli_request_list(cli, page, "routes", ret_routes, error) : cli_fail_memory(error);
}

static int64_t last_id(const json_t *routes)
{
    const json_t *last = json_array_get(routes, json_array_size(routes) - 1);
    return json_integer_value(json_object_get(last, "id"));
}

/* The routes behind the id `after`, at most `limit` of them. */
static int request_routes(struct cli *cli, const char *path, int64_t limit, int64_t after,
                          json_t **ret_routes, struct arctic_error *error)
{
    CLI_JSON *routes = json_array();
    if (!routes)
        return cli_fail_memory(error);
    for (size_t got = PAGE; got == PAGE && limit > 0;) {
        CLI_JSON *page = NULL;
        int code = request_page(cli, path, limit < PAGE ? limit : PAGE, after, &page, error);
        if (code < 0)
            return code;
        got = json_array_size(page);
        if (got > 0 && last_id(page) <= after)
            return cli_fail(error, ARCTIC_E_PROTOCOL,
                            "the agent does not list routes in the order of their ids");
        if (json_array_extend(routes, page) < 0)
            return cli_fail_memory(error);
        limit -= (int64_t)got;
        after = got > 0 ? last_id(page) : after;
    }
    *ret_routes = cli_steal(routes);
    return ARCTIC_OK;
}

/* What is left out is said, so that nobody takes a part for all. */
static void note_part(const struct cli *cli, const json_t *routes, int64_t limit)
{
    if (limit < INT64_MAX && json_array_size(routes) == (size_t)limit)
        cli_note(cli, "There may be more: --after %lld shows the next.", (long long)last_id(routes));
}

static int read_part(const struct cli_arguments *arguments, int64_t *ret_limit, int64_t *ret_after,
                     struct arctic_error *error)
{
    int64_t limit = INT64_MAX;
    int64_t after = 0;
    int code = cli_flag_number(arguments, "limit", &limit, error);
    if (code == ARCTIC_OK && limit < 1)
        return cli_fail_usage(error, "--limit takes a number from 1");
    if (code == ARCTIC_OK)
        code = cli_flag_number(arguments, "after", &after, error);
    *ret_limit = limit;
    *ret_after = after;
    return code;
}

static int run_list(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_FREE char *path = NULL;
    CLI_JSON *routes = NULL;
    int64_t limit = 0;
    int64_t after = 0;
    bool done = false;
    int code = read_part(arguments, &limit, &after, error);
    if (code == ARCTIC_OK)
        code = routes_path(cli, arguments, false, &path, error);
    if (code == ARCTIC_OK)
        code = request_routes(cli, path, limit, after, &routes, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, routes, &done, error);
    if (code == ARCTIC_OK && !done)
        code = cli_print_counted_routes(stdout, routes, error);
    if (code == ARCTIC_OK)
        note_part(cli, routes, limit);
    return code;
}

static int check_add(const struct cli_arguments *arguments, struct arctic_error *error)
{
    const char *priority = NULL;
    const char *source = cli_flag_text(arguments, "source-cidr");
    const char *destination = cli_flag_text(arguments, "dest-cidr");
    if (!(source && *source) && !(destination && *destination))
        return cli_fail_usage(error, "'routes add' needs --source-cidr or --dest-cidr, or both");
    return cli_flag_required(arguments, "priority", &priority, error);
}

static int print_added(const struct cli *cli, const json_t *answer, const char *service,
                       struct arctic_error *error)
{
    const json_t *ids = json_object_get(answer, "route_ids");
    CLI_FREE char *text = cli_scalar_text(ids);
    struct cli_table table = {.table = NULL};
    CLI_FREE char *count = cli_format("%zu", json_array_size(ids));
    if (!text || !count)
        return cli_fail_memory(error);
    cli_table_begin(&table, (const char *const[]){"ROUTE_IDS", "COUNT", NULL}, true);
    cli_table_row(&table, (const char *[]){text, count});
    int code = cli_table_end(&table, stdout, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "Added %s route%s to service %s.", count, json_array_size(ids) == 1 ? "" : "s",
                 service);
    return code;
}

static int run_add(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_FREE char *path = NULL;
    CLI_JSON *route = NULL;
    CLI_JSON *answer = NULL;
    bool done = false;
    int code = check_add(arguments, error);
    if (code == ARCTIC_OK)
        code = make_route(arguments, &route, error);
    if (code == ARCTIC_OK)
        code = routes_path(cli, arguments, false, &path, error);
    if (code == ARCTIC_OK)
        code = cli_request(cli, "POST", path, json_pack("{s:[O]}", "routes", route), &answer, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, answer, &done, error);
    return code < 0 || done ? code : print_added(cli, answer, cli_flag_text(arguments, "service"), error);
}

static int run_update(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_FREE char *path = NULL;
    CLI_JSON *route = NULL;
    CLI_JSON *answer = NULL;
    bool done = false;
    int code = make_route(arguments, &route, error);
    if (code == ARCTIC_OK && json_object_size(route) == 0)
        code = cli_fail_usage(error, "'routes update' needs --priority, --source-cidr or --dest-cidr");
    if (code == ARCTIC_OK)
        code = routes_path(cli, arguments, true, &path, error);
    if (code == ARCTIC_OK)
        code = cli_request(cli, "PUT", path, json_incref(route), &answer, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, answer, &done, error);
    if (code < 0 || done)
        return code;
    code = cli_print_members(stdout, answer, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "Route %s is updated.", cli_flag_text(arguments, "route"));
    return code;
}

static int run_delete(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_FREE char *path = NULL;
    int code = cli_check_confirm(arguments, error);
    if (code == ARCTIC_OK)
        code = routes_path(cli, arguments, true, &path, error);
    if (code < 0)
        return code;
    const char *route = cli_flag_text(arguments, "route");
    CLI_FREE char *question =
        cli_format("Delete route %s of service %s?", route, cli_flag_text(arguments, "service"));
    code = cli_delete(cli, arguments, question, path, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "Route %s is deleted.", route);
    return code;
}

#define SERVICE_FLAG                                                                                         \
    {                                                                                                        \
        .name = "service", .value = "SERVICE", .kind = CLI_KIND_SERVICE, .required = true,                   \
        .help = "service by id, name or beginning of its id"                                                 \
    }
#define ROUTE_FLAG                                                                                           \
    {                                                                                                        \
        .name = "route", .value = "NUMBER", .kind = CLI_KIND_ROUTE, .required = true,                        \
        .help = "number of the route, see 'arctic routes list'"                                              \
    }
#define CIDR_FLAGS                                                                                           \
    {.name = "source-cidr",                                                                                  \
     .value = "CIDR",                                                                                        \
     .help = "network that the traffic comes from, such as 10.0.0.0/8"},                                     \
    {                                                                                                        \
        .name = "dest-cidr", .value = "CIDR",                                                                \
        .help = "network that the traffic goes to, such as 192.168.100.0/24"                                 \
    }
#define PRIORITY_HELP "1 or more; of routes that are equally specific the LOWEST value wins"

static const struct cli_flag list_flags[] = {
    SERVICE_FLAG,
    {.name = "limit", .value = "NUMBER", .help = "at most so many routes"},
    {.name = "after", .value = "NUMBER", .help = "only routes with higher numbers than this one"},
    {.name = NULL},
};
static const struct cli_flag add_flags[] = {
    SERVICE_FLAG,
    CIDR_FLAGS,
    {.name = "priority", .value = "NUMBER", .required = true, .help = PRIORITY_HELP},
    {.name = NULL},
};
static const struct cli_flag update_flags[] = {
    SERVICE_FLAG,   ROUTE_FLAG, CIDR_FLAGS, {.name = "priority", .value = "NUMBER", .help = PRIORITY_HELP},
    {.name = NULL},
};
static const struct cli_flag delete_flags[] = {SERVICE_FLAG, ROUTE_FLAG, CLI_FLAG_YES, {.name = NULL}};

static const struct cli_flag explain_flags[] = {
    {.name = "source",
     .value = "ADDRESS",
     .required = true,
     .help = "where the traffic comes from, such as 10.1.0.5"},
    {.name = "dest", .value = "ADDRESS", .required = true, .help = "where it goes to, such as 192.168.100.7"},
    {.name = "interface", .value = "NAME", .help = "interface that it arrives on"},
    {.name = NULL},
};

const struct cli_command cli_routes_commands[] = {
    {.path = "routes list",
     .summary = "list the routes of a service",
     .about =
         "Lists the routes of a service with what each has carried: flows, and payload out, from clients "
         "to the target, and back in, in the order of their numbers. --json has all counters, in full. Of "
         "many routes --limit shows a part, and --after with the last number of one part the next.",
     .examples =
         "arctic routes list --service db-replication\n"
         "arctic routes list --service db-replication --json | jq 'max_by(.counters.bytes_received)'\n"
         "arctic routes list --service db-replication --limit 100 --after 4200\n",
     .flags = list_flags,
     .run = run_list},
    {.path = "routes add",
     .summary = "add a route to a service",
     .about =
         "Adds a route: traffic from --source-cidr to --dest-cidr (at least one of them) is carried by the "
         "service. The most specific route wins: by source and destination, then by source, then by "
         "destination; "
         "of equally specific ones the one with the LOWER priority value.",
     .examples =
         "arctic routes add --service db-replication --source-cidr 10.0.0.0/8 --dest-cidr 192.168.100.0/24 "
         "--priority 100\n"
         "arctic routes add --service db-replication --dest-cidr 2001:db8:1::/48 --priority 100\n",
     .flags = add_flags,
     .run = run_add},
    {.path = "routes update",
     .summary = "change a route",
     .about = "Changes what the flags name. An empty CIDR (--source-cidr \"\") takes it back, as long as the "
              "other "
              "one remains.",
     .examples =
         "arctic routes update --service db-replication --route 3 --priority 50\n"
         "arctic routes update --service db-replication --route 3 --source-cidr 10.1.0.0/16 "
         "--dest-cidr 192.168.200.0/24\n"
         "arctic routes update --service db-replication --route 3 --source-cidr \"\"   # from anywhere\n",
     .flags = update_flags,
     .run = run_update},
    {.path = "routes delete",
     .summary = "delete a route",
     .about = "Deletes a route of a service; asks first.",
     .examples = "arctic routes delete --service db-replication --route 3\n"
                 "arctic routes delete --service db-replication --route 3 --yes\n",
     .flags = delete_flags,
     .run = run_delete},
    {.path = "routes explain",
     .summary = "say which route takes a flow, and why",
     .about = "Says what the agent does with traffic from one address to another: which route takes it, and "
              "for each "
              "other route why it does not. Routes live on the source peer of their service: ask that one, "
              "with --peer "
              "where it is another.",
     .examples = "arctic routes explain --source 10.1.0.5 --dest 192.168.100.7\n"
                 "arctic routes explain --source 10.1.0.5 --dest 192.168.100.7 --json | jq .winner\n",
     .flags = explain_flags,
     .run = cli_run_explain},
    {.path = NULL},
};
