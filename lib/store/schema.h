/* The schema and its migrations. */
#ifndef ARCI_STORE_SCHEMA_H
#define ARCI_STORE_SCHEMA_H

#include <sqlite3.h>

#include <arctic/error.h>

/* Brings a database of any earlier version up to date; each step and its version number are one transaction. */
int arci_schema_migrate(sqlite3 *database, struct arctic_error *error);

#endif
