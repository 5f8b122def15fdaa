/* The SQLite store. Statements are prepared at each use: their cost vanishes beside the fsync of the commit that follows. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/log.h"
#include "store/schema.h"
#include "store/sql.h"

/* A backup program may hold the file for a moment. */
#define BUSY_TIMEOUT_MS 5000

struct arci_store {
    sqlite3 *database;
    struct arctic_log *log;
    /* Held for a call, and through a transaction, whose work calls back in. */
    pthread_mutex_t lock;
    bool lock_ready;
    bool failing; /* the last write has failed */
};

ARCI_DEFINE_CLEANUP(struct arci_store *, arci_store_close, store_cleanup)

static struct arci_store *hold(struct arci_store *store)
{
    pthread_mutex_lock(&store->lock);
    return store;
}

static void let_go(struct arci_store *store)
{
    pthread_mutex_unlock(&store->lock);
}

ARCI_DEFINE_CLEANUP(struct arci_store *, let_go, hold_cleanup)

/* For the rest of its scope the store is this thread's alone. */
#define HOLD(store) ARCI_CLEANUP(hold_cleanup) struct arci_store *held = hold(store)

static int make_lock(struct arci_store *store, struct arctic_error *error)
{
    pthread_mutexattr_t attributes;
    int result = pthread_mutexattr_init(&attributes);
    if (result == 0) {
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
        result = pthread_mutex_init(&store->lock, &attributes);
        pthread_mutexattr_destroy(&attributes);
    }
    store->lock_ready = result == 0;
    return result == 0 ? ARCTIC_OK : arci_fail_errnum(error, result, "cannot make a lock");
}

/* SQLite would take the umask's mode; its WAL and index files follow the mode of the main file. */
static int create_private(const char *path, struct arctic_log *log, struct arctic_error *error)
{
    struct stat status;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return arci_fail_errno(error, "cannot open the database %s", path);
    /* As a backup may have left it. */
    if (fstat(fd, &status) == 0 && (status.st_mode & 077) != 0) {
        bool closed = fchmod(fd, 0600) == 0;
        arci_log_warn(log, "store",
                      closed ? "the database could be read by others, and cannot any more"
                             : "the database can be read by others: make its mode 0600",
                      ARCI_TEXT("path", path));
    }
    close(fd);
    return ARCTIC_OK;
}

static int check_integrity(sqlite3 *database, struct arctic_error *error)
{
    ARCI_STATEMENT *statement = NULL;
    int code = arci_sql_prepare(database, "PRAGMA quick_check(1)", &statement, error);
    if (code < 0)
        return code;
    if (sqlite3_step(statement) != SQLITE_ROW)
        return arci_sql_fail(database, "cannot check the database", error);
    const char *verdict = (const char *)sqlite3_column_text(statement, 0);
    if (!verdict || strcmp(verdict, "ok") != 0)
        return arci_fail(error, ARCTIC_E_CORRUPT, NULL, "the database is damaged: %s",
                         verdict ? verdict : "no answer");
    return ARCTIC_OK;
}

static int prepare_database(sqlite3 *database, struct arctic_error *error)
{
    sqlite3_busy_timeout(database, BUSY_TIMEOUT_MS);
    int code = arci_sql_run(
        database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF", error);
    if (code < 0)
        return code;
    code = check_integrity(database, error);
    if (code < 0)
        return code;
    return arci_schema_migrate(database, error);
}

int arci_store_open(const char *path, struct arctic_log *log, struct arci_store **ret_store,
                    struct arctic_error *error)
{
    int code = create_private(path, log, error);
    if (code < 0)
        return code;
    ARCI_CLEANUP(store_cleanup) struct arci_store *store = calloc(1, sizeof *store);
    if (!store)
        return arci_fail_memory(error);
    store->log = log;
    code = make_lock(store, error);
    if (code < 0)
        return code;
    if (sqlite3_open_v2(path, &store->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK) {
        if (!store->database)
            return arci_fail_memory(error);
        return arci_sql_fail(store->database, "cannot open the database", error);
    }
    code = prepare_database(store->database, error);
    if (code < 0)
        return arci_fail_within(error, code, "%s", path);
    arci_log_debug(log, "store", "database open", ARCI_TEXT("path", path));
    *ret_store = arci_steal(store);
    return ARCTIC_OK;
}

void arci_store_close(struct arci_store *store)
{
    if (!store)
        return;
    sqlite3_close_v2(store->database);
    if (store->lock_ready)
        pthread_mutex_destroy(&store->lock);
    free(store);
}

static int note_outcome(struct arci_store *store, int code)
{
    store->failing = code < 0;
    return code;
}

int arci_store_check(struct arci_store *store, struct arctic_error *error)
{
    HOLD(store);
    return held->failing ? arci_store_put_note(held, "agent", "check", "written", error) : ARCTIC_OK;
}

int arci_store_transaction(struct arci_store *store, arci_store_work work, void *context,
                           struct arctic_error *error)
{
    HOLD(store);
    int code = arci_sql_run(held->database, "BEGIN IMMEDIATE", error);
    if (code < 0)
        return code;
    code = work(context, error);
    if (code >= 0)
        code = note_outcome(held, arci_sql_run(held->database, "COMMIT", error));
    if (code < 0)
        arci_sql_run(held->database, "ROLLBACK", NULL);
    return code;
}

static void bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_STATIC);
}

