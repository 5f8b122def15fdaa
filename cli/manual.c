/* Text becomes man(7): what would be a request or an escape in it is not, and dashes can be copied. */
#include "cli/manual.h"

#include <ctype.h>
#include <string.h>

static void put_text(FILE *stream, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        bool begins_line = i == 0 || text[i - 1] == '\n';
        if (begins_line && (text[i] == '.' || text[i] == '\''))
            fputs("\\&", stream);
        if (text[i] == '\\')
            fputs("\\e", stream);
        else if (text[i] == '-')
            fputs("\\-", stream);
        else
            fputc(text[i], stream);
    }
}

static void put(FILE *stream, const char *text)
{
    put_text(stream, text, strlen(text));
}

/* Sentences begin lines in manual pages. */
static void put_paragraph(FILE *stream, const char *text, size_t length)
{
    size_t begin = 0;
    for (size_t i = 0; i + 1 < length; i++) {
        if (text[i] != '.' || text[i + 1] != ' ' || !isupper((unsigned char)text[i + 2]))
            continue;
        put_text(stream, text + begin, i + 1 - begin);
        fputc('\n', stream);
        begin = i + 2;
    }
    put_text(stream, text + begin, length - begin);
    fputc('\n', stream);
}

static void put_paragraphs(FILE *stream, const char *text)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);
        put_paragraph(stream, text, length);
        text += length + (end ? 2 : 0);
        if (*text)
            fputs(".PP\n", stream);
    }
}

static void put_flags(FILE *stream, const struct cli_flag *flags)
{
    for (; flags && flags->name; flags++) {
        fputs(".TP\n", stream);
        if (flags->letter)
            fprintf(stream, "\\fB\\-%c\\fR, ", flags->letter);
        fputs("\\fB\\-\\-", stream);
        put(stream, flags->name);
        fputs("\\fR", stream);
        if (flags->value)
            fprintf(stream, " \\fI%s\\fR", flags->value);
        fputc('\n', stream);
        put(stream, flags->help);
        fputs(flags->required ? " (required)\n" : "\n", stream);
    }
}

static void put_examples(FILE *stream, const char *examples)
{
    fputs(".PP\nExamples:\n.PP\n.nf\n.RS 4\n", stream);
    put(stream, examples);
    fputs(".RE\n.fi\n", stream);
}

/* "arctic routes add --service SERVICE --priority NUMBER [flags]" */
static void put_usage(FILE *stream, const struct cli_command *command)
{
    fputs("\\fBarctic ", stream);
    put(stream, command->path);
    fputs("\\fR", stream);
    if (command->operands)
        fprintf(stream, command->operands_min > 0 ? " \\fI%s\\fR" : " [\\fI%s\\fR]", command->operands);
    for (const struct cli_flag *flag = command->flags; flag && flag->name; flag++) {
        if (!flag->required)
            continue;
        fputs(" \\fB\\-\\-", stream);
        put(stream, flag->name);
        fprintf(stream, "\\fR \\fI%s\\fR", flag->value);
    }
    fputs(" [\\fIflags\\fR]\n", stream);
}

static void put_head(FILE *stream, const char *name, const char *summary, const char *version,
                     const char *date)
{
    fputs(".\\\" Made from the table of commands in cli/.\n.TH ", stream);
    for (const char *letter = name; *letter; letter++)
        fputc(toupper((unsigned char)*letter), stream);
    fprintf(stream, " 1 %s \"arctic %s\" \"Arctic\"\n.SH NAME\n", date, version);
    put(stream, name);
    fputs(" \\- ", stream);
    put(stream, summary);
    fputc('\n', stream);
}

/* --- A page for a first word --- */

struct page {
    FILE *stream;
    const char *word;
    const struct cli_command *single; /* the command that the word alone is */
    unsigned lines;                   /* of the synopsis */
};

static bool is_on(const struct page *page, const struct cli_command *command)
{
    return strcmp(command->path, page->word) == 0 || cli_command_is_under(command, page->word);
}

static bool put_synopsis(const struct cli_command *command, void *context)
{
    struct page *page = context;
    if (!is_on(page, command))
        return true;
    if (page->lines++ > 0)
        fputs(".br\n", page->stream);
    put_usage(page->stream, command);
    return true;
}

static bool put_command(const struct cli_command *command, void *context)
{
    const struct page *page = context;
    if (!is_on(page, command) || command == page->single)
        return true;
    fputs(".SS arctic ", page->stream);
    put(page->stream, command->path);
    fputc('\n', page->stream);
    put_usage(page->stream, command);
    fputs(".PP\n", page->stream);
    put_paragraphs(page->stream, command->about);
    put_flags(page->stream, command->flags);
    put_examples(page->stream, command->examples);
    return true;
}

static const struct cli_group *group_of(const char *word)
{
    for (const struct cli_group *group = cli_groups; group->title; group++) {
        if (group->word && strcmp(group->word, word) == 0)
            return group;
    }
    return NULL;
}

