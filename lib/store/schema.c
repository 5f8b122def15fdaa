/*
 * Migrations, oldest first. A step that has been released is never edited; a change of the schema is a new step at the end.
 * PRAGMA user_version holds the number of steps that a file has seen.
 */
#include "store/schema.h"

#include <stdio.h>

#include "base/error.h"
#include "store/sql.h"

static const char *const steps[] = {
    "CREATE TABLE record ("
    " kind TEXT NOT NULL,"
    " id TEXT NOT NULL,"
    " owner TEXT NOT NULL,"
    " version INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL,"
    " body TEXT NOT NULL,"
    " signature TEXT NOT NULL,"
    " PRIMARY KEY (kind, id)) STRICT;"
    "CREATE TABLE note ("
    " space TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " PRIMARY KEY (space, key)) STRICT, WITHOUT ROWID;",
    /* Which record it is takes its owner, too, and for a revocation the key that it names. */
    "ALTER TABLE record RENAME TO former;"
    "CREATE TABLE record ("
    " kind TEXT NOT NULL,"
    " id TEXT NOT NULL,"
    " owner TEXT NOT NULL,"
    " subject TEXT NOT NULL,"
    " version INTEGER NOT NULL,"
    " deleted INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL,"
    " body TEXT NOT NULL,"
    " signature TEXT NOT NULL,"
    " PRIMARY KEY (kind, id, owner, subject)) STRICT;"
    "INSERT INTO record SELECT kind, id, owner,"
    " CASE kind WHEN 'revocation' THEN coalesce(json_extract(body, '$.public_key'), '') ELSE '' END,"
    " version, deleted, updated_at, body, signature FROM former;"
    "DROP TABLE former;",
};

#define STEP_COUNT ((int)(sizeof steps / sizeof steps[0]))

static int read_version(sqlite3 *database, int *ret_version, struct arctic_error *error)
{
    ARCI_STATEMENT *statement = NULL;
    int code = arci_sql_prepare(database, "PRAGMA user_version", &statement, error);
    if (code < 0)
        return code;
    if (sqlite3_step(statement) != SQLITE_ROW)
        return arci_sql_fail(database, "cannot read the schema version", error);
    *ret_version = sqlite3_column_int(statement, 0);
    return ARCTIC_OK;
}

static int run_step(sqlite3 *database, int version, struct arctic_error *error)
{
    char finish[64];
    snprintf(finish, sizeof finish, "PRAGMA user_version = %d; COMMIT", version + 1);
    int code = arci_sql_run(database, "BEGIN IMMEDIATE", error);
    if (code >= 0)
        code = arci_sql_run(database, steps[version], error);
    if (code >= 0)
        code = arci_sql_run(database, finish, error);
    if (code < 0)
        arci_sql_run(database, "ROLLBACK", NULL);
    return code;
}

int arci_schema_migrate(sqlite3 *database, struct arctic_error *error)
{
    int version = 0;
    int code = read_version(database, &version, error);
    if (code < 0)
        return code;
    if (version > STEP_COUNT)
        return arci_fail(error, ARCTIC_E_UNSUPPORTED, NULL,
                         "the database has schema version %d and this build knows %d: run the newer version, "
                         "or restore a backup",
                         version, STEP_COUNT);
    for (; version < STEP_COUNT; version++) {
        code = run_step(database, version, error);
        if (code < 0)
            return arci_fail_within(error, code, "cannot bring the schema from version %d to %d", version,
                                    version + 1);
    }
    return ARCTIC_OK;
}
