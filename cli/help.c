/* The overview, the commands of a group, and one command with its flags and examples. */
#include "cli/help.h"

#include <string.h>

#include "cli/text.h"

#define WIDTH 96
#define FLAG_COLUMN 31
#define ROW_COLUMN 37

static void print_flags(FILE *stream, const struct cli_flag *flags)
{
    for (; flags && flags->name; flags++) {
        char left[64];
        char letter[] = "    ";
        if (flags->letter)
            snprintf(letter, sizeof letter, "-%c, ", flags->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, flags->name, flags->value ? " " : "",
                 flags->value ? flags->value : "");
        CLI_FREE char *help = cli_format("%s%s", flags->help, flags->required ? " (required)" : "");
        cli_print_entry(stream, left, help ? help : flags->help, FLAG_COLUMN, WIDTH);
    }
}

static void print_row(FILE *stream, const struct cli_command *command)
{
    const char *operands = command->operands ? command->operands : "";
    char left[64];
    snprintf(left, sizeof left, "  %s%s%s", command->path, *operands ? " " : "", operands);
    cli_print_entry(stream, left, command->summary, ROW_COLUMN, WIDTH);
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
    fputs("\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 not authenticated or not allowed, 4 agent\n"
          "unreachable, 5 not found, 6 refused as invalid or conflicting.\n"
          "Run 'arctic COMMAND --help' for a command's own flags and examples; 'man arctic' has it all.\n",
          stream);
}

struct group_printer {
    FILE *stream;
    const char *word;
};

static bool print_if_in_group(const struct cli_command *command, void *context)
{
    const struct group_printer *printer = context;
    if (cli_command_is_under(command, printer->word))
        print_row(printer->stream, command);
    return true;
}

static void print_group(FILE *stream, const char *word)
{
    struct group_printer printer = {.stream = stream, .word = word};
    fprintf(stream, "Usage: arctic %s COMMAND [flags]\n\n", word);
    for (const struct cli_group *group = cli_groups; group->title; group++) {
        if (group->word && strcmp(group->word, word) == 0) {
            cli_print_wrapped(stream, group->about, WIDTH);
            fputc('\n', stream);
        }
    }
    cli_commands_visit(print_if_in_group, &printer);
    fprintf(stream, "\nRun 'arctic %s COMMAND --help' for flags and examples.\n", word);
}

/* "routes add --service SERVICE --priority NUMBER [flags]": what cannot be left out. */
static void print_usage(FILE *stream, const struct cli_command *command)
{
    fprintf(stream, "Usage: arctic %s", command->path);
    if (command->operands)
        fprintf(stream, command->operands_min > 0 ? " %s" : " [%s]", command->operands);
    for (const struct cli_flag *flag = command->flags; flag && flag->name; flag++) {
        if (flag->required)
            fprintf(stream, " --%s %s", flag->name, flag->value);
    }
    fputs(" [flags]\n\n", stream);
}

static void print_examples(FILE *stream, const char *examples)
{
    fputs("\nExamples:\n", stream);
    while (*examples) {
        size_t length = strcspn(examples, "\n");
        fprintf(stream, "  %.*s\n", (int)length, examples);
        examples += length + (examples[length] == '\n');
    }
}

static void print_command(FILE *stream, const struct cli_command *command)
{
    print_usage(stream, command);
    cli_print_wrapped(stream, command->about, WIDTH);
    if (command->flags && command->flags->name) {
        fputs("\nFlags:\n", stream);
        print_flags(stream, command->flags);
    }
    print_examples(stream, command->examples);
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
