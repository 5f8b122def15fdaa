/* A second client like a first one, for requests side by side. */
#ifndef ARCI_REST_CLIENT_COPY_H
#define ARCI_REST_CLIENT_COPY_H

#include <arctic/client.h>

/*
 * Makes a client with the endpoints, credentials, pins and time-outs of another, which may not be in use meanwhile. Its requests are
 * served by `peer`; NULL: as those of the first. Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_client_copy(const struct arctic_client *client, const char *peer, struct arctic_client **ret_copy,
                     struct arctic_error *error);

#endif
