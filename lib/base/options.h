/*
 * Public structs that begin with their size (size_t, set by the caller to its own sizeof), so that they can
 * grow at their end while programs built against an older header go on working.
 */
#ifndef ARCI_BASE_OPTIONS_H
#define ARCI_BASE_OPTIONS_H

#include <stddef.h>

#include <arctic/error.h>

/*
 * Copies what a caller gives into *ret_options, a struct of `size` bytes. A smaller one leaves the rest zero;
 * of a larger one (a newer caller) what this library does not know must be zero. The copy's own size is
 * `size`. `what` names the struct in messages. Errors: ARCTIC_E_USAGE.
 */
int arci_options_take(const void *given, void *ret_options, size_t size, const char *what,
                      struct arctic_error *error);

/*
 * Copies a result of `size` bytes into the caller's struct, as much of it as the caller knows; what only the
 * caller knows becomes zero. Its size member stays. Errors: ARCTIC_E_USAGE.
 */
int arci_options_give(const void *result, size_t size, void *ret_given, const char *what,
                      struct arctic_error *error);

#endif
