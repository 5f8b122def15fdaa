/* Finds out from the words before it what kind of word is being typed. Lenient where the parser is not. */
#include "cli/complete.h"

#include <string.h>

#include "cli/preferences.h"

struct walk {
    struct cli_completer completer;
    const struct cli_flag *pending; /* flag whose value comes next */
    bool flags_ended;
    bool lost; /* there is no such command or flag */
};

static const struct cli_flag *find_flag(const struct walk *walk, const char *name, size_t length, char letter)
{
    const struct cli_command *command = walk->completer.arguments.command;
    const struct cli_flag *flag = cli_flag_find(cli_global_flags, name, length, letter);
    return flag || !command ? flag : cli_flag_find(command->flags, name, length, letter);
}

static void store_flag(struct walk *walk, const struct cli_flag *flag, const char *value)
{
    struct cli_arguments *arguments = &walk->completer.arguments;
    if (arguments->flag_count == CLI_FLAGS_MAX)
        return;
    arguments->flags[arguments->flag_count].flag = flag;
    arguments->flags[arguments->flag_count++].value = value;
}

static void take_flag(struct walk *walk, const struct cli_flag *flag, const char *value)
{
    walk->lost = walk->lost || !flag;
    if (flag && flag->value && !value)
        walk->pending = flag;
    else if (flag)
        store_flag(walk, flag, value);
}

static void take_long_flag(struct walk *walk, const char *text)
{
    size_t length = strcspn(text, "=");
    take_flag(walk, find_flag(walk, text, length, 0), text[length] ? text + length + 1 : NULL);
}

static void take_letters(struct walk *walk, const char *letters)
{
    for (; *letters && !walk->lost; letters++) {
        const struct cli_flag *flag = find_flag(walk, NULL, 0, *letters);
        if (flag && flag->value) {
            take_flag(walk, flag, letters[1] ? letters + 1 + (letters[1] == '=') : NULL);
            return;
        }
        take_flag(walk, flag, NULL);
    }
}

static void take_command_word(struct walk *walk, const char *word)
{
    struct cli_arguments *arguments = &walk->completer.arguments;
    char path[96];
    if (!*arguments->group)
        word = cli_command_plain_word(word);
    snprintf(path, sizeof path, "%s%s%.40s", arguments->group, *arguments->group ? " " : "", word);
    arguments->command = cli_command_find(path);
    if (!arguments->command && (*arguments->group || !cli_command_is_group(path)))
        walk->lost = true;
    snprintf(arguments->group, sizeof arguments->group, "%.31s", arguments->command ? "" : path);
}

static void take_word(struct walk *walk, const char *word)
{
    struct cli_arguments *arguments = &walk->completer.arguments;
    if (walk->pending) {
        store_flag(walk, walk->pending, word);
        walk->pending = NULL;
    } else if (!walk->flags_ended && strcmp(word, "--") == 0)
        walk->flags_ended = true;
    else if (!walk->flags_ended && strncmp(word, "--", 2) == 0)
        take_long_flag(walk, word + 2);
    else if (!walk->flags_ended && word[0] == '-' && word[1])
        take_letters(walk, word + 1);
    else if (!arguments->command)
        take_command_word(walk, word);
    else if (arguments->operand_count < CLI_POSITIONALS_MAX)
        arguments->operands[arguments->operand_count++] = word;
}

/* --- What is offered --- */

static const char *group_summary(const char *word, size_t length)
{
    for (const struct cli_group *group = cli_groups; group->title; group++) {
        if (group->word && strlen(group->word) == length && memcmp(group->word, word, length) == 0)
            return group->summary;
    }
    return NULL;
}

struct offered_words {
    const struct cli_completer *completer;
    char last[48]; /* commands with a word in common stand together */
};

