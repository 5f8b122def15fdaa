/* The registry: durable, owned, and never taken back to an older version. */
#include "tests/unit/registry-fixture.h"

static void test_local_changes_survive_a_restart(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_service service = make_service(&fixture->local_id, &fixture->remote_id, "first");
    assert_ok(arci_registry_put_service(fixture->registry, &service, &error), error);
    fixture->version =
        arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id)->record.version;
    snprintf(service.name, sizeof service.name, "renamed");
    assert_ok(arci_registry_put_service(fixture->registry, &service, &error), error);
    close_registry(fixture);
    open_registry(fixture);
    const struct arci_entry *entry = arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id);
    assert_non_null(entry);
    assert_string_equal(entry->content.service.name, "renamed");
    assert_int_equal(entry->content.service.routes.count, 1);
    assert_true(entry->record.version > fixture->version);
    assert_ok(arci_record_verify(&entry->record, arci_identity_public_key(fixture->local), &error), error);
    arci_service_release(&service);
}

static void test_a_deleted_record_stays_deleted(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_service service = make_service(&fixture->local_id, &fixture->remote_id, "first");
    assert_ok(arci_registry_put_service(fixture->registry, &service, &error), error);
    assert_ok(arci_registry_delete(fixture->registry, ARCI_RECORD_SERVICE, &service.id, &error), error);
    assert_int_equal(arci_registry_delete(fixture->registry, ARCI_RECORD_SERVICE, &service.id, &error),
                     ARCTIC_E_NOT_FOUND);
    close_registry(fixture);
    open_registry(fixture);
    assert_null(arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id));
    assert_non_null(arci_registry_find_any(fixture->registry, ARCI_RECORD_SERVICE, &service.id));
    assert_int_equal(arci_registry_count(fixture->registry, ARCI_RECORD_SERVICE), 0);
    arci_service_release(&service);
}

static void test_order_and_repetition_do_not_matter(void **state)
{
    struct fixture *fixture = *state;
    struct arci_service service = make_service(&fixture->remote_id, &fixture->local_id, "old");
    struct arci_record old = remote_record(fixture, &service, 1);
    snprintf(service.name, sizeof service.name, "new");
    struct arci_record new = remote_record(fixture, &service, 2);
    bool changed = false;
    assert_int_equal(merge(fixture, &new, &changed), ARCTIC_OK);
    assert_true(changed);
    assert_int_equal(merge(fixture, &old, &changed), ARCTIC_OK);
    assert_false(changed);
    assert_int_equal(merge(fixture, &new, &changed), ARCTIC_OK);
    assert_false(changed);
    const struct arci_entry *entry = arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id);
    assert_string_equal(entry->content.service.name, "new");
    arci_record_release(&old);
    arci_record_release(&new);
    arci_service_release(&service);
}

/* Routes enough that the record is kept as text; it is told, verified and stored as if it were not. */
static void test_a_record_with_many_routes_stays_what_was_signed(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    bool changed = false;
    struct arci_service service = make_service(&fixture->remote_id, &fixture->local_id, "wide \"\xc3\xa4");
    for (uint8_t i = 0; i < 200; i++) {
        struct arci_route route = {
            .id = i + 2u, .destination = {{ARCTIC_FAMILY_IPV6, {0xfd, i}}, 16}, .priority = 7};
        assert_ok(arci_routes_append(&service.routes, &route, &error), error);
    }
    service.next_route_id = 202;
    struct arci_record record = remote_record(fixture, &service, 1);
    ARCI_JSON *sent = arci_record_to_json(&record);
    assert_int_equal(merge(fixture, &record, &changed), ARCTIC_OK);
    for (int i = 0; i < 2; i++) {
        const struct arci_entry *entry =
            arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id);
        ARCI_JSON *told = arci_record_to_json(&entry->record);
        assert_non_null(entry->record.packed);
        assert_true(json_equal(told, sent));
        assert_ok(arci_record_verify(&entry->record, arci_identity_public_key(fixture->remote), &error),
                  error);
        close_registry(fixture);
        open_registry(fixture);
    }
    arci_record_release(&record);
    arci_service_release(&service);
}

