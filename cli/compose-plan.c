/* What diff and apply show before anything happens: "+" for what comes, "-" for what goes, "~" for what changes. */
#include "cli/compose-plan.h"

#include <string.h>

#define ROUTES_SHOWN 20 /* of one service; programs get all of them */

static const char *sign_of(const char *action)
{
    if (strcmp(action, "update") == 0)
        return "~";
    if (strcmp(action, "delete") == 0)
        return "-";
    return strcmp(action, "replace") == 0 ? "-/+" : "+";
}

static void print_value(FILE *stream, const json_t *value)
{
    CLI_FREE char *text = cli_scalar_text(value);
    if (json_is_null(value))
        fputs("none", stream);
    else
        fputs(text ? text : "?", stream);
}

static void print_changes(FILE *stream, const json_t *changes, bool created)
{
    for (size_t i = 0; i < json_array_size(changes); i++) {
        const json_t *change = json_array_get(changes, i);
        fprintf(stream, "    %s: ", cli_json_text(change, "field"));
        if (!created) {
            print_value(stream, json_object_get(change, "old"));
            fputs(" -> ", stream);
        }
        print_value(stream, json_object_get(change, "new"));
        fputc('\n', stream);
    }
}

static void print_prefix(FILE *stream, const json_t *route, const char *member)
{
    const char *text = cli_json_text(route, member);
    fputs(*text ? text : "any", stream);
}

static void print_route(FILE *stream, const char *sign, const json_t *route)
{
    const json_t *old = json_object_get(route, "old_priority");
    fprintf(stream, "    %s route ", sign);
    print_prefix(stream, route, "source_cidr");
    fputs(" -> ", stream);
    print_prefix(stream, route, "dest_cidr");
    fputs(", priority ", stream);
    if (old)
        fprintf(stream, "%lld -> ", (long long)json_integer_value(old));
    fprintf(stream, "%lld\n", (long long)json_integer_value(json_object_get(route, "priority")));
}

static void print_routes(FILE *stream, const json_t *routes)
{
    static const char *const lists[][2] = {{"add", "+"}, {"update", "~"}, {"delete", "-"}};
    size_t shown = 0;
    size_t total = 0;
    for (size_t list = 0; list < 3; list++) {
        const json_t *array = json_object_get(routes, lists[list][0]);
        total += json_array_size(array);
        for (size_t i = 0; i < json_array_size(array) && shown < ROUTES_SHOWN; i++, shown++)
            print_route(stream, lists[list][1], json_array_get(array, i));
    }
    if (total > shown)
        fprintf(stream, "    and %zu more changes of routes (--json lists all)\n", total - shown);
}

static void print_peer(FILE *stream, const json_t *step, const char *action)
{
    fprintf(stream, "%s peer %s", sign_of(action), cli_json_text(step, "name"));
    if (strcmp(action, "bootstrap") == 0)
        fprintf(stream, ": bootstrap the agent at %s", cli_json_text(step, "address"));
    if (strcmp(action, "add") == 0)
        fprintf(stream, ": add the agent at %s to the cluster", cli_json_text(step, "address"));
    fputc('\n', stream);
    print_changes(stream, json_object_get(step, "changes"), false);
}

static void print_service(FILE *stream, const json_t *step, const char *action)
{
    bool created = strcmp(action, "create") == 0;
    fprintf(stream, "%s service %s", sign_of(action), cli_json_text(step, "name"));
    if (created)
        fprintf(stream, ": %s -> %s, %s", cli_json_text(step, "source_peer"),
                cli_json_text(step, "target_peer"), cli_json_text(step, "transport_type"));
    if (strcmp(action, "replace") == 0)
        fputs(": deleted and made again, since its peers cannot be changed", stream);
    fputc('\n', stream);
    print_changes(stream, json_object_get(step, "changes"), created);
    print_routes(stream, json_object_get(step, "routes"));
}

static void print_summary(FILE *stream, const json_t *summary)
{
    static const char *const texts[][2] = {{"bootstrap", "to bootstrap"}, {"add", "to add"},
                                           {"create", "to create"},       {"update", "to update"},
                                           {"replace", "to replace"},     {"delete", "to delete"}};
    const char *separator = "\nPlan: ";
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        long long count = (long long)json_integer_value(json_object_get(summary, texts[i][0]));
        if (count == 0)
            continue;
        fprintf(stream, "%s%lld %s", separator, count, texts[i][1]);
        separator = ", ";
    }
    fputs(".\n", stream);
}

static void print_kept(FILE *stream, const json_t *kept, const char *name)
{
    size_t count = json_array_size(kept);
    if (count == 0)
        return;
    fprintf(stream, "%zu service%s not in %s and stay%s (--prune deletes):", count,
            count == 1 ? " is" : "s are", name, count == 1 ? "s" : "");
    for (size_t i = 0; i < count && i < ROUTES_SHOWN; i++)
        fprintf(stream, "%s %s", i > 0 ? "," : "", json_string_value(json_array_get(kept, i)));
    fputs(count > ROUTES_SHOWN ? ", ...\n" : "\n", stream);
}

void cli_compose_plan_print(FILE *stream, const json_t *plan, const char *name)
{
    const json_t *steps = json_object_get(plan, "steps");
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        const char *action = cli_json_text(step, "action");
        if (strcmp(cli_json_text(step, "kind"), "peer") == 0)
            print_peer(stream, step, action);
        else
            print_service(stream, step, action);
    }
    if (json_array_size(steps) > 0)
        print_summary(stream, json_object_get(plan, "summary"));
    else
        fprintf(stream, "The cluster is as %s says: nothing to do.\n", name);
    print_kept(stream, json_object_get(plan, "kept"), name);
}
