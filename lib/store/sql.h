/* Thin helpers over the SQLite C API: errors in this tree's form, statements that finalize themselves. */
#ifndef ARCI_STORE_SQL_H
#define ARCI_STORE_SQL_H

#include <sqlite3.h>

#include <arctic/error.h>

#include "base/cleanup.h"

static inline void arci_statement_cleanup(sqlite3_stmt **statement)
{
    sqlite3_finalize(*statement);
}

#define ARCI_STATEMENT ARCI_CLEANUP(arci_statement_cleanup) sqlite3_stmt

/* Turns the connection's last failure into an error: ARCTIC_E_CORRUPT, ARCTIC_E_NO_MEMORY or ARCTIC_E_SYSTEM. */
int arci_sql_fail(sqlite3 *database, const char *what, struct arctic_error *error);

int arci_sql_run(sqlite3 *database, const char *sql, struct arctic_error *error);
int arci_sql_prepare(sqlite3 *database, const char *sql, sqlite3_stmt **ret_statement,
                     struct arctic_error *error);

/* Runs a statement that gives no rows. */
int arci_sql_finish(sqlite3 *database, sqlite3_stmt *statement, struct arctic_error *error);

#endif