static void print_page(FILE *stream, const char *word, const char *version, const char *date)
{
    const struct cli_group *group = group_of(word);
    struct page page = {.stream = stream, .word = word, .single = cli_command_find(word)};
    CLI_FREE char *name = cli_format("arctic-%s", word);
    put_head(stream, name ? name : word,
             group         ? group->summary
             : page.single ? page.single->summary
                           : "",
             version, date);
    fputs(".SH SYNOPSIS\n", stream);
    cli_commands_visit(put_synopsis, &page);
    fputs(".SH DESCRIPTION\n", stream);
    if (group)
        put_paragraphs(stream, group->about);
    if (page.single) {
        put_paragraphs(stream, page.single->about);
        put_flags(stream, page.single->flags);
        put_examples(stream, page.single->examples);
    }
    if (cli_command_is_group(word)) {
        fputs(".SH COMMANDS\n", stream);
        cli_commands_visit(put_command, &page);
    }
    fputs(".SH SEE ALSO\n.BR arctic (1),\nwhich has the flags of every command, exit codes and files\n",
          stream);
}

/* --- The page of the whole --- */

struct words {
    const char *last;
    bool (*visit)(const char *word, void *context);
    void *context;
};

static bool is_new_word(const struct words *words, const char *path, size_t length)
{
    return !words->last || strncmp(words->last, path, length) != 0 ||
           (words->last[length] != ' ' && words->last[length] != '\0');
}

static bool visit_word(const struct cli_command *command, void *context)
{
    struct words *words = context;
    char word[48];
    size_t length = strcspn(command->path, " ");
    if (!is_new_word(words, command->path, length))
        return true;
    words->last = command->path;
    snprintf(word, sizeof word, "%.*s", (int)length, command->path);
    return words->visit(word, words->context);
}

void cli_manual_visit(bool (*visit)(const char *word, void *context), void *context)
{
    struct words words = {.visit = visit, .context = context};
    cli_commands_visit(visit_word, &words);
}

static bool put_reference(const char *word, void *context)
{
    fprintf(context, ".BR arctic\\-%s (1),\n", word);
    return true;
}

static void put_commands(FILE *stream)
{
    for (const struct cli_group *group = cli_groups; group->title; group++) {
        fprintf(stream, ".SS %s\n", group->title);
        for (const struct cli_command *command = group->commands; command->path; command++) {
            fputs(".TP\n\\fBarctic ", stream);
            put(stream, command->path);
            fputs("\\fR", stream);
            if (command->operands)
                fprintf(stream, " \\fI%s\\fR", command->operands);
            fputc('\n', stream);
            put(stream, command->summary);
            fputc('\n', stream);
        }
    }
}

static const char whole_text[] =
    ".SH SYNOPSIS\n\\fBarctic\\fR \\fICOMMAND\\fR [\\fIflags\\fR]\n"
    ".SH DESCRIPTION\nArctic carries TCP between sites through tuned, encrypted tunnels.\n"
    "An agent,\n.BR arctic\\-agent ,\nruns on a host at each site; this command talks to the agents over "
    "their REST API.\n"
    ".PP\nWhat is to last is best kept in a file: see \\fBarctic compose\\fR.\n"
    "The other commands are for looking and for quick changes.\n"
    ".PP\nWherever an id is taken, a unique name or the unique beginning of an id will do.\n"
    "Data goes to the standard output, everything else to the standard error.\n"
    "Commands that destroy ask on a terminal; elsewhere they need \\fB\\-\\-yes\\fR.\n";

static const char whole_end[] =
    ".SH EXIT STATUS\n"
    ".IP 0\ndone\n.IP 1\nfailed\n.IP 2\nwrong usage\n.IP 3\nnot authenticated, or not allowed\n"
    ".IP 4\nagent unreachable\n.IP 5\nnot found\n.IP 6\nrefused as invalid or conflicting\n"
    ".SH ENVIRONMENT\n"
    ".IP ARCTIC_CONFIG\nthe configuration file\n"
    ".IP XDG_CONFIG_HOME\nwhere the configuration file is, in the folder arctic (default: ~/.config)\n"
    ".IP XDG_CACHE_HOME\nwhere completion keeps what agents have answered, in the folder arctic (default: "
    "~/.cache)\n"
    ".IP NO_COLOR\nno colours, when set to anything\n"
    ".SH FILES\n"
    ".IP ~/.config/arctic/config.yaml\n"
    "Clusters with their credentials, peers and endpoints, and preferences: see\n.BR arctic\\-config (1).\n"
    "Mode 0600; older copies beside it end in .1, .2 and so on.\n";

static void print_whole(FILE *stream, const char *version, const char *date)
{
    put_head(stream, "arctic", "carry traffic between sites through tuned, encrypted tunnels", version, date);
    fputs(whole_text, stream);
    fputs(".SH COMMANDS\n", stream);
    put_commands(stream);
    fputs(".SH FLAGS OF EVERY COMMAND\n", stream);
    put_flags(stream, cli_global_flags);
    fputs(whole_end, stream);
    fputs(".SH SEE ALSO\n", stream);
    cli_manual_visit(put_reference, stream);
    fputs(".BR arctic-agent (8),\n.BR nft (8)\n", stream);
}

void cli_manual_print(FILE *stream, const char *word, const char *version, const char *date)
{
    if (word)
        print_page(stream, word, version, date);
    else
        print_whole(stream, version, date);
}