static void test_only_the_owner_has_authority(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    struct arctic_error error;
    struct arci_service service = make_service(&fixture->remote_id, &fixture->local_id, "mine");
    struct arci_record record = remote_record(fixture, &service, 1);
    assert_int_equal(merge(fixture, &record, &changed), ARCTIC_OK);
    /* A third peer signs a newer version of it in its own name. */
    struct arci_record stolen = remote_record(fixture, &service, 9);
    assert_int_equal(arctic_id_generate(ARCTIC_ID_PEER, &stolen.owner, NULL), ARCTIC_OK);
    assert_int_equal(merge_once(fixture, peer_record(&stolen.owner, fixture->local, 1, false), &changed),
                     ARCTIC_OK);
    assert_ok(arci_record_sign(&stolen, fixture->local, &error), error);
    assert_int_equal(arci_registry_merge(fixture->registry, &stolen, &changed, NULL),
                     ARCTIC_E_INVALID_REQUEST);
    /* Somebody signs it in the owner's name with a key of his own. */
    struct arci_record forged = remote_record(fixture, &service, 9);
    assert_ok(arci_record_sign(&forged, fixture->local, &error), error);
    assert_int_equal(merge(fixture, &forged, &changed), ARCTIC_E_CORRUPT);
    /* Somebody sends a record of this host's. */
    struct arci_record ours = remote_record(fixture, &service, 9);
    ours.owner = fixture->local_id;
    assert_int_equal(merge(fixture, &ours, &changed), ARCTIC_E_FORBIDDEN);
    assert_int_equal(arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id)->record.version,
                     1);
    assert_int_equal(arci_registry_put_service(fixture->registry, &service, &error), ARCTIC_E_FORBIDDEN);
    arci_record_release(&record);
    arci_record_release(&stolen);
    arci_record_release(&forged);
    arci_record_release(&ours);
    arci_service_release(&service);
}

static size_t count_owners(const struct arci_registry *registry, const struct arctic_id *service)
{
    size_t cursor = 0;
    size_t count = 0;
    while (arci_registry_next_of_id(registry, ARCI_RECORD_SERVICE, service, &cursor))
        count++;
    return count;
}

/*
 * Who has seen an id can sign a record of its own under it. That is another record, which keeps nobody from the one that was meant, in
 * whatever order the two are heard of.
 */
static void test_one_id_of_two_owners_is_two_records(void **state)
{
    struct fixture *fixture = *state;
    struct arci_registry *other = NULL;
    struct arctic_error error;
    struct arctic_id thief;
    bool changed = false;
    assert_int_equal(arctic_id_generate(ARCTIC_ID_PEER, &thief, NULL), ARCTIC_OK);
    struct arci_service service = make_service(&fixture->remote_id, &fixture->local_id, "meant");
    struct arci_service squatter = make_service(&thief, &fixture->local_id, "squatter");
    squatter.id = service.id;
    struct arci_record peers[] = {peer_record(&fixture->remote_id, fixture->remote, 1, false),
                                  peer_record(&thief, fixture->local, 1, false)};
    struct arci_record records[] = {remote_record(fixture, &service, 1),
                                    remote_record(fixture, &squatter, 9)};
    records[1].owner = thief;
    assert_ok(arci_record_sign(&records[1], fixture->local, &error), error);
    assert_ok(arci_registry_create(NULL, &other, &error), error);
    for (size_t i = 0; i < 2; i++) {
        merge(fixture, &peers[i], &changed);
        assert_ok(arci_registry_merge(other, &peers[i], &changed, &error), error);
    }
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(merge(fixture, &records[1 - i], &changed), ARCTIC_OK);
        assert_true(changed);
        assert_ok(arci_registry_merge(other, &records[i], &changed, &error), error);
        assert_true(changed);
    }
    assert_int_equal(count_owners(fixture->registry, &service.id), 2);
    assert_string_equal(arci_registry_digest(other), arci_registry_digest(fixture->registry));
    close_registry(fixture);
    open_registry(fixture);
    assert_string_equal(arci_registry_digest(other), arci_registry_digest(fixture->registry));
    /* What the thief does to its own does nothing to the other. */
    records[1].version = 10;
    records[1].deleted = true;
    json_object_clear(records[1].body);
    assert_ok(arci_record_sign(&records[1], fixture->local, &error), error);
    assert_int_equal(merge(fixture, &records[1], &changed), ARCTIC_OK);
    size_t cursor = 0;
    const struct arci_entry *left = arci_registry_next(fixture->registry, ARCI_RECORD_SERVICE, &cursor);
    assert_string_equal(left->content.service.name, "meant");
    assert_null(arci_registry_next(fixture->registry, ARCI_RECORD_SERVICE, &cursor));
    for (size_t i = 0; i < 2; i++) {
        arci_record_release(&peers[i]);
        arci_record_release(&records[i]);
    }
    arci_registry_free(other);
    arci_service_release(&service);
    arci_service_release(&squatter);
}

