/* The parser: words until they name a command, then its operands, and flags in between. */
#include "cli/arguments.h"

#include <string.h>

struct parser {
    int argc;
    char **argv;
    int next;
    bool flags_ended;
    struct cli_arguments *arguments;
};

/* --- Near misses --- */

struct words {
    const char *group; /* NULL: first words */
    const char *texts[64];
    size_t count;
    char memory[64][24];
};

static bool collect_word(const struct cli_command *command, void *context)
{
    struct words *words = context;
    const char *word = command->path;
    if (words->group && !cli_command_is_under(command, words->group))
        return true;
    if (words->group)
        word += strlen(words->group) + 1;
    if (words->count < 64) {
        snprintf(words->memory[words->count], sizeof words->memory[0], "%.*s", (int)strcspn(word, " "), word);
        words->texts[words->count] = words->memory[words->count];
        words->count++;
    }
    return true;
}

static const char *word_at(const void *context, size_t index)
{
    return ((const struct words *)context)->texts[index];
}

static int fail_command(const struct parser *parser, const char *word, struct arctic_error *error)
{
    const char *group = parser->arguments->group;
    struct words words = {.group = *group ? group : NULL};
    cli_commands_visit(collect_word, &words);
    const char *near = cli_suggest(word, word_at, words.count, &words);
    const char *space = *group ? " " : "";
    if (near)
        return cli_fail_usage(error, "unknown command '%s%s%.60s', did you mean '%s%s%s'?", group, space,
                              word, group, space, near);
    return cli_fail_usage(error, "unknown command '%s%s%.60s'", group, space, word);
}

static const struct cli_flag *find_flag(const struct parser *parser, const char *name, size_t length,
                                        char letter)
{
    const struct cli_command *command = parser->arguments->command;
    const struct cli_flag *flag = cli_flag_find(cli_global_flags, name, length, letter);
    return flag || !command ? flag : cli_flag_find(command->flags, name, length, letter);
}

static void collect_flags(const struct cli_flag *list, struct words *words)
{
    for (; list && list->name && words->count < 64; list++)
        words->texts[words->count++] = list->name;
}

static int fail_flag(const struct parser *parser, const char *text, struct arctic_error *error)
{
    const struct cli_command *command = parser->arguments->command;
    char name[40];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    const char *bare = name + strspn(name, "-");
    struct words words = {.count = 0};
    collect_flags(command ? command->flags : NULL, &words);
    collect_flags(cli_global_flags, &words);
    const char *near = cli_suggest(bare, word_at, words.count, &words);
    if (near)
        return cli_fail_usage(error, "unknown flag %s, did you mean --%s?", name, near);
    if (!command)
        return cli_fail_usage(error, "unknown flag %s before a command", name);
    return cli_fail_usage(error, "unknown flag %s for '%s'", name, command->path);
}

/* --- Flags --- */

