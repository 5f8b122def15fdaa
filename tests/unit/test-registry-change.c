/* Changes of large records, worked on another thread: each case is what may happen to the record meanwhile. */
#include "tests/unit/registry-fixture.h"

#include <pthread.h>

#include "cluster/registry-change.h"

#define ROUTES 300

static struct arci_service wide_service(const struct arctic_id *source, const struct arctic_id *target)
{
    struct arci_service service = make_service(source, target, "wide");
    for (uint64_t id = 2; id <= ROUTES; id++) {
        struct arci_route route = {.id = id, .priority = 7};
        route.destination =
            (struct arctic_cidr){{ARCTIC_FAMILY_IPV6, {0xfd, (uint8_t)(id >> 8), (uint8_t)id}}, 24};
        assert_int_equal(arci_routes_append(&service.routes, &route, NULL), ARCTIC_OK);
    }
    service.next_route_id = ROUTES + 1;
    return service;
}

static const struct arci_service *shown(const struct fixture *fixture, const struct arctic_id *id)
{
    const struct arci_entry *entry = arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, id);
    return entry ? &entry->content.service : NULL;
}

static struct arci_registry_change *begin_rename(struct fixture *fixture, const struct arci_service *service,
                                                 const char *name)
{
    struct arctic_error error;
    struct arci_registry_change *change = NULL;
    struct arci_service copy;
    assert_ok(arci_service_copy(service, &copy, &error), error);
    snprintf(copy.name, sizeof copy.name, "%s", name);
    assert_ok(arci_registry_change_service(fixture->registry, &copy, &change, &error), error);
    return change;
}

static void *work(void *change)
{
    arci_registry_change_work(change);
    return NULL;
}

static void work_on_thread(struct arci_registry_change *change)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, work, change), 0);
    pthread_join(thread, NULL);
}

static void put(struct fixture *fixture, const struct arci_service *service)
{
    struct arctic_error error;
    assert_ok(arci_registry_put_service(fixture->registry, service, &error), error);
}

static int end(struct fixture *fixture, struct arci_registry_change *change)
{
    return arci_registry_change_end(fixture->registry, change, NULL);
}

/* What is shown now is shown after a restart, and was signed by its owner. */
static void assert_durable(struct fixture *fixture, const struct arctic_id *id, const char *name)
{
    for (int i = 0; i < 2; i++) {
        struct arctic_error error;
        const struct arci_entry *entry = arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, id);
        const struct arci_identity *owner = fixture->local;
        assert_true((entry == NULL) == (name == NULL));
        if (entry) {
            if (arctic_id_equal(&entry->record.owner, &fixture->remote_id))
                owner = fixture->remote;
            assert_string_equal(entry->content.service.name, name);
            assert_int_equal(entry->content.service.routes.count, ROUTES);
            assert_ok(arci_record_verify(&entry->record, arci_identity_public_key(owner), &error), error);
        }
        close_registry(fixture);
        open_registry(fixture);
    }
}

static void test_a_change_shows_when_it_has_ended(void **state)
{
    struct fixture *fixture = *state;
    struct arci_service service = wide_service(&fixture->local_id, &fixture->remote_id);
    put(fixture, &service);
    uint64_t version =
        arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id)->record.version;
    struct arci_registry_change *change = begin_rename(fixture, &service, "renamed");
    work_on_thread(change);
    assert_string_equal(shown(fixture, &service.id)->name, "wide");
    assert_int_equal(end(fixture, change), ARCTIC_OK);
    assert_true(arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id)->record.version >
                version);
    assert_durable(fixture, &service.id, "renamed");
    arci_service_release(&service);
}

static void test_what_is_killed_before_the_end_is_old_or_new(void **state)
{
    struct fixture *fixture = *state;
    struct arci_service service = wide_service(&fixture->local_id, &fixture->remote_id);
    put(fixture, &service);
    arci_registry_change_free(begin_rename(fixture, &service, "never worked"));
    assert_durable(fixture, &service.id, "wide");
    struct arci_registry_change *change = begin_rename(fixture, &service, "stored");
    work_on_thread(change);
    close_registry(fixture);
    open_registry(fixture);
    arci_registry_change_free(change);
    assert_durable(fixture, &service.id, "stored");
    arci_service_release(&service);
}

/* Another change of the record, before the store was written and after: it counts, and the first does not, in memory and on disk. */
static void test_another_change_meanwhile_wins(void **state)
{
    struct fixture *fixture = *state;
    struct arci_service service = wide_service(&fixture->local_id, &fixture->remote_id);
    put(fixture, &service);
    for (int stored_first = 0; stored_first < 2; stored_first++) {
        struct arci_registry_change *change = begin_rename(fixture, &service, "overtaken");
        if (stored_first)
            work_on_thread(change);
        snprintf(service.name, sizeof service.name, "other %d", stored_first);
        put(fixture, &service);
        if (!stored_first)
            work_on_thread(change);
        assert_int_equal(end(fixture, change), ARCTIC_E_CANCELLED);
        assert_durable(fixture, &service.id, service.name);
    }
    arci_service_release(&service);
}

