/* The store: what was acknowledged is there after kill -9, what failed is not, and damaged or newer files are refused. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "store/store.h"

struct fixture {
    char directory[64];
    char path[96];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    make_temporary_directory(fixture->directory, sizeof fixture->directory);
    snprintf(fixture->path, sizeof fixture->path, "%s/arctic.db", fixture->directory);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    static const char *const endings[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", fixture->path, endings[i]);
        unlink(path);
    }
    rmdir(fixture->directory);
    free(fixture);
    return 0;
}

static struct arci_store *open_store(const struct fixture *fixture)
{
    struct arci_store *store = NULL;
    struct arctic_error error;
    assert_ok(arci_store_open(fixture->path, NULL, &store, &error), error);
    return store;
}

static struct arci_stored_record sample(const char *id, uint64_t version)
{
    return (struct arci_stored_record){.kind = "service",
                                       .id = id,
                                       .owner = "peer_A",
                                       .subject = "",
                                       .version = version,
                                       .body = "{\"a\":1}",
                                       .signature = "sig",
                                       .updated_at = 5};
}

static int count_record(void *context, const struct arci_stored_record *record, struct arctic_error *error)
{
    (void)error;
    assert_string_equal(record->body, "{\"a\":1}");
    assert_string_equal(record->signature, "sig");
    uint64_t *sum = context;
    *sum = *sum * 100 + record->version;
    return 0;
}

static uint64_t versions(struct arci_store *store)
{
    uint64_t sum = 0;
    struct arctic_error error;
    assert_ok(arci_store_each_record(store, count_record, &sum, &error), error);
    return sum;
}

static void test_records_survive_reopening(void **state)
{
    struct arctic_error error;
    struct arci_store *store = open_store(*state);
    struct arci_stored_record second = sample("svc_2", 7);
    struct arci_stored_record first = sample("svc_1", 3);
    assert_ok(arci_store_put_record(store, &second, &error), error);
    assert_ok(arci_store_put_record(store, &first, &error), error);
    first.version = 4;
    assert_ok(arci_store_put_record(store, &first, &error), error);
    arci_store_close(store);
    store = open_store(*state);
    assert_int_equal(versions(store), 407);
    arci_store_close(store);
}

static void test_a_record_is_replaced_where_nobody_came_first(void **state)
{
    struct arctic_error error;
    struct arci_store *store = open_store(*state);
    struct arci_stored_record record = sample("svc_1", 3);
    assert_int_equal(arci_store_replace_record(store, &record, 2, &error), ARCTIC_E_CANCELLED);
    assert_int_equal(versions(store), 0);
    assert_ok(arci_store_replace_record(store, &record, 0, &error), error);
    record.version = 5;
    assert_int_equal(arci_store_replace_record(store, &record, 0, &error), ARCTIC_E_CANCELLED);
    assert_int_equal(arci_store_replace_record(store, &record, 4, &error), ARCTIC_E_CANCELLED);
    assert_int_equal(versions(store), 3);
    assert_ok(arci_store_replace_record(store, &record, 3, &error), error);
    /* What was refused has left no transaction behind. */
    assert_ok(arci_store_put_note(store, "agent", "key", "value", &error), error);
    arci_store_close(store);
    store = open_store(*state);
    assert_int_equal(versions(store), 5);
    arci_store_close(store);
}

#define WRITERS 4
#define WRITES 25

/* In a transaction of two records, so that another thread's write within it would show. */
static int write_pair(void *context, struct arctic_error *error)
{
    struct arci_store *store = context;
    struct arci_stored_record record = sample("svc_pair", 1);
    int code = arci_store_put_record(store, &record, error);
    record.id = "svc_twin";
    return code < 0 ? code : arci_store_put_record(store, &record, error);
}

static void *write_many(void *context)
{
    intptr_t failures = 0;
    for (uint64_t i = 0; i < WRITES; i++) {
        struct arci_stored_record record = sample("svc_shared", i + 1);
        failures += arci_store_transaction(context, write_pair, context, NULL) < 0;
        failures += arci_store_put_note(context, "agent", "key", "value", NULL) < 0;
        int code = arci_store_replace_record(context, &record, i, NULL);
        failures += code < 0 && code != ARCTIC_E_CANCELLED;
    }
    return (void *)failures;
}

