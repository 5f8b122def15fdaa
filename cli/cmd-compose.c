/* arctic compose: init, export, fmt, validate, and the rows of all its commands. */
#include "cli/cmd-compose.h"

#include <string.h>

#include "cli/compose-file.h"

/* Writes to a path, or to stdout for "-". */
static int put_text(const char *path, const char *text, bool replace, struct arctic_error *error)
{
    if (strcmp(path, "-") != 0)
        return cli_write_file(path, text, replace, error);
    return fputs(text, stdout) < 0 ? cli_fail_errno(error, "cannot write the output") : ARCTIC_OK;
}

static int run_init(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    const char *path = NULL;
    int code = cli_compose_file_given(arguments, &path, error);
    if (!path)
        path = CLI_COMPOSE_DEFAULT;
    if (code == ARCTIC_OK)
        code = put_text(path, arctic_compose_template(), false, error);
    if (code == ARCTIC_OK && strcmp(path, "-") != 0)
        cli_note(cli, "%s is there to be edited. Then: arctic compose validate, diff, apply.", path);
    return code;
}

static void free_text(char **text)
{
    arctic_compose_free_text(*text);
}

static int run_export(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    const char *path = NULL;
    struct arctic_client *client = NULL;
    CLI_CLEANUP(free_text) char *text = NULL;
    int code = cli_compose_file_given(arguments, &path, error);
    if (code == ARCTIC_OK)
        code = cli_client(cli, &client, error);
    if (code == ARCTIC_OK)
        code = arctic_compose_export(client, &text, error);
    return code < 0 ? code : put_text(path ? path : "-", text, cli_flag_on(arguments, "force"), error);
}

/* What to do with a layout that differs from the file's. */
static int use_layout(struct cli *cli, const struct cli_arguments *arguments,
                      const struct cli_compose_file *file, const char *text, struct arctic_error *error)
{
    bool same = strcmp(text, file->text) == 0;
    if (cli_flag_on(arguments, "check")) {
        if (!same)
            return cli_fail(error, ARCTIC_E_CANCELLED, "%s is not laid out: run 'arctic compose fmt %s%s'",
                            file->name, strcmp(file->path, "-") == 0 ? "" : "--write ", file->path);
        return ARCTIC_OK;
    }
    if (!cli_flag_on(arguments, "write"))
        return put_text("-", text, false, error);
    if (same)
        return ARCTIC_OK;
    int code = cli_write_file(file->path, text, true, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "%s is laid out anew.", file->path);
    return code;
}

static int run_fmt(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_CLEANUP(cli_compose_file_release) struct cli_compose_file file = {.path = NULL};
    CLI_CLEANUP(free_text) char *text = NULL;
    if (cli_flag_on(arguments, "write") && cli_flag_on(arguments, "check"))
        return cli_fail_usage(error, "--write and --check exclude each other");
    int code = cli_compose_file_read(arguments, &file, error);
    if (code == ARCTIC_OK && cli_flag_on(arguments, "write") && strcmp(file.path, "-") == 0)
        return cli_fail_usage(error, "stdin cannot be written: leave --write out");
    if (code == ARCTIC_OK && !arctic_compose_is_readable(file.compose))
        code = cli_compose_file_check(&file, error);
    if (code == ARCTIC_OK)
        code = arctic_compose_format(file.compose, &text, error);
    return code < 0 ? code : use_layout(cli, arguments, &file, text, error);
}

static int run_validate(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    CLI_CLEANUP(cli_compose_file_release) struct cli_compose_file file = {.path = NULL};
    bool done = false;
    int code = cli_compose_file_read(arguments, &file, error);
    if (code < 0)
        return code;
    if (cli->format != CLI_FORMAT_TABLE) {
        CLI_JSON *faults = cli_compose_file_faults(&file);
        size_t count = json_array_size(faults);
        code = faults ? cli_print_unless_table(cli, faults, &done, error)
                      : cli_fail(error, ARCTIC_E_SYSTEM, "%.200s is no valid UTF-8, or memory ran out",
                                 file.name);
        return code < 0 || count == 0 ? code
                                      : cli_fail(error, ARCTIC_E_INVALID_REQUEST, "%s has %zu fault%s",
                                                 file.name, count, count == 1 ? "" : "s");
    }
    code = cli_compose_file_check(&file, error);
    if (code == ARCTIC_OK)
        cli_note(cli, "%s is valid.", file.name);
    return code;
}

static const struct cli_flag file_flags[] = {CLI_COMPOSE_FILE_FLAG, {.name = NULL}};

