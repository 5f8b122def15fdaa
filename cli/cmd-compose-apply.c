/* arctic compose: diff and apply. */
#include <string.h>

#include <arctic/license.h>

#include "cli/cmd-compose.h"
#include "cli/compose-cluster.h"
#include "cli/compose-plan.h"

#define EXIT_DIFFERENT 7

/* What a run has at hand. */
struct run {
    struct cli *cli;
    struct cli_compose_file file;
    struct arctic_compose_plan *plan;
    json_t *shown; /* the plan as JSON */
    char *license;
    char *endpoint;              /* of the cluster: where it begins, that of the peer it begins with */
    bool joined;                 /* a peer came to the cluster */
    struct arctic_error problem; /* that ended the run from within */
};

static void release_run(struct run *run)
{
    arctic_compose_plan_free(run->plan);
    cli_compose_file_release(&run->file);
    json_decref(run->shown);
    arctic_client_free_text(run->license);
    free(run->endpoint);
}

static int show_plan(struct run *run, struct arctic_error *error)
{
    char *text = NULL;
    bool done = false;
    int code = arctic_compose_plan_json(run->plan, &text, error);
    if (code == ARCTIC_OK)
        code = cli_parse_answer(text, &run->shown, error);
    arctic_compose_free_text(text);
    if (code == ARCTIC_OK)
        code = cli_print_unless_table(run->cli, run->shown, &done, error);
    if (code == ARCTIC_OK && !done)
        cli_compose_plan_print(stdout, run->shown, run->file.name);
    /* Before questions and progress; and what nobody could see is not carried out. */
    if (code == ARCTIC_OK && (fflush(stdout) != 0 || ferror(stdout)))
        code = cli_fail_errno(error, "cannot write the output");
    return code;
}

static int make_plan(struct run *run, const struct cli_arguments *arguments, struct arctic_error *error)
{
    struct arctic_client *client = NULL;
    int code = cli_compose_file_read(arguments, &run->file, error);
    if (code == ARCTIC_OK)
        code = cli_compose_file_check(&run->file, error);
    if (code == ARCTIC_OK)
        code = cli_compose_client(run->cli, &run->file, &client, error);
    if (code < 0)
        return code;
    struct arctic_compose_plan_options options = {.size = sizeof options,
                                                  .client = client,
                                                  .prune = cli_flag_on(arguments, "prune"),
                                                  .timeout_ms = run->cli->timeout_ms};
    code = arctic_compose_plan_create(run->file.compose, &options, &run->plan, error);
    if (code == ARCTIC_OK && client)
        run->endpoint = strdup(arctic_client_endpoint(client));
    return code < 0 ? code : show_plan(run, error);
}

int cli_compose_run_diff(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_CLEANUP(release_run) struct run run = {.cli = cli};
    int code = make_plan(&run, arguments, error);
    if (code == ARCTIC_OK && cli_flag_on(arguments, "exit-code") && arctic_compose_plan_count(run.plan) > 0)
        cli->status = EXIT_DIFFERENT;
    return code;
}

/* --- Apply --- */

static int read_license(struct run *run, struct arctic_error *error)
{
    size_t count = arctic_compose_plan_bootstraps(run->plan);
    if (count == 0)
        return ARCTIC_OK;
    CLI_FREE char *path = cli_compose_file_license(&run->file);
    if (!path)
        return cli_fail(
            error, ARCTIC_E_MISSING_FIELD,
            "%zu peer%s to be bootstrapped, for which %s has to name a licence file (license: FILE)", count,
            count == 1 ? " is" : "s are", run->file.name);
    struct arctic_error inner;
    int code = cli_read_file(path, ARCTIC_LICENSE_TEXT_MAX, &run->license, &inner);
    if (code < 0)
        return cli_fail(error, code, "%zu peer%s to be bootstrapped with the licence that %s names: %.300s",
                        count, count == 1 ? " is" : "s are", run->file.name, inner.message);
    return cli_config_check_writable(&run->cli->config, error);
}

/* Before the question, so that the answer can be no. */
static void warn_of_bootstraps(const struct run *run)
{
    size_t index;
    json_t *step;
    json_array_foreach(json_object_get(run->shown, "steps"), index, step)
    {
        if (strcmp(cli_json_text(step, "action"), "bootstrap") != 0)
            continue;
        CLI_FREE char *endpoint = cli_format("http://%s", cli_json_text(step, "address"));
        if (endpoint)
            cli_warn_of_exposure(endpoint, "the licence and the new credentials");
    }
}

/* Whether the plan adds a peer to a cluster; if not, its bootstrap begins one. */
static bool is_added(const struct run *run, const char *name)
{
    size_t index;
    json_t *step;
    json_array_foreach(json_object_get(run->shown, "steps"), index, step)
    {
        if (strcmp(cli_json_text(step, "action"), "add") == 0 &&
            strcmp(cli_json_text(step, "name"), name) == 0)
            return true;
    }
    return false;
}