static void bind_name(sqlite3_stmt *statement, const struct arci_stored_record *record)
{
    bind_text(statement, 1, record->kind);
    bind_text(statement, 2, record->id);
    bind_text(statement, 3, record->owner);
    bind_text(statement, 4, record->subject);
}

/* A bind can fail only for want of memory, and leaves NULL then, which the NOT NULL columns refuse at the step. */
int arci_store_put_record(struct arci_store *store, const struct arci_stored_record *record,
                          struct arctic_error *error)
{
    HOLD(store);
    ARCI_STATEMENT *statement = NULL;
    int code = arci_sql_prepare(held->database,
                                "INSERT OR REPLACE INTO record (kind, id, owner, subject, version, deleted, "
                                "updated_at, body, signature) "
                                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                &statement, error);
    if (code < 0)
        return code;
    bind_name(statement, record);
    sqlite3_bind_int64(statement, 5, (sqlite3_int64)record->version);
    sqlite3_bind_int(statement, 6, record->deleted);
    sqlite3_bind_int64(statement, 7, record->updated_at);
    bind_text(statement, 8, record->body);
    bind_text(statement, 9, record->signature);
    return note_outcome(held, arci_sql_finish(held->database, statement, error));
}

struct replacement {
    struct arci_store *store;
    const struct arci_stored_record *record;
    uint64_t former_version;
};

/* Another column than the version may stand behind a body of megabytes. */
static int check_version(const struct replacement *replacement, struct arctic_error *error)
{
    sqlite3 *database = replacement->store->database;
    ARCI_STATEMENT *statement = NULL;
    int code = arci_sql_prepare(
        database, "SELECT version FROM record WHERE kind = ? AND id = ? AND owner = ? AND subject = ?",
        &statement, error);
    if (code < 0)
        return code;
    bind_name(statement, replacement->record);
    int step = sqlite3_step(statement);
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        return arci_sql_fail(database, "cannot read a record", error);
    uint64_t version = step == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(statement, 0) : 0;
    if (version == replacement->former_version)
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_CANCELLED, NULL, "%s %s has been changed in the meantime",
                     replacement->record->kind, replacement->record->id);
}

static int replace(void *context, struct arctic_error *error)
{
    const struct replacement *replacement = context;
    int code = check_version(replacement, error);
    return code < 0 ? code : arci_store_put_record(replacement->store, replacement->record, error);
}

int arci_store_replace_record(struct arci_store *store, const struct arci_stored_record *record,
                              uint64_t former_version, struct arctic_error *error)
{
    struct replacement replacement = {store, record, former_version};
    return arci_store_transaction(store, replace, &replacement, error);
}

int arci_store_delete_record(struct arci_store *store, const struct arci_stored_record *record,
                             struct arctic_error *error)
{
    HOLD(store);
    ARCI_STATEMENT *statement = NULL;
    int code = arci_sql_prepare(held->database,
                                "DELETE FROM record WHERE kind = ? AND id = ? AND owner = ? AND subject = ?",
                                &statement, error);
    if (code < 0)
        return code;
    bind_name(statement, record);
    return note_outcome(held, arci_sql_finish(held->database, statement, error));
}

static int delete_all(void *context, struct arctic_error *error)
{
    struct arci_store *store = context;
    return arci_sql_run(store->database, "DELETE FROM record; DELETE FROM note", error);
}

