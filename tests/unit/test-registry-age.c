/* What was deleted is forgotten after 90 days, and does not come back. */
#include "tests/unit/registry-fixture.h"

#define DAY ((int64_t)24 * 60 * 60 * 1000)
#define BEGINNING (INT64_C(20000) * DAY)

static void set_clock(struct fixture *fixture, int64_t now)
{
    fixture->now = now;
    arci_registry_simulate(fixture->registry, fixture_clock, fixture, arci_record_verify);
}

static void sweep(struct fixture *fixture)
{
    struct arctic_error error;
    assert_ok(arci_registry_sweep(fixture->registry, &error), error);
}

static const struct arci_entry *find_service(const struct fixture *fixture,
                                             const struct arci_service *service)
{
    return arci_registry_find_any(fixture->registry, ARCI_RECORD_SERVICE, &service->id);
}

/* A service that this host makes and has; its record is another reference, to be released. */
static struct arci_record put_own(struct fixture *fixture, const struct arci_service *service)
{
    struct arctic_error error;
    assert_ok(arci_registry_put_service(fixture->registry, service, &error), error);
    return arci_record_ref(&find_service(fixture, service)->record);
}

static void delete_own(struct fixture *fixture, const struct arci_service *service)
{
    struct arctic_error error;
    assert_ok(arci_registry_delete(fixture->registry, ARCI_RECORD_SERVICE, &service->id, &error), error);
}

static void test_tombstones_go_after_90_days(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    bool changed = false;
    char before[ARCI_DIGEST_TEXT];
    struct arci_service service = make_service(&fixture->local_id, &fixture->remote_id, "short-lived");
    struct arci_service kept = make_service(&fixture->local_id, &fixture->remote_id, "kept");
    set_clock(fixture, BEGINNING);
    struct arci_record record = put_own(fixture, &kept);
    arci_record_release(&record);
    snprintf(before, sizeof before, "%s", arci_registry_digest(fixture->registry));
    record = put_own(fixture, &service);
    fixture->now += 1000;
    delete_own(fixture, &service);
    set_clock(fixture, BEGINNING + 1000 + 90 * DAY - 1);
    sweep(fixture);
    assert_non_null(find_service(fixture, &service));
    fixture->now++;
    sweep(fixture);
    for (int turn = 0; turn < 2; turn++) {
        assert_null(find_service(fixture, &service));
        assert_non_null(find_service(fixture, &kept));
        assert_string_equal(before, arci_registry_digest(fixture->registry));
        close_registry(fixture);
        open_registry(fixture);
    }
    /* Who has left or was revoked stays so for good. */
    const struct arci_revocation revocation = revocation_of(fixture, &fixture->remote_id);
    assert_ok(arci_registry_put_revocation(fixture->registry, &revocation, &error), error);
    struct arctic_id other;
    assert_ok(arctic_id_generate(ARCTIC_ID_PEER, &other, &error), error);
    assert_int_equal(merge_once(fixture, peer_record(&other, fixture->local, 1, true), &changed), ARCTIC_OK);
    fixture->now += 10000 * DAY;
    sweep(fixture);
    assert_non_null(arci_registry_find(fixture->registry, ARCI_RECORD_REVOCATION, &revocation.id));
    assert_non_null(arci_registry_find_any(fixture->registry, ARCI_RECORD_PEER, &other));
    arci_record_release(&record);
    arci_service_release(&service);
    arci_service_release(&kept);
}

static void test_an_old_tombstone_is_no_news(void **state)
{
    struct fixture *fixture = *state;
    bool changed = true;
    struct arci_service service = make_service(&fixture->remote_id, &fixture->local_id, "theirs");
    struct arci_record living = remote_record(fixture, &service, BEGINNING - 1000);
    struct arci_record tombstone = {.kind = ARCI_RECORD_SERVICE,
                                    .id = service.id,
                                    .owner = fixture->remote_id,
                                    .version = BEGINNING,
                                    .deleted = true,
                                    .updated_at = BEGINNING,
                                    .body = json_object()};
    assert_int_equal(arci_record_sign(&tombstone, fixture->remote, NULL), ARCTIC_OK);
    set_clock(fixture, BEGINNING + 90 * DAY);
    assert_int_equal(merge(fixture, &tombstone, &changed), ARCTIC_OK);
    assert_false(changed);
    assert_null(find_service(fixture, &service));
    /* But to who has what it deletes. */
    assert_int_equal(merge(fixture, &living, &changed), ARCTIC_OK);
    assert_true(changed);
    assert_int_equal(merge(fixture, &tombstone, &changed), ARCTIC_OK);
    assert_true(changed);
    assert_true(find_service(fixture, &service)->record.deleted);
    sweep(fixture);
    assert_null(find_service(fixture, &service));
    arci_record_release(&living);
    arci_record_release(&tombstone);
    arci_service_release(&service);
}

