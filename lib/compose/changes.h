/* The settings of a service: what is other than it should be, for people and as the body of a request. */
#ifndef ARCI_COMPOSE_CHANGES_H
#define ARCI_COMPOSE_CHANGES_H

#include <jansson.h>

#include "model/service.h"

/*
 * *ret_changes: [{"field", "old", "new"}] by the names of a compose file, in the order of the handbook. *ret_body: the body of the PUT
 * that makes `wanted` of `live`. Both are empty where nothing differs. Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_changes_find(const struct arci_service *live, const struct arci_service *wanted,
                      json_t **ret_changes, json_t **ret_body, struct arctic_error *error);

/* Adds a change; false when memory runs out. The values are taken over. */
bool arci_changes_add(json_t *changes, const char *field, json_t *old_value, json_t *new_value);

/* The body of the POST that creates a service. NULL when memory runs out. */
json_t *arci_changes_new_service(const struct arci_service *wanted, const struct arctic_id *source,
                                 const struct arctic_id *target);

#endif
