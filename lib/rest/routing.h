/* Which endpoint of the caller's table serves a request. Pure: a table, a method and a parsed target in, an
 * endpoint out. */
#ifndef ARCI_REST_ROUTING_H
#define ARCI_REST_ROUTING_H

#include "rest/server.h"
#include "rest/target.h"

#define ARCI_ALLOW_SIZE 64 /* room for every method name in an Allow header */

/* Checks a table once: paths, handlers, flags. Errors: ARCTIC_E_USAGE naming the row. */
int arci_routing_check(const struct arci_http_endpoint *table, struct arctic_error *error);

/*
 * Finds the endpoint of a method and a path. Where several paths fit, the one with a literal segment at the
 * first difference wins ("/v1/peers/self" before "/v1/peers/{id}"). HEAD is served by GET. Errors:
 * ARCTIC_E_NOT_FOUND, ARCTIC_E_METHOD_NOT_ALLOWED (then `allow` holds the methods of the path).
 */
int arci_routing_find(const struct arci_http_endpoint *table, const char *method,
                      const struct arci_target *target, const struct arci_http_endpoint **ret_endpoint,
                      char allow[ARCI_ALLOW_SIZE], struct arctic_error *error);

/* Decoded segment of `target` that stands for `{name}` in the endpoint's path; NULL where the path has no
 * such parameter. */
const char *arci_routing_parameter(const struct arci_http_endpoint *endpoint,
                                   const struct arci_target *target, const char *name);

#endif