static void test_threads_take_turns(void **state)
{
    struct arci_store *store = open_store(*state);
    pthread_t threads[WRITERS];
    for (size_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, store), 0);
    for (size_t i = 0; i < WRITERS; i++) {
        void *failures = NULL;
        pthread_join(threads[i], &failures);
        assert_null(failures);
    }
    arci_store_close(store);
}

/* One id, two owners, and one of them with two subjects: three records. */
static void test_records_have_owners_and_subjects(void **state)
{
    struct arctic_error error;
    struct arci_store *store = open_store(*state);
    struct arci_stored_record first = sample("svc_1", 1);
    struct arci_stored_record second = sample("svc_1", 2);
    struct arci_stored_record third = sample("svc_1", 3);
    second.owner = "peer_B";
    third.owner = "peer_B";
    third.subject = "key";
    assert_ok(arci_store_put_record(store, &third, &error), error);
    assert_ok(arci_store_put_record(store, &second, &error), error);
    assert_ok(arci_store_put_record(store, &first, &error), error);
    assert_int_equal(versions(store), 10203);
    assert_ok(arci_store_delete_record(store, &second, &error), error);
    assert_int_equal(versions(store), 103);
    arci_store_close(store);
}

/* A file of the first schema. */
static void test_an_old_file_is_brought_up_to_date(void **state)
{
    static const char old[] =
        "CREATE TABLE record (kind TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL, version INTEGER NOT "
        "NULL, deleted INTEGER NOT NULL, updated_at INTEGER NOT NULL, body TEXT NOT NULL, signature TEXT NOT "
        "NULL, PRIMARY KEY (kind, id)) STRICT;"
        "CREATE TABLE note (space TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (space, "
        "key)) STRICT, WITHOUT ROWID;"
        "INSERT INTO record VALUES ('service', 'svc_1', 'peer_A', 1, 0, 5, '{\"a\":1}', 'sig');"
        "INSERT INTO record VALUES ('revocation', 'rev_1', 'peer_A', 2, 0, 5, '{\"public_key\":\"key\"}', "
        "'sig');"
        "INSERT INTO record VALUES ('revocation', 'rev_2', 'peer_A', 3, 1, 5, '{}', 'sig');"
        "INSERT INTO note VALUES ('agent', 'peer_id', 'peer_A');"
        "PRAGMA user_version = 1;";
    struct fixture *fixture = *state;
    struct arctic_error error;
    sqlite3 *database = NULL;
    char *value = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, old, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    struct arci_store *store = open_store(fixture);
    assert_ok(arci_store_get_note(store, "agent", "peer_id", &value, &error), error);
    assert_string_equal(value, "peer_A");
    free(value);
    const struct arci_stored_record gone[] = {
        {.kind = "revocation", .id = "rev_1", .owner = "peer_A", .subject = "key"},
        {.kind = "revocation", .id = "rev_2", .owner = "peer_A", .subject = ""},
    };
    for (size_t i = 0; i < 2; i++)
        assert_ok(arci_store_delete_record(store, &gone[i], &error), error);
    assert_int_equal(versions(store), 1);
    arci_store_close(store);
}

static void test_notes(void **state)
{
    struct arctic_error error;
    struct arci_store *store = open_store(*state);
    char *value = NULL;
    assert_ok(arci_store_get_note(store, "agent", "peer_id", &value, &error), error);
    assert_null(value);
    assert_ok(arci_store_put_note(store, "agent", "peer_id", "peer_X", &error), error);
    assert_ok(arci_store_get_note(store, "agent", "peer_id", &value, &error), error);
    assert_string_equal(value, "peer_X");
    free(value);
    assert_ok(arci_store_put_note(store, "agent", "peer_id", NULL, &error), error);
    assert_ok(arci_store_get_note(store, "agent", "peer_id", &value, &error), error);
    assert_null(value);
    arci_store_close(store);
}

