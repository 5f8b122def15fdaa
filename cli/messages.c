/* What people are told: errors with what to do about them, notes, and questions. */
#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

static int exit_code(int code)
{
    switch (code) {
    case ARCTIC_OK:
        return 0;
    case ARCTIC_E_USAGE:
        return 2;
    case ARCTIC_E_UNAUTHORIZED:
    case ARCTIC_E_TOKEN_EXPIRED:
    case ARCTIC_E_FORBIDDEN:
    case ARCTIC_E_LICENSE_READ_ONLY:
    case ARCTIC_E_LICENSE_SUSPENDED:
    case ARCTIC_E_UNTRUSTED:
        return 3;
    case ARCTIC_E_UNREACHABLE:
    case ARCTIC_E_TIMEOUT:
        return 4;
    case ARCTIC_E_NOT_FOUND:
        return 5;
    case ARCTIC_E_METHOD_NOT_ALLOWED:
    case ARCTIC_E_INTERNAL:
        return 1;
    default:
        return code < 0 && code > ARCTIC_E_INTERNAL ? 6 : 1;
    }
}

static bool is_command(const struct cli_arguments *arguments, const char *path)
{
    return arguments->command && strcmp(arguments->command->path, path) == 0;
}

static const char *advice(const struct cli *cli, const struct cli_arguments *arguments,
                          const struct arctic_error *error)
{
    switch (error->code) {
    case ARCTIC_E_UNREACHABLE:
        return "Check that the agent runs there and that this host may reach it, or name another agent with "
               "--url.";
    case ARCTIC_E_TIMEOUT:
        return "Try a longer --timeout.";
    case ARCTIC_E_UNAUTHORIZED:
    case ARCTIC_E_TOKEN_EXPIRED:
        return cli->cluster_object
                   ? "The credentials in the configuration file do not hold here: choose another --cluster."
                   : "This agent's cluster is not in the configuration file: choose one with --cluster.";
    case ARCTIC_E_FORBIDDEN:
        return "The credentials in use lack the scope for it.";
    case ARCTIC_E_NOT_BOOTSTRAPPED:
        return "Run 'arctic bootstrap --url URL --license-file FILE' for this agent first.";
    case ARCTIC_E_LICENSE_EXPIRED:
    case ARCTIC_E_LICENSE_READ_ONLY:
    case ARCTIC_E_LICENSE_SUSPENDED:
        return "Renew the licence: arctic license update --license-file FILE";
    case ARCTIC_E_SERVICE_LIMIT_EXCEEDED:
        return "Delete services that are not needed, or get a larger licence.";
    case ARCTIC_E_PEER_UNREACHABLE:
        return is_command(arguments, "peers add")
                   ? "Check that the agent runs there, and that its API port and its tunnel port (8080/tcp "
                     "and\n"
                     "61000/tcp by default) are open towards this agent."
                   : "See 'arctic peers list': a peer has to be connected first.";
    case ARCTIC_E_ALREADY_BOOTSTRAPPED:
        return "An agent is bootstrapped once, and gives its credentials then: 'arctic config clusters' "
               "lists those "
               "kept here.";
    case ARCTIC_E_ALREADY_EXISTS:
        return is_command(arguments, "cluster init") ? "Give --force for another id." : NULL;
    case ARCTIC_E_UNTRUSTED:
        return "If the agent has a new key for a reason that you know, put its fingerprint into the "
               "configuration file;\n"
               "if not, somebody may be in between.";
    case ARCTIC_E_LICENSE_INVALID:
        return "An agent accepts licences of the trust roots in its build: issue one with the key of such a "
               "root.";
    case ARCTIC_E_LICENSE_MISMATCH:
        return "Licences of one cluster name one customer: issue them with the same --customer.";
    case ARCTIC_E_HANDSHAKE_FAILED:
        return "The agent's log there says more. Two builds that each made a trust root do not trust each "
               "other.";
    case ARCTIC_E_NODE_LIMIT_EXCEEDED:
        return "The licence allows no more peers: get a larger one.";
    case ARCTIC_E_NOT_FOUND:
        /* What is missing before an agent was asked is in the configuration file. */
        if (!cli->client)
            return "See 'arctic config clusters'.";
        if (arguments->command && cli_command_is_under(arguments->command, "credentials"))
            return "See 'arctic credentials list'.";
        if (arguments->command && strncmp(arguments->command->path, "routes", 6) == 0)
            return "See 'arctic services list' and 'arctic routes list --service SERVICE'.";
        return "See 'arctic peers list' and 'arctic services list'.";
    default:
        return NULL;
    }
}

static void print_usage_advice(const struct cli_arguments *arguments)
{
    const char *path = arguments->command ? arguments->command->path : arguments->group;
    fprintf(stderr, "Run 'arctic %s%s--help' to see how it is used.\n", path, *path ? " " : "");
}

/* A message may quote what an agent sent. */
static void make_printable(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = ' ';
    }
}

int cli_report(const struct cli *cli, const struct cli_arguments *arguments, const struct arctic_error *error)
{
    struct arctic_error shown = *error;
    make_printable(shown.message);
    make_printable(shown.field);
    const char *prefix = cli->color ? "\033[1;31marctic:\033[0m" : "arctic:";
    bool name_field = shown.field[0] && error->code != ARCTIC_E_USAGE && !strstr(shown.message, shown.field);
    if (name_field)
        fprintf(stderr, "%s %s: %s\n", prefix, shown.field, shown.message);
    else
        fprintf(stderr, "%s %s\n", prefix, shown.message);
    const char *what_to_do = advice(cli, arguments, error);
    if (error->code == ARCTIC_E_USAGE)
        print_usage_advice(arguments);
    else if (what_to_do && !cli->quiet)
        fprintf(stderr, "%s\n", what_to_do);
    return exit_code(error->code);
}

void cli_note(const struct cli *cli, const char *format, ...)
{
    if (cli->quiet)
        return;
    CLI_FREE char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text = NULL;
        return;
    }
    make_printable(text);
    fprintf(stderr, "%s\n", text);
}

int cli_check_confirm(const struct cli_arguments *arguments, struct arctic_error *error)
{
    if (cli_flag_on(arguments, "yes") || (isatty(STDIN_FILENO) && isatty(STDERR_FILENO)))
        return ARCTIC_OK;
    return cli_fail_usage(error, "'%s' asks before it acts, and there is no terminal: give --yes",
                          arguments->command->path);
}

int cli_confirm(const struct cli_arguments *arguments, const char *question, struct arctic_error *error)
{
    char line[16] = "";
    if (cli_flag_on(arguments, "yes"))
        return ARCTIC_OK;
    int code = cli_check_confirm(arguments, error);
    if (code < 0)
        return code;
    fprintf(stderr, "%s [y/N] ", question);
    fflush(stderr);
    if (!fgets(line, sizeof line, stdin)) {
        line[0] = '\0';
        fputc('\n', stderr);
    }
    line[strcspn(line, "\r\n")] = '\0';
    if (strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0)
        return ARCTIC_OK;
    return cli_fail(error, ARCTIC_E_CANCELLED, "nothing was done");
}

int cli_print_unless_table(const struct cli *cli, const json_t *value, bool *ret_done,
                           struct arctic_error *error)
{
    *ret_done = cli->format != CLI_FORMAT_TABLE;
    return *ret_done ? cli_print_value(stdout, cli->format, value, error) : ARCTIC_OK;
}
