/* Departures and revocations: final, whatever is heard first. */
#include "tests/unit/registry-fixture.h"

static void test_what_a_revoked_peer_signed_counts_no_more(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    bool changed = false;
    struct arci_service service = make_service(&fixture->remote_id, &fixture->local_id, "theirs");
    struct arci_service own = make_service(&fixture->local_id, &fixture->remote_id, "ours");
    struct arci_record record = remote_record(fixture, &service, 1);
    struct arci_record newer = remote_record(fixture, &service, 2);
    const struct arci_revocation revocation = revocation_of(fixture, &fixture->remote_id);
    assert_int_equal(merge(fixture, &record, &changed), ARCTIC_OK);
    assert_ok(arci_registry_put_service(fixture->registry, &own, &error), error);
    assert_ok(arci_registry_put_revocation(fixture->registry, &revocation, &error), error);

    assert_ok(arci_registry_forget_owned(fixture->registry, NULL, &error), error);
    assert_int_equal(merge(fixture, &newer, &changed), ARCTIC_E_FORBIDDEN);
    for (int turn = 0; turn < 2; turn++) {
        assert_null(arci_registry_find_any(fixture->registry, ARCI_RECORD_SERVICE, &service.id));
        assert_non_null(arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &own.id));
        const struct arci_entry *found =
            arci_registry_revocation_of_peer(fixture->registry, &fixture->remote_id);
        assert_non_null(found);
        assert_int_equal(found->content.revocation.created_at, 7);
        assert_ptr_equal(found, arci_registry_revocation_of_key(fixture->registry, revocation.public_key));
        assert_null(arci_registry_revocation_of_peer(fixture->registry, &fixture->local_id));
        close_registry(fixture);
        open_registry(fixture);
    }
    arci_record_release(&record);
    arci_record_release(&newer);
    arci_service_release(&service);
    arci_service_release(&own);
}

/* A peer that revokes itself would rather leave; one that names itself under another id gains nothing. */
/* Also where it owns nothing else: each host may know another version of its record, or none. */
static void test_the_record_of_a_revoked_peer_is_not_compared(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_registry *other = NULL;
    bool changed = false;
    const struct arci_peer local = peer_model(&fixture->local_id, fixture->local);
    const struct arci_revocation revocation = revocation_of(fixture, &fixture->remote_id);
    assert_ok(arci_registry_put_peer(fixture->registry, &local, &error), error);
    assert_ok(arci_registry_put_revocation(fixture->registry, &revocation, &error), error);
    assert_ok(arci_registry_create(NULL, &other, &error), error);
    const struct arci_entry *entries[] = {
        arci_registry_find(fixture->registry, ARCI_RECORD_PEER, &fixture->local_id),
        arci_registry_find(fixture->registry, ARCI_RECORD_REVOCATION, &revocation.id),
    };
    struct arci_record newer = peer_record(&fixture->remote_id, fixture->remote, 2, false);
    assert_ok(arci_registry_merge(other, &newer, &changed, &error), error);
    for (size_t i = 0; i < 2; i++)
        assert_ok(arci_registry_merge(other, &entries[i]->record, &changed, &error), error);
    assert_string_equal(arci_registry_digest(other), arci_registry_digest(fixture->registry));
    close_registry(fixture);
    open_registry(fixture);
    assert_string_equal(arci_registry_digest(other), arci_registry_digest(fixture->registry));
    arci_record_release(&newer);
    arci_registry_free(other);
}

static void test_a_revocation_of_oneself_is_refused(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    const struct arci_revocation revocation = revocation_of(fixture, &fixture->remote_id);
    struct arci_record record = {.kind = ARCI_RECORD_REVOCATION,
                                 .id = revocation.id,
                                 .owner = fixture->remote_id,
                                 .version = 1,
                                 .body = arci_revocation_to_record(&revocation)};
    assert_int_equal(arci_record_sign(&record, fixture->remote, NULL), ARCTIC_OK);
    assert_int_equal(merge(fixture, &record, &changed), ARCTIC_E_INVALID_REQUEST);
    assert_null(arci_registry_revocation_of_key(fixture->registry, revocation.public_key));
    arci_record_release(&record);
}