int arci_store_clear(struct arci_store *store, struct arctic_error *error)
{
    HOLD(store);
    /* The licence's secret half is among the notes: its pages are overwritten, in the file and in the log. */
    int code = arci_sql_run(held->database, "PRAGMA secure_delete = ON", error);
    if (code >= 0)
        code = note_outcome(held, arci_store_transaction(held, delete_all, held, error));
    if (code >= 0)
        code = arci_sql_run(held->database, "PRAGMA wal_checkpoint(TRUNCATE)", error);
    arci_sql_run(held->database, "PRAGMA secure_delete = OFF", NULL);
    return code;
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
    return (const char *)sqlite3_column_text(statement, column);
}

static int give_record(sqlite3_stmt *statement, arci_store_record_callback callback, void *context,
                       struct arctic_error *error)
{
    struct arci_stored_record record = {
        .kind = column_text(statement, 0),
        .id = column_text(statement, 1),
        .owner = column_text(statement, 2),
        .subject = column_text(statement, 3),
        .version = (uint64_t)sqlite3_column_int64(statement, 4),
        .deleted = sqlite3_column_int(statement, 5) != 0,
        .updated_at = sqlite3_column_int64(statement, 6),
        .body = column_text(statement, 7),
        .signature = column_text(statement, 8),
    };
    if (!record.kind || !record.id || !record.owner || !record.subject || !record.body || !record.signature)
        return arci_fail_memory(error);
    return callback(context, &record, error);
}

int arci_store_each_record(struct arci_store *store, arci_store_record_callback callback, void *context,
                           struct arctic_error *error)
{
    HOLD(store);
    ARCI_STATEMENT *statement = NULL;
    int code =
        arci_sql_prepare(held->database,
                         "SELECT kind, id, owner, subject, version, deleted, updated_at, body, signature "
                         "FROM record ORDER BY kind, id",
                         &statement, error);
    if (code < 0)
        return code;
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        code = give_record(statement, callback, context, error);
        if (code < 0)
            return code;
    }
    return step == SQLITE_DONE ? ARCTIC_OK : arci_sql_fail(held->database, "cannot read records", error);
}

int arci_store_put_note(struct arci_store *store, const char *space, const char *key, const char *value,
                        struct arctic_error *error)
{
    HOLD(store);
    ARCI_STATEMENT *statement = NULL;
    const char *sql = value ? "INSERT OR REPLACE INTO note (space, key, value) VALUES (?, ?, ?)"
                            : "DELETE FROM note WHERE space = ? AND key = ?";
    int code = arci_sql_prepare(held->database, sql, &statement, error);
    if (code < 0)
        return code;
    bind_text(statement, 1, space);
    bind_text(statement, 2, key);
    if (value)
        bind_text(statement, 3, value);
    return note_outcome(held, arci_sql_finish(held->database, statement, error));
}

int arci_store_get_note(struct arci_store *store, const char *space, const char *key, char **ret_value,
                        struct arctic_error *error)
{
    HOLD(store);
    ARCI_STATEMENT *statement = NULL;
    int code = arci_sql_prepare(held->database, "SELECT value FROM note WHERE space = ? AND key = ?",
                                &statement, error);
    if (code < 0)
        return code;
    bind_text(statement, 1, space);
    bind_text(statement, 2, key);
    int step = sqlite3_step(statement);
    if (step == SQLITE_DONE) {
        *ret_value = NULL;
        return ARCTIC_OK;
    }
    if (step != SQLITE_ROW)
        return arci_sql_fail(held->database, "cannot read a note", error);
    const char *value = column_text(statement, 0);
    char *copy = value ? strdup(value) : NULL;
    if (!copy)
        return arci_fail_memory(error);
    *ret_value = copy;
    return ARCTIC_OK;
}

int arci_store_each_note(struct arci_store *store, const char *space, arci_store_note_callback callback,
                         void *context, struct arctic_error *error)
{
    HOLD(store);
    ARCI_STATEMENT *statement = NULL;
    int code = arci_sql_prepare(held->database, "SELECT key, value FROM note WHERE space = ? ORDER BY key",
                                &statement, error);
    if (code < 0)
        return code;
    bind_text(statement, 1, space);
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *key = column_text(statement, 0);
        const char *value = column_text(statement, 1);
        if (!key || !value)
            return arci_fail_memory(error);
        code = callback(context, key, value, error);
        if (code < 0)
            return code;
    }
    return step == SQLITE_DONE ? ARCTIC_OK : arci_sql_fail(held->database, "cannot read notes", error);
}
