/* arctic completion: the scripts for the shells. */
#include "cli/cli.h"

#include <string.h>

#include "cli/completion-scripts.h"

static int run_completion(struct cli *cli, const struct cli_arguments *arguments, struct arctic_error *error)
{
    static const struct {
        const char *shell;
        const char *script;
    } scripts[] = {{"bash", cli_completion_bash}, {"zsh", cli_completion_zsh}, {"fish", cli_completion_fish}};
    (void)cli;
    for (size_t i = 0; i < sizeof scripts / sizeof scripts[0]; i++) {
        if (strcmp(scripts[i].shell, arguments->operands[0]) != 0)
            continue;
        fputs(scripts[i].script, stdout);
        return ARCTIC_OK;
    }
    return cli_fail_usage(error, "there is completion for bash, zsh and fish, not for '%.40s'",
                          arguments->operands[0]);
}

const struct cli_command cli_completion_commands[] = {
    {.path = "completion",
     .summary = "print the completion script of a shell",
     .operands = "SHELL",
     .operand_kind = CLI_KIND_WORDS,
     .words = "bash zsh fish",
     .operands_min = 1,
     .operands_max = 1,
     .about = "Prints the script that makes a shell complete commands, flags, and the names and ids that the "
              "agent knows. "
              "An installation brings it to where the shells look for it; otherwise load it yourself.\n\n"
              "Names and ids are asked of the agent, for at most a second, and kept in ~/.cache/arctic for "
              "the time of the "
              "preference cache_ttl.",
     .examples = "arctic completion bash > ~/.local/share/bash-completion/completions/arctic\n"
                 "arctic completion zsh > ~/.zfunc/_arctic      # a folder of $fpath\n"
                 "arctic completion fish > ~/.config/fish/completions/arctic.fish\n",
     .needs_no_config = true,
     .run = run_completion},
    {.path = NULL},
};
