/* Prose on a screen: paragraphs broken into lines. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include "cli/support.h"

/* Prints paragraphs, which an empty line divides, in lines of at most `width` bytes. */
void cli_print_wrapped(FILE *stream, const char *text, size_t width);

/* Prints `left` and beside it `right`, all of whose lines begin at `column`. */
void cli_print_entry(FILE *stream, const char *left, const char *right, size_t column, size_t width);

/* Replaces what could steer a terminal by '?': names and messages come from agents, and an agent may be anybody. */
void cli_make_harmless(char *text);

/* Whether there is nothing to replace. */
bool cli_is_harmless(const char *text);

#endif
