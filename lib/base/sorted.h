/* Arrays of rows that begin with an id and are in the order of ids, as strcmp() has it. */
#ifndef ARCI_BASE_SORTED_H
#define ARCI_BASE_SORTED_H

#include <stdbool.h>
#include <stddef.h>

#include <arctic/id.h>

/*
 * Index of the first row with an id, or of the place where it belongs; *ret_found says which. `size` is that of a row. `rows` may be
 * NULL where there are none.
 */
size_t arci_sorted_place(const void *rows, size_t count, size_t size, const struct arctic_id *id,
                         bool *ret_found);

#endif
