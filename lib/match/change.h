/*
 * Tables that follow from others: a copy is a few blocks of memory, and in it only what differs is put and taken. So whoever hands out
 * tables that do not change any more can make the next one without placing every route anew.
 */
#ifndef ARCI_MATCH_CHANGE_H
#define ARCI_MATCH_CHANGE_H

#include <arctic/match.h>

#include "model/route.h"

/* Copies a table; another thread may match over it meanwhile. Errors: ARCTIC_E_NO_MEMORY. */
int arci_route_table_copy(const struct arctic_route_table *table, struct arctic_route_table **ret_copy,
                          struct arctic_error *error);

/*
 * Gives a service, which need not be in the table yet, this interface (NULL or "": none) and exactly these routes, ordered by id. Routes
 * that are there as wanted are not touched. Errors: those of arctic_route_table_add_service() and arctic_route_table_add_route(), after
 * which some of the change is made.
 */
int arci_route_table_set_service(struct arctic_route_table *table, const struct arctic_id *service_id,
                                 const char *interface, const struct arci_route *routes, size_t count,
                                 struct arctic_error *error);

#endif