/* With members that a newer agent has written. */
static void test_a_large_record_is_signed_again_as_it_is(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_service service = wide_service(&fixture->remote_id, &fixture->local_id);
    struct arci_record record = remote_record(fixture, &service, 1);
    json_object_set_new(record.body, "future", json_string("kept"));
    assert_ok(arci_record_sign(&record, fixture->remote, &error), error);
    assert_ok(arci_registry_merge(fixture->registry, &record, &(bool){false}, &error), error);
    arci_registry_set_owner(fixture->registry, fixture->remote, &fixture->remote_id);
    assert_ok(arci_registry_renew(fixture->registry, &error), error);
    const struct arci_entry *entry = arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id);
    ARCI_JSON *body = arci_record_body(&entry->record);
    assert_true(entry->record.version > 1 && json_equal(body, record.body));
    assert_durable(fixture, &service.id, "wide");
    arci_record_release(&record);
    arci_service_release(&service);
}

static void test_a_deletion_meanwhile_wins(void **state)
{
    struct fixture *fixture = *state;
    for (int stored_first = 0; stored_first < 2; stored_first++) {
        struct arci_service service = wide_service(&fixture->local_id, &fixture->remote_id);
        put(fixture, &service);
        struct arci_registry_change *change = begin_rename(fixture, &service, "overtaken");
        if (stored_first)
            work_on_thread(change);
        assert_int_equal(arci_registry_delete(fixture->registry, ARCI_RECORD_SERVICE, &service.id, NULL),
                         ARCTIC_OK);
        if (!stored_first)
            work_on_thread(change);
        assert_int_equal(end(fixture, change), ARCTIC_E_CANCELLED);
        assert_durable(fixture, &service.id, NULL);
        assert_non_null(arci_registry_find_any(fixture->registry, ARCI_RECORD_SERVICE, &service.id));
        arci_service_release(&service);
    }
}

static void test_all_is_forgotten_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    struct arci_service service = wide_service(&fixture->local_id, &fixture->remote_id);
    for (int stored_first = 0; stored_first < 2; stored_first++) {
        put(fixture, &service);
        struct arci_registry_change *change = begin_rename(fixture, &service, "forgotten");
        if (stored_first)
            work_on_thread(change);
        assert_int_equal(arci_registry_forget_owned(fixture->registry, &fixture->local_id, NULL), ARCTIC_OK);
        if (!stored_first)
            work_on_thread(change);
        assert_int_equal(end(fixture, change), ARCTIC_E_CANCELLED);
        assert_durable(fixture, &service.id, NULL);
    }
    arci_service_release(&service);
}

/* --- From elsewhere --- */

static int begin_take(struct fixture *fixture, struct arci_service *service, uint64_t version,
                      struct arci_registry_change **ret_change)
{
    struct arctic_error error;
    struct arci_entry *entry = NULL;
    struct arci_record record = remote_record(fixture, service, version);
    assert_ok(arci_entry_create(&record, &entry, &error), error);
    return arci_registry_change_take(fixture->registry, entry, ret_change, NULL);
}

static void test_a_record_from_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    struct arci_registry_change *change = NULL;
    struct arci_service service = wide_service(&fixture->remote_id, &fixture->local_id);
    assert_int_equal(begin_take(fixture, &service, 5, &change), ARCTIC_OK);
    work_on_thread(change);
    assert_null(shown(fixture, &service.id));
    assert_int_equal(end(fixture, change), ARCTIC_OK);
    assert_durable(fixture, &service.id, "wide");
    /* The same again is no news, and an older one neither. */
    assert_int_equal(begin_take(fixture, &service, 5, &change), ARCTIC_OK);
    assert_null(change);
    assert_int_equal(begin_take(fixture, &service, 4, &change), ARCTIC_OK);
    assert_null(change);
    arci_service_release(&service);
}

static void test_a_forged_record_is_not_stored(void **state)
{
    struct fixture *fixture = *state;
    struct arci_registry_change *change = NULL;
    struct arci_entry *entry = NULL;
    struct arctic_error error;
    struct arci_service service = wide_service(&fixture->remote_id, &fixture->local_id);
    struct arci_record record = remote_record(fixture, &service, 5);
    assert_ok(arci_record_sign(&record, fixture->local, &error), error);
    assert_ok(arci_entry_create(&record, &entry, &error), error);
    assert_ok(arci_registry_change_take(fixture->registry, entry, &change, &error), error);
    work_on_thread(change);
    assert_int_equal(end(fixture, change), ARCTIC_E_CORRUPT);
    assert_durable(fixture, &service.id, NULL);
    arci_service_release(&service);
}

static void test_an_owner_that_leaves_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    struct arci_registry_change *change = NULL;
    bool changed = false;
    struct arci_service service = wide_service(&fixture->remote_id, &fixture->local_id);
    assert_int_equal(begin_take(fixture, &service, 5, &change), ARCTIC_OK);
    work_on_thread(change);
    assert_int_equal(
        merge_once(fixture, peer_record(&fixture->remote_id, fixture->remote, 9, true), &changed), ARCTIC_OK);
    assert_int_equal(end(fixture, change), ARCTIC_E_FORBIDDEN);
    assert_durable(fixture, &service.id, NULL);
    /* One that comes later is refused at once. */
    assert_int_equal(begin_take(fixture, &service, 6, &change), ARCTIC_E_FORBIDDEN);
    arci_service_release(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_change_shows_when_it_has_ended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_killed_before_the_end_is_old_or_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_change_meanwhile_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_large_record_is_signed_again_as_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_deletion_meanwhile_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_is_forgotten_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_record_from_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_forged_record_is_not_stored, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_owner_that_leaves_meanwhile, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("registry-change", tests, NULL, NULL);
}
