/* The endpoints of a client: what is one, in which form it is kept, and whether it keeps secrets. */
#ifndef ARCI_REST_URL_H
#define ARCI_REST_URL_H

#include <stdbool.h>

#include <arctic/error.h>

/*
 * Checks "http://host[:port][/]" or the same with https: no user, path, query or fragment. *ret_url is the
 * URL without its last slash, to be freed. Errors: ARCTIC_E_USAGE, ARCTIC_E_NO_MEMORY.
 */
int arci_url_endpoint(const char *text, char **ret_url, struct arctic_error *error);

/* Whether what goes there is encrypted or stays on this host. */
bool arci_url_is_private(const char *text);

#endif