static void test_what_was_deleted_long_ago_is_deleted_again(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    bool changed = false;
    struct arci_service service = make_service(&fixture->local_id, &fixture->remote_id, "deleted");
    set_clock(fixture, BEGINNING);
    struct arci_record record = put_own(fixture, &service);
    fixture->now += 1000;
    delete_own(fixture, &service);
    fixture->now += 91 * DAY;
    sweep(fixture);
    assert_null(find_service(fixture, &service));

    assert_ok(arci_registry_recover(fixture->registry, &record, &changed, &error), error);
    assert_true(changed);
    const struct arci_entry *entry = find_service(fixture, &service);
    assert_true(entry->record.deleted);
    assert_int_equal(entry->record.version, fixture->now);
    assert_ok(arci_record_verify(&entry->record, arci_identity_public_key(fixture->local), &error), error);
    assert_ok(arci_registry_recover(fixture->registry, &record, &changed, &error), error);
    assert_false(changed);
    arci_record_release(&record);
    arci_service_release(&service);
}

/* The database was in use on day 10, and then on day 110: what has happened between the two is not in it. */
static void test_an_old_database_forgets_and_learns(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    bool outdated = false;
    bool changed = false;
    struct arci_service theirs = make_service(&fixture->remote_id, &fixture->local_id, "theirs");
    struct arci_service early = make_service(&fixture->local_id, &fixture->remote_id, "early");
    struct arci_service own = make_service(&fixture->local_id, &fixture->remote_id, "own");
    struct arci_service lost = make_service(&fixture->local_id, &fixture->remote_id, "lost");
    set_clock(fixture, BEGINNING);
    struct arci_record early_record = put_own(fixture, &early);
    struct arci_record own_record = put_own(fixture, &own);
    fixture->now += DAY;
    delete_own(fixture, &early);
    struct arci_record their_record = remote_record(fixture, &theirs, 5);
    assert_int_equal(merge(fixture, &their_record, &changed), ARCTIC_OK);
    fixture->now = BEGINNING + 15 * DAY;
    struct arci_record lost_record = put_own(fixture, &lost);
    fixture->now++;
    delete_own(fixture, &lost);
    /* 90 days are not long enough, nor where a change of this host itself is younger. */
    fixture->now = BEGINNING + 100 * DAY;
    assert_ok(arci_registry_resume(fixture->registry, BEGINNING + 10 * DAY, &outdated, &error), error);
    assert_false(outdated);
    fixture->now = BEGINNING + 105 * DAY;
    assert_ok(arci_registry_resume(fixture->registry, BEGINNING + 10 * DAY, &outdated, &error), error);
    assert_false(outdated);
    assert_non_null(find_service(fixture, &theirs));
    assert_int_equal(arci_registry_gap(fixture->registry).until, 0);

    /* As if the change of day 15 were not in the backup. */
    arci_registry_restore(fixture->registry, ARCI_RECORD_SERVICE, &lost.id, NULL);
    assert_ok(arci_record_unstore(&lost_record, fixture->store, &error), error);
    fixture->now = BEGINNING + 110 * DAY;
    assert_ok(arci_registry_resume(fixture->registry, BEGINNING + 10 * DAY, &outdated, &error), error);
    assert_true(outdated);
    const struct arci_registry_gap gap = arci_registry_gap(fixture->registry);
    assert_int_equal(gap.from, BEGINNING + 10 * DAY);
    assert_int_equal(gap.until, fixture->now);
    close_registry(fixture);
    open_registry(fixture);
    arci_registry_set_gap(fixture->registry, &gap);
    sweep(fixture);
    assert_null(find_service(fixture, &theirs));
    assert_non_null(arci_registry_find(fixture->registry, ARCI_RECORD_PEER, &fixture->remote_id));
    assert_non_null(arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &own.id));

    /* What was written in the gap is taken back, what is older and not known was deleted before it. */
    assert_ok(arci_registry_recover(fixture->registry, &lost_record, &changed, &error), error);
    assert_true(changed);
    assert_false(find_service(fixture, &lost)->record.deleted);
    assert_ok(arci_registry_recover(fixture->registry, &early_record, &changed, &error), error);
    assert_true(changed);
    assert_true(find_service(fixture, &early)->record.deleted);
    assert_int_equal(merge(fixture, &their_record, &changed), ARCTIC_OK);
    assert_true(changed);

    /* What has come back and was deleted then does not come back again. */
    fixture->now += DAY;
    delete_own(fixture, &lost);
    fixture->now += 90 * DAY;
    sweep(fixture);
    assert_null(find_service(fixture, &lost));
    assert_ok(arci_registry_recover(fixture->registry, &lost_record, &changed, &error), error);
    assert_true(find_service(fixture, &lost)->record.deleted);
    arci_record_release(&early_record);
    arci_record_release(&own_record);
    arci_record_release(&lost_record);
    arci_record_release(&their_record);
    arci_service_release(&theirs);
    arci_service_release(&early);
    arci_service_release(&own);
    arci_service_release(&lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tombstones_go_after_90_days),
        TEST(test_an_old_tombstone_is_no_news),
        TEST(test_what_was_deleted_long_ago_is_deleted_again),
        TEST(test_an_old_database_forgets_and_learns),
    };
    return cmocka_run_group_tests_name("registry-age", tests, NULL, NULL);
}