/* Of this host's own and another's record of one id the own one is what is meant here. */
static void test_an_own_record_goes_before_another_of_its_id(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    bool changed = false;
    for (unsigned i = 0; i < 8; i++) {
        struct arci_service own = make_service(&fixture->local_id, &fixture->remote_id, "own");
        struct arci_service theirs = make_service(&fixture->remote_id, &fixture->local_id, "theirs");
        theirs.id = own.id;
        assert_ok(arci_registry_put_service(fixture->registry, &own, &error), error);
        assert_int_equal(merge_once(fixture, remote_record(fixture, &theirs, 1), &changed), ARCTIC_OK);
        const struct arci_entry *found = arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &own.id);
        assert_string_equal(found->content.service.name, "own");
        assert_ok(arci_registry_put_service(fixture->registry, &own, &error), error);
        arci_service_release(&own);
        arci_service_release(&theirs);
    }
}

/* A record of this host that it does not know, and others do. */
static void test_what_a_backup_did_not_have_is_recovered(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    bool changed = false;
    char before[ARCI_DIGEST_TEXT];
    struct arci_service service = make_service(&fixture->local_id, &fixture->remote_id, "known");
    assert_ok(arci_registry_put_service(fixture->registry, &service, &error), error);
    snprintf(before, sizeof before, "%s", arci_registry_digest(fixture->registry));
    snprintf(service.name, sizeof service.name, "forgotten");
    /* Far ahead, as if the clock had been put back since. */
    const uint64_t ahead = UINT64_C(1) << 50;
    struct arci_record record = remote_record(fixture, &service, ahead);

    /* Neither another's record nor one that another has signed. */
    assert_int_equal(arci_registry_recover(fixture->registry, &record, &changed, NULL), ARCTIC_E_FORBIDDEN);
    record.owner = fixture->local_id;
    assert_int_equal(arci_registry_recover(fixture->registry, &record, &changed, NULL), ARCTIC_E_CORRUPT);
    assert_string_equal(before, arci_registry_digest(fixture->registry));

    assert_ok(arci_record_sign(&record, fixture->local, &error), error);
    assert_ok(arci_registry_recover(fixture->registry, &record, &changed, &error), error);
    assert_true(changed);
    assert_ok(arci_registry_recover(fixture->registry, &record, &changed, &error), error);
    assert_false(changed);
    assert_string_not_equal(before, arci_registry_digest(fixture->registry));
    assert_ok(arci_registry_put_service(fixture->registry, &service, &error), error);
    assert_int_equal(arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id)->record.version,
                     ahead + 1);
    arci_record_release(&record);
    arci_service_release(&service);
}

