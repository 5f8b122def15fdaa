/* The command line's parser: what is understood, and what people are told when it is not. */
#include "tests/unit/unit.h"

#include <string.h>
#include <wordexp.h>

#include "cli/arguments.h"

#define ARGUMENTS_MAX 16

/* Parses a line of words; "_" stands for an empty one. */
static int parse(const char *line, struct cli_arguments *arguments, struct arctic_error *error)
{
    static char text[256];
    static char *words[ARGUMENTS_MAX + 1];
    int count = 0;
    words[count++] = (char *)"arctic";
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word && count < ARGUMENTS_MAX; word = strtok(NULL, " "))
        words[count++] = strcmp(word, "_") == 0 ? word + 1 : word;
    words[count] = NULL;
    return cli_arguments_parse(count, words, arguments, error);
}

static void assert_refused(const char *line, const char *message)
{
    struct cli_arguments arguments;
    struct arctic_error error;
    assert_int_equal(parse(line, &arguments, &error), ARCTIC_E_USAGE);
    assert_string_equal(error.message, message);
}

static void test_flags_in_every_form(void **state)
{
    (void)state;
    struct cli_arguments arguments;
    struct arctic_error error;
    assert_ok(parse("-q --url=http://a services create --target-peer b --requires-interface --name=x=y "
                    "--fully-transparent=false -ojson --desired-ipv4 _",
                    &arguments, &error),
              error);
    assert_string_equal(arguments.command->path, "services create");
    assert_true(cli_flag_on(&arguments, "quiet"));
    assert_string_equal(cli_flag_text(&arguments, "url"), "http://a");
    assert_string_equal(cli_flag_text(&arguments, "target-peer"), "b");
    assert_string_equal(cli_flag_text(&arguments, "name"), "x=y");
    assert_string_equal(cli_flag_text(&arguments, "output"), "json");
    assert_string_equal(cli_flag_text(&arguments, "desired-ipv4"), "");
    assert_true(cli_flag_on(&arguments, "requires-interface"));
    assert_true(cli_flag_given(&arguments, "fully-transparent"));
    assert_false(cli_flag_on(&arguments, "fully-transparent"));
    assert_false(cli_flag_given(&arguments, "desired-ipv6"));
    assert_null(cli_flag_text(&arguments, "desired-ipv6"));
}

static void test_operands_and_aliases(void **state)
{
    (void)state;
    struct cli_arguments arguments;
    struct arctic_error error;
    assert_ok(parse("service delete --yes svc_1", &arguments, &error), error);
    assert_string_equal(arguments.command->path, "services delete");
    assert_string_equal(arguments.operands[0], "svc_1");
    assert_ok(parse("peer get -- -strange", &arguments, &error), error);
    assert_string_equal(arguments.operands[0], "-strange");
    assert_ok(parse("route list --service a -qj", &arguments, &error), error);
    assert_true(cli_flag_on(&arguments, "quiet") && cli_flag_on(&arguments, "json"));
}

static void test_help_wants_nothing_else(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *command;
        const char *group;
    } cases[] = {{"--help", NULL, ""},
                 {"services --help", NULL, "services"},
                 {"help services", NULL, "services"},
                 {"peers get --help", "peers get", ""},
                 {"help peers get", "peers get", ""},
                 {"--version", NULL, ""}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli_arguments arguments;
        struct arctic_error error;
        assert_ok(parse(cases[i].line, &arguments, &error), error);
        assert_string_equal(arguments.group, cases[i].group);
        assert_int_equal(arguments.command == NULL, cases[i].command == NULL);
        if (cases[i].command)
            assert_string_equal(arguments.command->path, cases[i].command);
    }
}

static void test_what_is_refused(void **state)
{
    (void)state;
    assert_refused("", "no command given");
    assert_refused("servics list", "unknown command 'servics', did you mean 'services'?");
    assert_refused("frobnicate", "unknown command 'frobnicate'");
    assert_refused("services", "'services' needs a command after it");
    assert_refused("services lsit", "unknown command 'services lsit', did you mean 'services list'?");
    assert_refused("services create --taget-peer x",
                   "unknown flag --taget-peer, did you mean --target-peer?");
    assert_refused("services create --target a", "unknown flag --target, did you mean --target-peer?");
    assert_refused("services create --desired a", "unknown flag --desired for 'services create'");
    assert_refused("services create --frobnicate", "unknown flag --frobnicate for 'services create'");
    assert_refused("--frobnicate services create", "unknown flag --frobnicate before a command");
    assert_refused("services create --target-peer", "--target-peer needs a value: --target-peer PEER");
    assert_refused("services create --target-peer a --target-peer b", "--target-peer is given twice");
    assert_refused("services create --requires-interface=7",
                   "--requires-interface is a switch: it takes true or false, not '7'");
    assert_refused("services get", "'services get' needs SERVICE");
    assert_refused("services get a b", "'services get' takes no further 'b'");
    assert_refused("services create --name x", "'services create' needs --target-peer");
    assert_refused("services create --target-peer=", "'services create' needs --target-peer");
    assert_refused("services list -x", "unknown flag -x for 'services list'");
}

