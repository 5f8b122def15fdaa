/* The one layout of compose files. */
#ifndef ARCI_COMPOSE_FORMAT_H
#define ARCI_COMPOSE_FORMAT_H

#include "compose/source.h"
#include "compose/tree.h"

/*
 * Writes a text without faults in that layout: the same data, the same comments in the same order; formatting the result changes
 * nothing. *ret_text is to be freed. Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_format(const struct arci_source *source, const struct arci_tree *tree, char **ret_text,
                struct arctic_error *error);

#endif