static int32_t on_bootstrap(void *user, const struct arctic_compose_bootstrap *bootstrap)
{
    struct run *run = user;
    bool added = is_added(run, bootstrap->name);
    if (!added) {
        free(run->endpoint);
        run->endpoint = strdup(bootstrap->endpoint);
    }
    run->joined = true;
    return cli_compose_save(run->cli, bootstrap, run->license, added ? run->endpoint : NULL, &run->problem) <
           0;
}

static void on_progress(void *user, const struct arctic_compose_progress *progress)
{
    static const char *const done[][2] = {{"bootstrap", "bootstrapped"}, {"add", "added"},
                                          {"create", "created"},         {"update", "updated"},
                                          {"replace", "replaced"},       {"delete", "deleted"}};
    struct run *run = user;
    bool shown = (isatty(STDERR_FILENO) || run->cli->verbose) && !run->cli->quiet;
    if (strcmp(progress->action, "add") == 0 && progress->state == ARCTIC_COMPOSE_DONE)
        run->joined = true;
    if (!shown || progress->state != ARCTIC_COMPOSE_DONE)
        return;
    for (size_t i = 0; i < sizeof done / sizeof done[0]; i++) {
        if (strcmp(done[i][0], progress->action) == 0)
            fprintf(stderr, "%s %s %s\n", progress->kind, progress->name, done[i][1]);
    }
}

static size_t count_steps(const struct run *run, int32_t state)
{
    size_t count = 0;
    for (size_t i = 0; i < arctic_compose_plan_count(run->plan); i++)
        count += arctic_compose_plan_state(run->plan, i) == state;
    return count;
}

/* What was and was not done, where a run ended early. */
static void tell_rest(const struct run *run)
{
    static const char *const texts[] = {"not done", "not ended", "done", "failed"};
    const json_t *steps = json_object_get(run->shown, "steps");
    for (size_t i = 0; i < json_array_size(steps) && !run->cli->quiet; i++) {
        const json_t *step = json_array_get(steps, i);
        int32_t state = arctic_compose_plan_state(run->plan, i);
        fprintf(stderr, "  %-9s %s %s %s\n", state >= 0 && state < 4 ? texts[state] : "",
                cli_json_text(step, "action"), cli_json_text(step, "kind"), cli_json_text(step, "name"));
    }
    cli_note(run->cli, "%zu of %zu steps are done. Running this again does the rest.",
             count_steps(run, ARCTIC_COMPOSE_DONE), arctic_compose_plan_count(run->plan));
}

static void note_cluster(struct run *run)
{
    if (run->joined && run->endpoint)
        cli_compose_join(run->cli, run->endpoint);
}

/* Names of peers are for --cluster and --peer too. */
static void note_names(struct run *run)
{
    const json_t *steps = json_object_get(run->shown, "steps");
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *step = json_array_get(steps, i);
        if (arctic_compose_plan_state(run->plan, i) == ARCTIC_COMPOSE_DONE &&
            strcmp(cli_json_text(step, "action"), "update") == 0 &&
            strcmp(cli_json_text(step, "kind"), "peer") == 0)
            cli_follow_name(run->cli, cli_json_text(step, "id"), cli_json_text(step, "name"));
    }
}

static int carry_out(struct run *run, struct arctic_error *error)
{
    struct arctic_compose_apply_options options = {.size = sizeof options,
                                                   .license = run->license,
                                                   .bootstrapped = on_bootstrap,
                                                   .progress = on_progress,
                                                   .user = run};
    int code = arctic_compose_apply(run->plan, &options, error);
    if (code == ARCTIC_E_CANCELLED && run->problem.code < 0)
        *error = run->problem;
    note_cluster(run);
    note_names(run);
    if (code < 0)
        tell_rest(run);
    else
        cli_note(run->cli, "Done: %zu step%s.", arctic_compose_plan_count(run->plan),
                 arctic_compose_plan_count(run->plan) == 1 ? "" : "s");
    return code < 0 ? error->code : code;
}

int cli_compose_run_apply(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_CLEANUP(release_run) struct run run = {.cli = cli};
    int code = make_plan(&run, arguments, error);
    if (code < 0 || arctic_compose_plan_count(run.plan) == 0 || cli_flag_on(arguments, "dry-run"))
        return code;
    code = read_license(&run, error);
    if (code == ARCTIC_OK)
        warn_of_bootstraps(&run);
    if (code == ARCTIC_OK)
        code = cli_confirm(arguments, "Carry this out?", error);
    return code < 0 ? code : carry_out(&run, error);
}
