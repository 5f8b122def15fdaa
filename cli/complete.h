/* Completion: what may stand at the place where somebody is typing. */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "cli/cli.h"

/* The first word that asks for it, see cli/completion/. */
#define CLI_COMPLETE_WORD "__complete"

/*
 * Prints what the last of argv[2..] may be, a line each: the word, and behind a tab what it is. A line ":files" stands
 * for the names of files. Whatever goes wrong, it prints less.
 */
void cli_complete(struct cli *cli, int argc, char **argv, FILE *stream);

/* --- Values (complete-values.c) --- */

struct cli_completer {
    struct cli *cli;
    struct cli_arguments arguments; /* what stands before the word */
    FILE *stream;
    const char *prefix; /* what every word printed begins with besides: "--output=" */
    const char *typed;  /* what the words have to begin with, after the prefix */
};

/* Prints a word that begins as typed. `what` may be NULL. */
void cli_complete_offer(const struct cli_completer *completer, const char *word, const char *what);

/* Prints the values of a kind. `index` is the place of an operand. */
void cli_complete_values(struct cli_completer *completer, enum cli_kind kind, const char *words,
                         unsigned index);

#endif
