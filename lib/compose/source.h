/* The text of a compose file: cleaned once, so that what follows meets valid UTF-8, \n alone, and nothing unprintable. */
#ifndef ARCI_COMPOSE_SOURCE_H
#define ARCI_COMPOSE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include <arctic/error.h>

/* Where something stands in the text: both from 0, columns in characters. */
struct arci_place {
    size_t line;
    size_t column;
};

struct arci_source {
    char *text; /* ends in NUL */
    size_t length;
    size_t *lines; /* offset at which each line begins */
    size_t line_count;
    size_t *characters; /* how many begin before each block of bytes: a program may write all on one line */
};

struct arci_faults;

/*
 * Takes a copy without byte order mark and carriage returns. What is no text goes to `faults`, with its place, and
 * replaced in the copy. Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_source_read(const char *text, size_t length, struct arci_source *ret_source,
                     struct arci_faults *faults, struct arctic_error *error);

/* Offset in bytes of a place, at most the text's length. */
size_t arci_source_offset(const struct arci_source *source, struct arci_place place);

/* The place of an offset. */
struct arci_place arci_source_place(const struct arci_source *source, size_t offset);

/* Whether a line holds white space alone. */
bool arci_source_blank(const struct arci_source *source, size_t line);

void arci_source_release(struct arci_source *source);

#endif
