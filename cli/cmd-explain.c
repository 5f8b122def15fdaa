/* arctic routes explain: which route takes a flow, and why the others do not. */
#include "cli/cmd-explain.h"

#include <string.h>

/* The winner first, then the losers in the agent's order. */
static json_t *rows_of(const json_t *answer)
{
    json_t *winner = json_object_get(answer, "winner");
    json_t *rows = json_array();
    if (rows && json_is_object(winner))
        json_array_append(rows, winner);
    if (rows)
        json_array_extend(rows, json_object_get(answer, "losers"));
    return rows;
}

static void note_outcome(const struct cli *cli, const json_t *answer)
{
    const char *action = cli_json_text(answer, "action");
    const char *reason = cli_json_text(answer, "action_reason");
    const json_t *winner = json_object_get(answer, "winner");
    if (strcmp(action, "carry") == 0)
        cli_note(cli, "Carried by service %s.", cli_json_text(winner, "service_name"));
    else if (strcmp(action, "refuse") == 0)
        cli_note(cli, "Refused: service %s is %s.", cli_json_text(winner, "service_name"),
                 cli_json_text(winner, "service_state"));
    else if (strcmp(action, "direct") == 0)
        cli_note(cli, "Goes directly, past Arctic%s%s.", *reason ? ": " : "", reason);
    if (json_is_true(json_object_get(answer, "truncated")))
        cli_note(cli, "Of %lld other routes the first are shown.",
                 (long long)json_integer_value(json_object_get(answer, "loser_count")));
}

static int print_answer(const struct cli *cli, const json_t *answer, struct arctic_error *error)
{
    static const char *const members[] = {"service_name", "route_id", "source_cidr",   "dest_cidr",
                                          "priority",     "class",    "service_state", "reason_text"};
    static const char *const columns[] = {"SERVICE", "ROUTE", "SOURCE", "DEST", "PRIORITY",
                                          "CLASS",   "STATE", "WHY",    NULL};
    CLI_JSON *rows = rows_of(answer);
    if (!rows)
        return cli_fail_memory(error);
    int code = cli_print_objects(stdout, rows, members, columns, error);
    if (code == ARCTIC_OK)
        note_outcome(cli, answer);
    return code;
}

int cli_run_explain(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_JSON *answer = NULL;
    bool done = false;
    json_t *body =
        json_pack("{s:s, s:s, s:s*}", "source", cli_flag_text(arguments, "source"), "dest",
                  cli_flag_text(arguments, "dest"), "interface", cli_flag_text(arguments, "interface"));
    if (!body)
        return cli_fail_usage(error, "the flags must be valid UTF-8");
    int code = cli_request(cli, "POST", "/v1/routes/explain", body, &answer, error);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(cli, answer, &done, error);
    return code < 0 || done ? code : print_answer(cli, answer, error);
}