static bool offer_command(const struct cli_command *command, void *context)
{
    struct offered_words *offered = context;
    const char *group = offered->completer->arguments.group;
    if (!cli_command_is_under(command, group))
        return true;
    const char *rest = command->path + strlen(group) + (*group != '\0');
    size_t length = strcspn(rest, " ");
    if (strlen(offered->last) == length && memcmp(offered->last, rest, length) == 0)
        return true;
    snprintf(offered->last, sizeof offered->last, "%.*s", (int)length, rest);
    cli_complete_offer(offered->completer, offered->last,
                       rest[length] ? group_summary(rest, length) : command->summary);
    return true;
}

static void offer_flags_of(const struct walk *walk, const struct cli_flag *flags)
{
    char text[48];
    for (; flags && flags->name; flags++) {
        if (cli_flag_given(&walk->completer.arguments, flags->name))
            continue;
        snprintf(text, sizeof text, "--%s", flags->name);
        cli_complete_offer(&walk->completer, text, flags->help);
    }
}

static void offer_flags(const struct walk *walk)
{
    const struct cli_command *command = walk->completer.arguments.command;
    offer_flags_of(walk, command ? command->flags : NULL);
    offer_flags_of(walk, cli_global_flags);
}

/* "--output=js" */
static void offer_value_of(struct walk *walk, const char *word)
{
    size_t length = strcspn(word + 2, "=");
    const struct cli_flag *flag = find_flag(walk, word + 2, length, 0);
    CLI_FREE char *prefix = strndup(word, 2 + length + 1);
    if (!flag || !prefix)
        return;
    walk->completer.prefix = prefix;
    walk->completer.typed = word + 2 + length + 1;
    if (flag->value)
        cli_complete_values(&walk->completer, flag->kind, flag->words, 0);
    else
        cli_complete_values(&walk->completer, CLI_KIND_WORDS, "true false", 0);
    walk->completer.prefix = "";
}

static void offer(struct walk *walk, const char *word)
{
    const struct cli_arguments *arguments = &walk->completer.arguments;
    const struct cli_command *command = arguments->command;
    walk->completer.typed = word;
    if (walk->pending) {
        cli_complete_values(&walk->completer, walk->pending->kind, walk->pending->words, 0);
    } else if (!walk->flags_ended && strncmp(word, "--", 2) == 0 && strchr(word, '=')) {
        offer_value_of(walk, word);
    } else if (!walk->flags_ended && word[0] == '-') {
        offer_flags(walk);
    } else if (!command) {
        struct offered_words offered = {.completer = &walk->completer};
        cli_commands_visit(offer_command, &offered);
        if (!*arguments->group && !cli_flag_on(arguments, "help"))
            cli_complete_offer(&walk->completer, "help", "explain a command");
    } else if (arguments->operand_count < command->operands_max) {
        cli_complete_values(&walk->completer, command->operand_kind, command->words,
                            arguments->operand_count);
    } else if (!walk->flags_ended) {
        offer_flags(walk);
    }
}

/* As far as what was typed says which agents are meant. */
static void choose_agent(struct cli *cli, const struct cli_arguments *arguments)
{
    cli->url = cli_flag_text(arguments, "url");
    cli->cluster = cli_flag_text(arguments, "cluster");
    cli->peer = cli_flag_text(arguments, "peer");
}

void cli_complete(struct cli *cli, int argc, char **argv, FILE *stream)
{
    struct arctic_error error;
    struct walk walk = {.completer = {.cli = cli, .stream = stream, .prefix = ""}};
    int next = 2;
    if (argc < 3)
        return;
    if (argc > 3 && strcmp(argv[2], "help") == 0) {
        store_flag(&walk, cli_flag_find(cli_global_flags, "help", 4, 0), NULL);
        next = 3;
    }
    while (next < argc - 1 && !walk.lost)
        take_word(&walk, argv[next++]);
    if (walk.lost)
        return;
    choose_agent(cli, &walk.completer.arguments);
    if (cli_config_load(cli_flag_text(&walk.completer.arguments, "config"), &cli->config, &error) < 0 ||
        cli_preferences_apply(cli, &error) < 0)
        cli->cache_ttl = 0;
    offer(&walk, argv[argc - 1]);
}
