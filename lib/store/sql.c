/* Helpers over the SQLite C API. */
#include "store/sql.h"

#include "base/error.h"

int arci_sql_fail(sqlite3 *database, const char *what, struct arctic_error *error)
{
    int result = sqlite3_errcode(database);
    if (result == SQLITE_NOMEM)
        return arci_fail_memory(error);
    if (result == SQLITE_CORRUPT || result == SQLITE_NOTADB)
        return arci_fail(error, ARCTIC_E_CORRUPT, NULL,
                         "%s: %s: restore a backup of it, or empty DATA_DIR and bootstrap anew", what,
                         sqlite3_errmsg(database));
    return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "%s: %s", what, sqlite3_errmsg(database));
}

int arci_sql_run(sqlite3 *database, const char *sql, struct arctic_error *error)
{
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK)
        return arci_sql_fail(database, "cannot work with the database", error);
    return ARCTIC_OK;
}

int arci_sql_prepare(sqlite3 *database, const char *sql, sqlite3_stmt **ret_statement,
                     struct arctic_error *error)
{
    if (sqlite3_prepare_v2(database, sql, -1, ret_statement, NULL) != SQLITE_OK)
        return arci_sql_fail(database, "cannot work with the database", error);
    return ARCTIC_OK;
}

int arci_sql_finish(sqlite3 *database, sqlite3_stmt *statement, struct arctic_error *error)
{
    if (sqlite3_step(statement) == SQLITE_DONE)
        return ARCTIC_OK;
    const char *path = sqlite3_db_filename(database, "main");
    int code = arci_sql_fail(database, "cannot write to the database", error);
    return path && path[0] ? arci_fail_within(error, code, "%s", path) : code;
}