static void test_numbers(void **state)
{
    (void)state;
    int64_t number = -1;
    assert_true(cli_read_number("0", 10, &number) && number == 0);
    assert_true(cli_read_number("2147483647", INT64_MAX, &number) && number == 2147483647);
    static const char *const wrong[] = {"",  "-1", "+1", "1.5", " 1", "1 ", "0x10", "1000000000000000000000",
                                        "11"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(cli_read_number(wrong[i], 10, &number));
}

/* An example is a line for a shell: what stands before a pipe, a file or a comment is a command line of ours. */
static void check_example(const struct cli_command *command, const char *line, size_t length)
{
    char text[512];
    wordexp_t words;
    struct cli_arguments arguments;
    struct arctic_error error;
    assert_true(length < sizeof text);
    snprintf(text, sizeof text, "%.*s", (int)length, line);
    static const char *const ends[] = {" | ", " > ", " < ", "  #"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char *end = strstr(text, ends[i]);
        if (end)
            *end = '\0';
    }
    assert_int_equal(wordexp(text, &words, WRDE_NOCMD | WRDE_UNDEF), 0);
    assert_string_equal(words.we_wordv[0], "arctic");
    assert_ok(cli_arguments_parse((int)words.we_wordc, words.we_wordv, &arguments, &error), error);
    assert_ptr_equal(arguments.command, command);
    wordfree(&words);
}

static void check_examples(const struct cli_command *command)
{
    const char *line = command->examples;
    assert_true(*line != '\0');
    while (*line) {
        size_t length = strcspn(line, "\n");
        assert_true(line[length] == '\n');
        check_example(command, line, length);
        line += length + 1;
    }
}

static void check_flag(const struct cli_flag *flag)
{
    assert_non_null(flag->help);
    assert_true((flag->kind == CLI_KIND_WORDS || flag->kind == CLI_KIND_SCOPES) == (flag->words != NULL));
    assert_true(flag->value || (!flag->kind && !flag->required));
    assert_true(strchr(flag->help, '\n') == NULL && flag->help[strlen(flag->help) - 1] != '.');
}

/* Help, completion and manual pages are made from the table: each row has to have what they need. */
static bool check_row(const struct cli_command *command, void *context)
{
    int *count = context;
    ++*count;
    assert_true(command->summary[strlen(command->summary) - 1] != '.');
    assert_true(command->about[strlen(command->about) - 1] == '.');
    assert_ptr_equal(cli_command_find(command->path), command);
    assert_true(command->operands_min <= command->operands_max &&
                command->operands_max <= CLI_POSITIONALS_MAX);
    assert_true((command->operands != NULL) == (command->operands_max > 0));
    assert_true((command->operand_kind == CLI_KIND_WORDS) == (command->words != NULL));
    check_examples(command);
    for (const struct cli_flag *flag = command->flags; flag && flag->name; flag++) {
        check_flag(flag);
        assert_null(cli_flag_find(cli_global_flags, flag->name, strlen(flag->name), flag->letter));
    }
    return true;
}

static void test_table_of_commands(void **state)
{
    (void)state;
    int count = 0;
    cli_commands_visit(check_row, &count);
    assert_true(count > 15);
    for (const struct cli_flag *flag = cli_global_flags; flag->name; flag++)
        check_flag(flag);
    for (const struct cli_group *group = cli_groups; group->title; group++)
        assert_true((group->word != NULL) == (group->about != NULL && group->summary != NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_in_every_form),
        cmocka_unit_test(test_operands_and_aliases),
        cmocka_unit_test(test_help_wants_nothing_else),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_table_of_commands),
    };
    return cmocka_run_group_tests_name("cli arguments", tests, NULL, NULL);
}