static int store_flag(struct parser *parser, const struct cli_flag *flag, const char *value,
                      struct arctic_error *error)
{
    struct cli_arguments *arguments = parser->arguments;
    if (cli_flag_given(arguments, flag->name))
        return cli_fail_usage(error, "--%s is given twice", flag->name);
    if (arguments->flag_count == CLI_FLAGS_MAX)
        return cli_fail_usage(error, "too many flags");
    if (!flag->value && value && strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
        return cli_fail_usage(error, "--%s is a switch: it takes true or false, not '%.60s'", flag->name,
                              value);
    arguments->flags[arguments->flag_count].flag = flag;
    arguments->flags[arguments->flag_count].value = value;
    arguments->flag_count++;
    return ARCTIC_OK;
}

/* Takes the next word as the value where it is not in the same one. */
static int take_flag(struct parser *parser, const struct cli_flag *flag, const char *value,
                     struct arctic_error *error)
{
    if (flag->value && !value) {
        if (parser->next == parser->argc)
            return cli_fail_usage(error, "--%s needs a value: --%s %s", flag->name, flag->name, flag->value);
        value = parser->argv[parser->next++];
    }
    /* A variable that was not set, most likely: what it was to choose must not be chosen by default. */
    if (value && !*value && cli_flag_find(cli_global_flags, flag->name, strlen(flag->name), 0))
        return cli_fail_usage(error, "--%s is empty", flag->name);
    return store_flag(parser, flag, value, error);
}

static int parse_long_flag(struct parser *parser, const char *text, struct arctic_error *error)
{
    size_t length = strcspn(text + 2, "=");
    const struct cli_flag *flag = find_flag(parser, text + 2, length, 0);
    if (!flag)
        return fail_flag(parser, text, error);
    const char *value = text[2 + length] == '=' ? text + 2 + length + 1 : NULL;
    return take_flag(parser, flag, value, error);
}

/* "-q", "-ojson", "-o=json", and switches together: "-qj". */
static int parse_short_flags(struct parser *parser, const char *text, struct arctic_error *error)
{
    for (const char *letter = text + 1; *letter; letter++) {
        const struct cli_flag *flag = find_flag(parser, NULL, 0, *letter);
        if (!flag)
            return fail_flag(parser, text, error);
        if (flag->value)
            return take_flag(parser, flag, letter[1] ? letter + 1 + (letter[1] == '=') : NULL, error);
        int code = store_flag(parser, flag, NULL, error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

/* --- Words --- */

static int parse_operand(struct parser *parser, const char *word, struct arctic_error *error)
{
    struct cli_arguments *arguments = parser->arguments;
    const struct cli_command *command = arguments->command;
    if (arguments->operand_count == command->operands_max)
        return cli_fail_usage(error, "'%s' takes no further '%.80s'", command->path, word);
    arguments->operands[arguments->operand_count++] = word;
    return ARCTIC_OK;
}

static int parse_command_word(struct parser *parser, const char *word, struct arctic_error *error)
{
    struct cli_arguments *arguments = parser->arguments;
    char path[96];
    if (!*arguments->group) {
        word = cli_command_plain_word(word);
        arguments->first_word = parser->next - 1;
    }
    snprintf(path, sizeof path, "%s%s%.40s", arguments->group, *arguments->group ? " " : "", word);
    arguments->command = cli_command_find(path);
    if (arguments->command) {
        arguments->group[0] = '\0';
        return ARCTIC_OK;
    }
    if (*arguments->group || !cli_command_is_group(path))
        return fail_command(parser, word, error);
    snprintf(arguments->group, sizeof arguments->group, "%.31s", path);
    return ARCTIC_OK;
}

static int parse_word(struct parser *parser, struct arctic_error *error)
{
    const char *word = parser->argv[parser->next++];
    if (!parser->flags_ended && strcmp(word, "--") == 0) {
        parser->flags_ended = true;
        return ARCTIC_OK;
    }
    if (!parser->flags_ended && strncmp(word, "--", 2) == 0)
        return parse_long_flag(parser, word, error);
    if (!parser->flags_ended && word[0] == '-' && word[1])
        return parse_short_flags(parser, word, error);
    if (parser->arguments->command)
        return parse_operand(parser, word, error);
    return parse_command_word(parser, word, error);
}

static int check_complete(const struct cli_arguments *arguments, struct arctic_error *error)
{
    const struct cli_command *command = arguments->command;
    const char *text = NULL;
    if (cli_flag_on(arguments, "help") || cli_flag_on(arguments, "version"))
        return ARCTIC_OK;
    if (!command && *arguments->group)
        return cli_fail_usage(error, "'%s' needs a command after it", arguments->group);
    if (!command)
        return cli_fail_usage(error, "no command given");
    if (arguments->operand_count < command->operands_min)
        return cli_fail_usage(error, "'%s' needs %s", command->path, command->operands);
    for (const struct cli_flag *flag = command->flags; flag && flag->name; flag++) {
        int code = flag->required ? cli_flag_required(arguments, flag->name, &text, error) : ARCTIC_OK;
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

int cli_arguments_parse(int argc, char **argv, struct cli_arguments *ret_arguments,
                        struct arctic_error *error)
{
    struct parser parser = {.argc = argc, .argv = argv, .next = 1, .arguments = ret_arguments};
    *ret_arguments = (struct cli_arguments){.command = NULL};
    /* "arctic help services create" is "arctic services create --help". */
    if (argc > 1 && strcmp(argv[1], "help") == 0) {
        parser.next = 2;
        store_flag(&parser, cli_flag_find(cli_global_flags, "help", 4, 0), NULL, error);
    }
    while (parser.next < argc) {
        int code = parse_word(&parser, error);
        if (code < 0)
            return code;
    }
    return check_complete(ret_arguments, error);
}

/* --- Reading --- */

bool cli_flag_given(const struct cli_arguments *arguments, const char *name)
{
    for (size_t i = 0; i < arguments->flag_count; i++) {
        if (strcmp(arguments->flags[i].flag->name, name) == 0)
            return true;
    }
    return false;
}

const char *cli_flag_text(const struct cli_arguments *arguments, const char *name)
{
    for (size_t i = 0; i < arguments->flag_count; i++) {
        if (strcmp(arguments->flags[i].flag->name, name) == 0)
            return arguments->flags[i].value;
    }
    return NULL;
}

bool cli_flag_on(const struct cli_arguments *arguments, const char *name)
{
    const char *value = cli_flag_text(arguments, name);
    return cli_flag_given(arguments, name) && (!value || strcmp(value, "true") == 0);
}

int cli_flag_required(const struct cli_arguments *arguments, const char *name, const char **ret_text,
                      struct arctic_error *error)
{
    const char *text = cli_flag_text(arguments, name);
    if (!text || !*text)
        return cli_fail_usage(error, "'%s' needs --%s", arguments->command->path, name);
    *ret_text = text;
    return ARCTIC_OK;
}

int cli_flag_number(const struct cli_arguments *arguments, const char *name, int64_t *ret_number,
                    struct arctic_error *error)
{
    const char *text = cli_flag_text(arguments, name);
    if (text && !cli_read_number(text, INT64_MAX, ret_number))
        return cli_fail_usage(error, "--%s takes a whole number, not '%.60s'", name, text);
    return ARCTIC_OK;
}