static void test_the_digest_follows_every_change(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    char before[ARCI_DIGEST_TEXT];
    struct arci_service service = make_service(&fixture->local_id, &fixture->remote_id, "first");
    snprintf(before, sizeof before, "%s", arci_registry_digest(fixture->registry));
    assert_int_equal(strlen(before), ARCI_DIGEST_TEXT - 1);
    assert_ok(arci_registry_put_service(fixture->registry, &service, &error), error);
    fixture->version =
        arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id)->record.version;
    assert_string_not_equal(arci_registry_digest(fixture->registry), before);
    snprintf(before, sizeof before, "%s", arci_registry_digest(fixture->registry));
    assert_string_equal(arci_registry_digest(fixture->registry), before);
    close_registry(fixture);
    open_registry(fixture);
    assert_string_equal(arci_registry_digest(fixture->registry), before);
    /* New signatures are news, though the content is the same. */
    assert_ok(arci_registry_renew(fixture->registry, &error), error);
    assert_string_not_equal(arci_registry_digest(fixture->registry), before);
    const struct arci_entry *entry = arci_registry_find(fixture->registry, ARCI_RECORD_SERVICE, &service.id);
    assert_true(entry->record.version > fixture->version);
    assert_string_equal(entry->content.service.name, "first");
    arci_service_release(&service);
}

static void test_records_of_strangers_wait_for_their_owner(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    struct arctic_id stranger;
    assert_int_equal(arctic_id_generate(ARCTIC_ID_PEER, &stranger, NULL), ARCTIC_OK);
    struct arci_service service = make_service(&stranger, &fixture->local_id, "theirs");
    struct arci_record record = remote_record(fixture, &service, 1);
    record.owner = stranger;
    assert_int_equal(arci_record_sign(&record, fixture->remote, NULL), ARCTIC_OK);
    assert_int_equal(merge(fixture, &record, &changed), ARCTIC_E_NOT_FOUND);
    assert_int_equal(merge_once(fixture, peer_record(&stranger, fixture->remote, 1, false), &changed),
                     ARCTIC_OK);
    assert_int_equal(merge(fixture, &record, &changed), ARCTIC_OK);
    assert_true(changed);
    /* A known peer keeps its key: another key signs nothing, not even the peer's own record. */
    assert_int_equal(merge_once(fixture, peer_record(&stranger, fixture->local, 9, false), &changed),
                     ARCTIC_E_CORRUPT);
    arci_record_release(&record);
    arci_service_release(&service);
}

/* A member that slips into another key could not be revoked by the one that others know. */
static void test_a_peer_keeps_its_key(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    for (int deleted = 0; deleted < 2; deleted++) {
        struct arci_record record = peer_record(&fixture->remote_id, fixture->local, 9, deleted);
        assert_int_equal(arci_record_sign(&record, fixture->remote, NULL), ARCTIC_OK);
        assert_int_equal(merge_once(fixture, record, &changed), ARCTIC_E_FORBIDDEN);
    }
    const struct arci_entry *entry =
        arci_registry_find(fixture->registry, ARCI_RECORD_PEER, &fixture->remote_id);
    assert_memory_equal(entry->content.peer.public_key, arci_identity_public_key(fixture->remote),
                        ARCI_KEY_SIZE);
}

static void test_a_date_in_the_future_is_refused(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    struct arci_service service = make_service(&fixture->remote_id, &fixture->local_id, "tomorrow");
    for (int late = 0; late < 2; late++) {
        struct arci_record record = remote_record(fixture, &service, 1);
        record.updated_at = arci_time_now() + ARCI_CLOCK_SKEW_MS + (late ? -5000 : 5000);
        assert_int_equal(arci_record_sign(&record, fixture->remote, NULL), ARCTIC_OK);
        assert_int_equal(merge_once(fixture, record, &changed), late ? ARCTIC_OK : ARCTIC_E_FORBIDDEN);
    }
    arci_service_release(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_local_changes_survive_a_restart),
        TEST(test_a_deleted_record_stays_deleted),
        TEST(test_order_and_repetition_do_not_matter),
        TEST(test_a_record_with_many_routes_stays_what_was_signed),
        TEST(test_only_the_owner_has_authority),
        TEST(test_one_id_of_two_owners_is_two_records),
        TEST(test_an_own_record_goes_before_another_of_its_id),
        TEST(test_what_a_backup_did_not_have_is_recovered),
        TEST(test_the_digest_follows_every_change),
        TEST(test_records_of_strangers_wait_for_their_owner),
        TEST(test_a_date_in_the_future_is_refused),
        TEST(test_a_peer_keeps_its_key),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
