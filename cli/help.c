/* The overview, the commands of a group, and one command with its flags and examples. */
#include "cli/help.h"

#include <string.h>

static void print_flags(FILE *stream, const struct cli_flag *flags)
{
    for (; flags && flags->name; flags++) {
        char left[48];
        char letter[] = {' ', ' ', ' ', ' ', '\0'};
        if (flags->letter)
            memcpy(letter, (char[]){'-', flags->letter, ',', ' '}, 4);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, flags->name, flags->value ? " " : "",
                 flags->value ? flags->value : "");
        fprintf(stream, "  %-28s %s\n", left, flags->help);
    }
}

static void print_row(FILE *stream, const struct cli_command *command)
{
    char left[48];
    snprintf(left, sizeof left, "%s%s%s", command->path, *command->operands ? " " : "", command->operands);
    fprintf(stream, "  %-34s %s\n", left, command->summary);
}

static void print_overview(FILE *stream)
{
    fputs(
        "Usage: arctic COMMAND [flags]\n\n"
        "Carries traffic between sites through tuned, encrypted tunnels: this command talks to the agents.\n",
        stream);
    for (const struct cli_group *group = cli_groups; group->title; group++) {
        fprintf(stream, "\n%s:\n", group->title);
        for (const struct cli_command *command = group->commands; command->path; command++)
            print_row(stream, command);
    }
    fputs("\nFlags of every command:\n", stream);
    print_flags(stream, cli_global_flags);
    fputs("\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 not authenticated or not allowed, 4 agent "
          "unreachable,\n"
          "5 not found, 6 refused as invalid or conflicting.\n"
          "Run 'arctic COMMAND --help' for a command's own flags and examples.\n",
          stream);
}

struct group_printer {
    FILE *stream;
    const char *group;
};

static bool print_if_in_group(const struct cli_command *command, void *context)
{
    const struct group_printer *printer = context;
    size_t length = strlen(printer->group);
    if (strncmp(command->path, printer->group, length) == 0 && command->path[length] == ' ')
        print_row(printer->stream, command);
    return true;
}

static void print_group(FILE *stream, const char *group)
{
    struct group_printer printer = {.stream = stream, .group = group};
    fprintf(stream, "Usage: arctic %s COMMAND [flags]\n\n", group);
    cli_commands_visit(print_if_in_group, &printer);
    fprintf(stream, "\nRun 'arctic %s COMMAND --help' for flags and examples.\n", group);
}

static void print_command(FILE *stream, const struct cli_command *command)
{
    fprintf(stream, "Usage: arctic %s%s%s [flags]\n\n%s\n", command->path, *command->operands ? " " : "",
            command->operands, command->help);
    if (command->flags && command->flags->name) {
        fputs("\nFlags:\n", stream);
        print_flags(stream, command->flags);
    }
    fputs("\nFlags of every command: see 'arctic --help'.\n", stream);
}

void cli_help_print(FILE *stream, const struct cli_arguments *arguments)
{
    if (arguments->command)
        print_command(stream, arguments->command);
    else if (*arguments->group)
        print_group(stream, arguments->group);
    else
        print_overview(stream);
}