static void test_a_departure_is_final(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    struct arci_service service = make_service(&fixture->remote_id, &fixture->local_id, "theirs");
    struct arci_record record = remote_record(fixture, &service, 1);
    struct arci_record leave = peer_record(&fixture->remote_id, fixture->remote, 2, true);
    assert_int_equal(merge(fixture, &record, &changed), ARCTIC_OK);
    assert_int_equal(merge(fixture, &leave, &changed), ARCTIC_OK);
    assert_true(changed);
    assert_int_equal(
        merge_once(fixture, peer_record(&fixture->remote_id, fixture->remote, 99, false), &changed),
        ARCTIC_OK);
    assert_false(changed);
    assert_null(arci_registry_find(fixture->registry, ARCI_RECORD_PEER, &fixture->remote_id));
    assert_int_equal(merge_once(fixture, remote_record(fixture, &service, 2), &changed), ARCTIC_E_FORBIDDEN);
    /* Whoever hears of the departure alone comes to the same. */
    arci_registry_clear(fixture->registry);
    assert_int_equal(merge(fixture, &leave, &changed), ARCTIC_OK);
    assert_true(changed);
    arci_record_release(&leave);
    arci_record_release(&record);
    arci_service_release(&service);
}

/* A revokes B, and is revoked: whatever is heard first, B stays revoked. */
static void test_revocations_of_a_former_member_stay(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    struct arctic_error error;
    struct arctic_id third;
    char digest[ARCI_DIGEST_TEXT];
    ARCI_IDENTITY *key = NULL;
    assert_ok(arctic_id_generate(ARCTIC_ID_PEER, &third, &error), error);
    assert_ok(arci_identity_generate(&key, &error), error);
    struct arci_revocation of_third = revocation_of(fixture, &third);
    memcpy(of_third.public_key, arci_identity_public_key(key), sizeof of_third.public_key);
    struct arci_record by_remote = {.kind = ARCI_RECORD_REVOCATION,
                                    .id = of_third.id,
                                    .owner = fixture->remote_id,
                                    .version = 1,
                                    .body = arci_revocation_to_record(&of_third)};
    assert_ok(arci_record_sign(&by_remote, fixture->remote, &error), error);
    const struct arci_revocation of_remote = revocation_of(fixture, &fixture->remote_id);
    assert_ok(arci_registry_put_revocation(fixture->registry, &of_remote, &error), error);
    assert_int_equal(merge(fixture, &by_remote, &changed), ARCTIC_OK);
    assert_non_null(arci_registry_revocation_of_key(fixture->registry, of_third.public_key));
    /* Neither the one nor the other own record is compared any more. */
    snprintf(digest, sizeof digest, "%s", arci_registry_digest(fixture->registry));
    assert_int_equal(merge_once(fixture, peer_record(&third, key, 1, false), &changed), ARCTIC_OK);
    assert_string_equal(digest, arci_registry_digest(fixture->registry));
    arci_record_release(&by_remote);
}

/* Nor does one become another: with another key it is another one, and whom either names stays revoked. */
static void test_nobody_takes_a_revocation_back(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    struct arctic_id third;
    assert_int_equal(arctic_id_generate(ARCTIC_ID_PEER, &third, NULL), ARCTIC_OK);
    struct arci_revocation revocation = revocation_of(fixture, &third);
    const uint8_t *key = arci_identity_public_key(fixture->local);
    memcpy(revocation.public_key, key, sizeof revocation.public_key);
    struct arci_revocation other = revocation;
    other.public_key[0] ^= 1;
    assert_int_equal(merge_once(fixture, revocation_record(fixture, revocation, 1, true), &changed),
                     ARCTIC_E_FORBIDDEN);
    assert_int_equal(merge_once(fixture, revocation_record(fixture, revocation, 5, false), &changed),
                     ARCTIC_OK);
    for (uint64_t version = 1; version < 10; version += 8) {
        assert_int_equal(merge_once(fixture, revocation_record(fixture, revocation, version, true), &changed),
                         ARCTIC_E_FORBIDDEN);
        assert_int_equal(merge_once(fixture, revocation_record(fixture, other, version, false), &changed),
                         ARCTIC_OK);
        assert_non_null(arci_registry_revocation_of_key(fixture->registry, key));
        assert_non_null(arci_registry_revocation_of_key(fixture->registry, other.public_key));
    }
    /* Signed once more it is what it was. */
    assert_int_equal(merge_once(fixture, revocation_record(fixture, revocation, 6, false), &changed),
                     ARCTIC_OK);
    assert_true(changed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_revoked_peer_signed_counts_no_more),
        TEST(test_the_record_of_a_revoked_peer_is_not_compared),
        TEST(test_a_revocation_of_oneself_is_refused),
        TEST(test_a_departure_is_final),
        TEST(test_revocations_of_a_former_member_stay),
        TEST(test_nobody_takes_a_revocation_back),
    };
    return cmocka_run_group_tests_name("registry-revocations", tests, NULL, NULL);
}
