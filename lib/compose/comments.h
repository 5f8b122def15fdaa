/* The comments of a YAML text, which libyaml passes over: what stands between its tokens. */
#ifndef ARCI_COMPOSE_COMMENTS_H
#define ARCI_COMPOSE_COMMENTS_H

#include <stddef.h>

#include <arctic/error.h>

#include "compose/source.h"

struct arci_comment {
    struct arci_place place;
    size_t start;  /* offset of its '#' */
    size_t length; /* without white space at its end */
};

/* In the order of the text. Zero-initialised it is empty. */
struct arci_comments {
    struct arci_comment *items;
    size_t count;
    size_t capacity;
};

/*
 * Finds the comments of a text in which arci_tree_read() found no faults. Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_INTERNAL (there
 * were faults).
 */
int arci_comments_read(const struct arci_source *source, struct arci_comments *ret_comments,
                       struct arctic_error *error);

void arci_comments_release(struct arci_comments *comments);

#endif
