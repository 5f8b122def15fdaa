/* Manual pages from the table of commands, in man(7): arctic(1), and arctic-WORD(1) for each first word. */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "cli/command.h"

/* Calls `visit` once for each first word of a command until it returns false. */
void cli_manual_visit(bool (*visit)(const char *word, void *context), void *context);

/* Writes the page of a first word; NULL: that of the whole. `date` is such as 2026-11-23. */
void cli_manual_print(FILE *stream, const char *word, const char *version, const char *date);

#endif