static const struct cli_flag init_flags[] = {
    {.name = "file",
     .letter = 'f',
     .value = "FILE",
     .kind = CLI_KIND_FILE,
     .help = "names FILE, to be written (default cluster.yaml), \"-\" for stdout"},
    {.name = NULL},
};

static const struct cli_flag export_flags[] = {
    {.name = "file",
     .letter = 'f',
     .value = "FILE",
     .kind = CLI_KIND_FILE,
     .help = "names FILE, to be written (default: stdout)"},
    {.name = "force", .help = "overwrite a file that exists"},
    {.name = NULL},
};

static const struct cli_flag fmt_flags[] = {
    CLI_COMPOSE_FILE_FLAG,
    {.name = "write", .letter = 'w', .help = "write the file instead of stdout"},
    {.name = "check", .help = "write nothing; exit with 1 where the layout is another"},
    {.name = NULL},
};

static const struct cli_flag diff_flags[] = {
    CLI_COMPOSE_FILE_FLAG,
    {.name = "prune", .help = "plan to delete services that the file does not have"},
    {.name = "exit-code", .help = "exit with 7 where there is something to do"},
    {.name = NULL},
};

static const struct cli_flag apply_flags[] = {
    CLI_COMPOSE_FILE_FLAG,
    {.name = "prune", .help = "delete services that the file does not have"},
    {.name = "dry-run", .help = "show the plan, and change nothing"},
    CLI_FLAG_YES,
    {.name = NULL},
};

const struct cli_command cli_compose_commands[] = {
    {.path = "compose init",
     .summary = "write a compose file to begin with",
     .about = "Writes a compose file with comments that explain it. One that exists is left alone.",
     .examples = "arctic compose init\n"
                 "arctic compose init site-a.yaml\n",
     CLI_COMPOSE_FILE_OPERAND,
     .flags = init_flags,
     .run = run_init},
    {.path = "compose export",
     .summary = "write the cluster as it is as a compose file",
     .about = "Writes the peers and services of a cluster as a compose file. Applied to the same cluster, it "
              "changes "
              "nothing.",
     .examples = "arctic compose export > cluster.yaml\n"
                 "arctic compose export cluster.yaml --force\n",
     CLI_COMPOSE_FILE_OPERAND,
     .flags = export_flags,
     .run = run_export},
    {.path = "compose fmt",
     .summary = "lay a compose file out",
     .about = "Prints a compose file in its one layout, or with --write puts it in place. Data and comments "
              "stay as they are.",
     .examples = "arctic compose fmt --write\n"
                 "arctic compose fmt --check   # for a pipeline\n",
     CLI_COMPOSE_FILE_OPERAND,
     .flags = fmt_flags,
     .run = run_fmt},
    {.path = "compose validate",
     .summary = "find all faults of a compose file",
     .about = "Checks a compose file without asking any agent, and prints each fault as file:line:column: "
              "message. Exits "
              "with 6 where there is one.",
     .examples = "arctic compose validate\n"
                 "arctic compose validate - < cluster.yaml\n"
                 "arctic compose validate --json\n",
     CLI_COMPOSE_FILE_OPERAND,
     .flags = file_flags,
     .run = run_validate},
    {.path = "compose diff",
     .summary = "show what apply would do",
     .about = "Compares a compose file with its cluster and prints the plan that 'compose apply' would carry "
              "out. Changes "
              "nothing.\n\n"
              "Services are matched by name; routes by their networks. Services that the file does not have "
              "stay, unless "
              "--prune is given. Peers are never deleted.",
     .examples = "arctic compose diff\n"
                 "arctic compose diff --prune --json\n"
                 "arctic compose diff --exit-code\n",
     CLI_COMPOSE_FILE_OPERAND,
     .flags = diff_flags,
     .run = cli_compose_run_diff},
    {.path = "compose apply",
     .summary = "make the cluster as the compose file says",
     .about = "Shows the plan, asks, and carries it out: agents that are not bootstrapped yet are, with the "
              "file's "
              "licence, peers are added to the cluster, services and routes are made, changed and deleted. "
              "It stops at "
              "the first failure and says what was and was not done; running it again does the rest.",
     .examples = "arctic compose apply cluster.yaml\n"
                 "arctic compose apply --dry-run\n"
                 "arctic compose apply cluster.yaml --prune --yes\n",
     CLI_COMPOSE_FILE_OPERAND,
     .flags = apply_flags,
     .run = cli_compose_run_apply},
    {.path = NULL},
};