static void test_file_is_private(void **state)
{
    struct fixture *fixture = *state;
    mode_t before = umask(0);
    arci_store_close(open_store(fixture));
    umask(before);
    struct stat status;
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    /* A copy that was made without care is closed. */
    assert_int_equal(chmod(fixture->path, 0644), 0);
    arci_store_close(open_store(fixture));
    assert_int_equal(stat(fixture->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

struct failing_work {
    struct arci_store *store;
};

static int write_then_fail(void *context, struct arctic_error *error)
{
    struct failing_work *work = context;
    struct arci_stored_record record = sample("svc_1", 9);
    assert_ok(arci_store_put_record(work->store, &record, error), *error);
    return arci_fail(error, ARCTIC_E_INTERNAL, NULL, "changed my mind");
}

static void test_failed_transaction_leaves_nothing(void **state)
{
    struct arctic_error error;
    struct arci_store *store = open_store(*state);
    struct failing_work work = {store};
    assert_int_equal(arci_store_transaction(store, write_then_fail, &work, &error), ARCTIC_E_INTERNAL);
    assert_string_equal(error.message, "changed my mind");
    assert_int_equal(versions(store), 0);
    arci_store_close(store);
}

/* The child acknowledges each write over a pipe and is killed in the middle of its work. */
static void write_until_killed(const struct fixture *fixture, int acknowledge)
{
    struct arci_store *store = NULL;
    struct arctic_error error;
    if (arci_store_open(fixture->path, NULL, &store, &error) < 0)
        _exit(1);
    for (uint64_t version = 1;; version++) {
        struct arci_stored_record record = sample("svc_1", version);
        if (arci_store_put_record(store, &record, &error) < 0)
            _exit(1);
        if (write(acknowledge, &version, sizeof version) != sizeof version)
            _exit(1);
    }
}

static uint64_t kill_writer(const struct fixture *fixture, int after)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0)
        write_until_killed(fixture, ends[1]);
    close(ends[1]);
    uint64_t last = 0;
    for (int i = 0; i < after; i++)
        assert_int_equal(read(ends[0], &last, sizeof last), sizeof last);
    kill(child, SIGKILL);
    uint64_t version;
    while (read(ends[0], &version, sizeof version) == (ssize_t)sizeof version)
        last = version;
    close(ends[0]);
    waitpid(child, NULL, 0);
    return last;
}

static int read_version_of(void *context, const struct arci_stored_record *record, struct arctic_error *error)
{
    (void)error;
    *(uint64_t *)context = record->version;
    return 0;
}

static void test_kill_loses_nothing_acknowledged(void **state)
{
    for (int round = 1; round <= 5; round++) {
        uint64_t acknowledged = kill_writer(*state, round * 3);
        struct arctic_error error;
        struct arci_store *store = open_store(*state);
        uint64_t stored = 0;
        assert_ok(arci_store_each_record(store, read_version_of, &stored, &error), error);
        assert_true(stored == acknowledged || stored == acknowledged + 1);
        arci_store_close(store);
    }
}

static void test_damaged_file_is_refused(void **state)
{
    struct fixture *fixture = *state;
    FILE *file = fopen(fixture->path, "w");
    for (int i = 0; i < 4096; i++)
        fputs("this is no database ", file);
    fclose(file);
    struct arci_store *store = NULL;
    struct arctic_error error;
    assert_int_equal(arci_store_open(fixture->path, NULL, &store, &error), ARCTIC_E_CORRUPT);
    assert_null(store);
    assert_non_null(strstr(error.message, fixture->path));
}

static void test_newer_schema_is_refused(void **state)
{
    struct fixture *fixture = *state;
    arci_store_close(open_store(fixture));
    sqlite3 *database = NULL;
    assert_int_equal(sqlite3_open(fixture->path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, "PRAGMA user_version = 999", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
    struct arci_store *store = NULL;
    struct arctic_error error;
    assert_int_equal(arci_store_open(fixture->path, NULL, &store, &error), ARCTIC_E_UNSUPPORTED);
    assert_non_null(strstr(error.message, "999"));
}

static void test_unwritable_directory_names_the_path(void **state)
{
    (void)state;
    struct arci_store *store = NULL;
    struct arctic_error error;
    assert_int_equal(arci_store_open("/proc/none/arctic.db", NULL, &store, &error), ARCTIC_E_SYSTEM);
    assert_non_null(strstr(error.message, "/proc/none/arctic.db"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_records_survive_reopening, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_record_is_replaced_where_nobody_came_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_threads_take_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_records_have_owners_and_subjects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_old_file_is_brought_up_to_date, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_notes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_is_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failed_transaction_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_kill_loses_nothing_acknowledged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damaged_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_newer_schema_is_refused, set_up, tear_down),
        cmocka_unit_test(test_unwritable_directory_names_the_path),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
