/* Records and the registry: durable, owned, and never taken back to an older version. */
#include "tests/unit/unit.h"

#include <unistd.h>

#include "cluster/message.h"
#include "cluster/registry-internal.h"
#include "tests/unit/cluster-fixture.h"
#include "tests/unit/peer-model.h"

struct fixture {
    char directory[64];
    char path[96];
    struct arci_store *store;
    struct arci_registry *registry;
    struct arci_identity *local;
    struct arctic_id local_id;
    struct arci_identity *remote;
    struct arctic_id remote_id;
    uint64_t version; /* of what was written last */
    int64_t now;      /* milliseconds since 1970; 0: the host's clock */
};

static int64_t fixture_clock(void *context)
{
    return ((struct fixture *)context)->now;
}

static void open_registry(struct fixture *fixture)
{
    struct arctic_error error;
    assert_ok(arci_store_open(fixture->path, NULL, &fixture->store, &error), error);
    assert_ok(arci_registry_create(fixture->store, &fixture->registry, &error), error);
    assert_ok(arci_registry_load(fixture->registry, &error), error);
    arci_registry_set_owner(fixture->registry, fixture->local, &fixture->local_id);
    if (fixture->now)
        arci_registry_simulate(fixture->registry, fixture_clock, fixture, arci_record_verify);
}

/* A peer's own record, as it would send it; one with `deleted` is its departure. */
static struct arci_record peer_record(const struct arctic_id *id, const struct arci_identity *identity,
                                      uint64_t version, bool deleted)
{
    struct arctic_error error;
    const struct arci_peer peer = peer_model(id, identity);
    char key[ARCI_BASE64_TEXT(ARCI_KEY_SIZE)];
    arci_base64_encode(peer.public_key, sizeof peer.public_key, key);
    struct arci_record record = {.kind = ARCI_RECORD_PEER,
                                 .id = *id,
                                 .owner = *id,
                                 .version = version,
                                 .deleted = deleted,
                                 .updated_at = 1,
                                 .body = deleted ? json_pack("{s:s}", "public_key", key)
                                                 : arci_peer_to_record(&peer)};
    assert_ok(arci_record_sign(&record, identity, &error), error);
    return record;
}

/* Merges a record and gives it up. */
static int merge_once(struct fixture *fixture, struct arci_record record, bool *ret_changed)
{
    int code = arci_registry_merge(fixture->registry, &record, ret_changed, NULL);
    arci_record_release(&record);
    return code;
}

static void close_registry(struct fixture *fixture)
{
    arci_registry_free(fixture->registry);
    arci_store_close(fixture->store);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    make_temporary_directory(fixture->directory, sizeof fixture->directory);
    snprintf(fixture->path, sizeof fixture->path, "%s/arctic.db", fixture->directory);
    assert_int_equal(arci_identity_generate(&fixture->local, NULL), ARCTIC_OK);
    assert_int_equal(arci_identity_generate(&fixture->remote, NULL), ARCTIC_OK);
    assert_int_equal(arctic_id_generate(ARCTIC_ID_PEER, &fixture->local_id, NULL), ARCTIC_OK);
    assert_int_equal(arctic_id_generate(ARCTIC_ID_PEER, &fixture->remote_id, NULL), ARCTIC_OK);
    open_registry(fixture);
    bool changed = false;
    assert_int_equal(
        merge_once(fixture, peer_record(&fixture->remote_id, fixture->remote, 1, false), &changed),
        ARCTIC_OK);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    char path[128];
    static const char *const endings[] = {"", "-wal", "-shm"};
    close_registry(fixture);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", fixture->path, endings[i]);
        unlink(path);
    }
    rmdir(fixture->directory);
    arci_identity_free(fixture->local);
    arci_identity_free(fixture->remote);
    free(fixture);
    return 0;
}

static struct arci_service make_service(const struct arctic_id *source, const struct arctic_id *target,
                                        const char *name)
{
    struct arci_service service = {.source_peer_id = *source,
                                   .target_peer_id = *target,
                                   .next_route_id = 2,
                                   .created_at = 1,
                                   .updated_at = 1};
    struct arci_route route = {.id = 1, .priority = 100};
    assert_int_equal(arctic_id_generate(ARCTIC_ID_SERVICE, &service.id, NULL), ARCTIC_OK);
    snprintf(service.name, sizeof service.name, "%s", name);
    assert_int_equal(arctic_cidr_parse("10.0.0.0/8", &route.source, NULL), ARCTIC_OK);
    assert_int_equal(arci_routes_append(&service.routes, &route, NULL), ARCTIC_OK);
    return service;
}

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

/* A record as the remote peer would send it. */
static struct arci_record remote_record(const struct fixture *fixture, const struct arci_service *service,
                                        uint64_t version)
{
    struct arci_record record = {.kind = ARCI_RECORD_SERVICE,
                                 .id = service->id,
                                 .owner = fixture->remote_id,
                                 .version = version,
                                 .updated_at = 1,
                                 .body = arci_service_to_record(service)};
    struct arctic_error error;
    assert_ok(arci_record_sign(&record, fixture->remote, &error), error);
    return record;
}

static int merge(struct fixture *fixture, const struct arci_record *record, bool *ret_changed)
{
    return arci_registry_merge(fixture->registry, record, ret_changed, NULL);
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

static void test_a_body_that_contradicts_its_record_is_refused(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    struct arctic_error error;
    struct arci_service service = make_service(&fixture->local_id, &fixture->remote_id, "wrong source");
    struct arci_record record = remote_record(fixture, &service, 1);
    assert_int_equal(merge(fixture, &record, &changed), ARCTIC_E_INVALID_REQUEST);
    json_object_clear(record.body);
    assert_ok(arci_record_sign(&record, fixture->remote, &error), error);
    assert_true(merge(fixture, &record, &changed) < 0);
    assert_int_equal(arci_registry_count(fixture->registry, ARCI_RECORD_SERVICE), 0);
    arci_record_release(&record);
    arci_service_release(&service);
}

static void test_wire_form_round_trip_and_tampering(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_service service = make_service(&fixture->remote_id, &fixture->local_id, "x");
    struct arci_record record = remote_record(fixture, &service, 5);
    const uint8_t *key = arci_identity_public_key(fixture->remote);
    ARCI_JSON *wire = arci_record_to_json(&record);
    static const char *const members[] = {"kind",    "id",         "owner", "version",
                                          "deleted", "updated_at", "body",  "signature"};
    struct arci_record back;
    assert_ok(arci_record_from_json(wire, &back, &error), error);
    assert_ok(arci_record_verify(&back, key, &error), error);
    back.version++;
    assert_true(arci_record_verify(&back, key, &error) < 0);
    back.version--;
    back.deleted = true;
    assert_true(arci_record_verify(&back, key, &error) < 0);
    arci_record_release(&back);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        ARCI_JSON *copy = json_deep_copy(wire);
        json_object_del(copy, members[i]);
        assert_true(arci_record_from_json(copy, &back, &error) < 0);
        json_object_set_new(copy, members[i], json_null());
        assert_true(arci_record_from_json(copy, &back, &error) < 0);
    }
    arci_record_release(&record);
    arci_service_release(&service);
}

static void test_messages_are_framed_and_bounded(void **state)
{
    (void)state;
    struct arctic_error error;
    ARCI_BUFFER buffer = {0};
    ARCI_JSON *message = json_pack("{s:s}", "type", "ping");
    json_t *taken = NULL;
    assert_ok(arci_message_append(&buffer, message, &error), error);
    assert_ok(arci_message_append(&buffer, message, &error), error);
    size_t whole = buffer.length;
    buffer.length = whole - 1;
    assert_ok(arci_message_take(&buffer, 100, &taken, &error), error);
    assert_non_null(taken);
    json_decref(taken);
    assert_ok(arci_message_take(&buffer, 100, &taken, &error), error);
    assert_null(taken);
    uint8_t huge[] = {0xff, 0xff, 0xff, 0xff};
    arci_buffer_clear(&buffer);
    arci_buffer_append(&buffer, huge, sizeof huge);
    assert_int_equal(arci_message_take(&buffer, 100, &taken, &error), ARCTIC_E_PROTOCOL);
    arci_buffer_clear(&buffer);
    arci_buffer_append(&buffer, "\0\0\0\2[]", 6);
    assert_int_equal(arci_message_take(&buffer, 100, &taken, &error), ARCTIC_E_PROTOCOL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static struct arci_revocation revocation_of(const struct fixture *fixture, const struct arctic_id *peer_id)
{
    struct arci_revocation revocation = {.peer_id = *peer_id, .created_at = 7};
    assert_int_equal(arctic_id_generate(ARCTIC_ID_REVOCATION, &revocation.id, NULL), ARCTIC_OK);
    memcpy(revocation.public_key, arci_identity_public_key(fixture->remote), sizeof revocation.public_key);
    return revocation;
}

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

static struct arci_record revocation_record(const struct fixture *fixture, struct arci_revocation revocation,
                                            uint64_t version, bool deleted)
{
    struct arci_record record = {.kind = ARCI_RECORD_REVOCATION,
                                 .id = revocation.id,
                                 .owner = fixture->remote_id,
                                 .version = version,
                                 .deleted = deleted,
                                 .body = deleted ? json_object() : arci_revocation_to_record(&revocation)};
    assert_int_equal(arci_record_sign(&record, fixture->remote, NULL), ARCTIC_OK);
    return record;
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

/* Members of a newer version are kept, but not as many as a message can hold; nor in a tombstone. */
static void test_a_long_body_is_refused(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    char text[20001] = {0};
    memset(text, 'x', sizeof text - 1);
    struct arci_service service = make_service(&fixture->remote_id, &fixture->local_id, "long");
    struct arci_revocation revocation = revocation_of(fixture, &fixture->local_id);
    revocation.public_key[0] ^= 1;
    struct arci_record records[] = {
        remote_record(fixture, &service, 1),
        peer_record(&fixture->remote_id, fixture->remote, 9, false),
        revocation_record(fixture, revocation, 1, false),
        remote_record(fixture, &service, 2),
    };
    records[3].deleted = true;
    for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
        json_object_set_new(records[i].body, "more", json_string(text));
        assert_int_equal(arci_record_sign(&records[i], fixture->remote, NULL), ARCTIC_OK);
        assert_int_equal(merge(fixture, &records[i], &changed), ARCTIC_E_INVALID_REQUEST);
        json_object_set_new(records[i].body, "more", json_string("short"));
        assert_int_equal(arci_record_sign(&records[i], fixture->remote, NULL), ARCTIC_OK);
        assert_int_equal(merge_once(fixture, records[i], &changed), ARCTIC_OK);
    }
    arci_service_release(&service);
}

static int believe(const struct arci_record *record, const uint8_t owner_key[ARCI_KEY_SIZE],
                   struct arctic_error *error)
{
    (void)record;
    (void)owner_key;
    (void)error;
    return ARCTIC_OK;
}

/* Departures of peers that nobody has ever met are kept for good, and so they have a limit too. */
static void test_former_peers_are_bounded(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    int code = ARCTIC_OK;
    unsigned count = 0;
    arci_registry_free(fixture->registry);
    assert_int_equal(arci_registry_create(NULL, &fixture->registry, NULL), ARCTIC_OK);
    arci_registry_simulate(fixture->registry, fixture_clock, fixture, believe);
    struct arci_record record = peer_record(&fixture->remote_id, fixture->remote, 1, true);
    for (; code >= 0 && count < 200000; count++) {
        snprintf(record.id.text, sizeof record.id.text, "peer_%026u", count);
        record.owner = record.id;
        code = merge(fixture, &record, &changed);
    }
    arci_record_release(&record);
    assert_int_equal(code, ARCTIC_E_LIMIT);
    assert_int_equal(count, 100001);
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

/* --- Age --- */

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

/* --- Limits of an owner --- */

#define LONG_TEXT 7000
#define LONG_ROOM (LONG_TEXT + 2000)

/* A credential with a member that this version does not know, and which makes it long; not signed without an identity. */
static struct arci_record long_record(const struct arctic_id *owner, const struct arci_identity *identity,
                                      unsigned number, uint64_t version, size_t length)
{
    struct arci_credential credential = {.secret_hash = "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                         .scopes = ARCI_SCOPE_ADMIN,
                                         .created_at = 1};
    char *text = calloc(1, length + 1);
    memset(text, 'x', length);
    snprintf(credential.client_id.text, sizeof credential.client_id.text, "cli_%026u", number);
    struct arci_record record = {.kind = ARCI_RECORD_CREDENTIAL,
                                 .id = credential.client_id,
                                 .owner = *owner,
                                 .version = version,
                                 .updated_at = 1,
                                 .body = arci_credential_to_record(&credential)};
    json_object_set_new(record.body, "future", json_string(text));
    free(text);
    if (identity)
        assert_int_equal(arci_record_sign(&record, identity, NULL), ARCTIC_OK);
    return record;
}

/* A registry in memory alone, which knows the remote peer. */
static void open_in_memory(struct fixture *fixture)
{
    bool changed = false;
    close_registry(fixture);
    fixture->store = NULL;
    assert_int_equal(arci_registry_create(NULL, &fixture->registry, NULL), ARCTIC_OK);
    arci_registry_set_owner(fixture->registry, fixture->local, &fixture->local_id);
    assert_int_equal(
        merge_once(fixture, peer_record(&fixture->remote_id, fixture->remote, 1, false), &changed),
        ARCTIC_OK);
}

static int merge_long(struct fixture *fixture, unsigned number, uint64_t version, size_t length)
{
    bool changed = false;
    return merge_once(fixture, long_record(&fixture->remote_id, fixture->remote, number, version, length),
                      &changed);
}

/* Long records as if loaded, until less than `room` is left to the owner. Returns their number. */
static unsigned fill(struct fixture *fixture, const struct arctic_id *owner, size_t room)
{
    size_t left = ARCI_OWNER_BYTES_MAX;
    unsigned number = 0;
    for (; left >= room; number++) {
        const size_t length = left >= LONG_ROOM ? LONG_TEXT : left - 1400;
        struct arci_record record = long_record(owner, NULL, number, 1, length);
        const struct arctic_id id = record.id;
        assert_int_equal(arci_registry_take_stored(fixture->registry, &record, NULL), ARCTIC_OK);
        left -= arci_registry_find(fixture->registry, ARCI_RECORD_CREDENTIAL, &id)->size;
    }
    return number;
}

static void test_one_owner_does_not_fill_the_registry(void **state)
{
    struct fixture *fixture = *state;
    bool changed = false;
    open_in_memory(fixture);
    const unsigned number = fill(fixture, &fixture->remote_id, LONG_TEXT);
    assert_int_equal(merge_long(fixture, number, 1, LONG_TEXT), ARCTIC_E_LIMIT);
    /* Neither may what it has grow, but shrink, and then there is room. */
    assert_int_equal(merge_long(fixture, 0, 2, 2 * LONG_TEXT), ARCTIC_E_LIMIT);
    assert_int_equal(merge_long(fixture, 0, 2, LONG_TEXT), ARCTIC_OK);
    assert_int_equal(merge_long(fixture, 0, 3, 1000), ARCTIC_OK);
    assert_int_equal(merge_long(fixture, 1, 3, 1000), ARCTIC_OK);
    assert_int_equal(merge_long(fixture, number, 1, LONG_TEXT), ARCTIC_OK);
    /* Also where it has more than it may, as by a version with another limit. */
    const unsigned late = number + 100;
    struct arci_record excess = long_record(&fixture->remote_id, NULL, late, 1, 2 * LONG_TEXT);
    assert_int_equal(arci_registry_take_stored(fixture->registry, &excess, NULL), ARCTIC_OK);
    assert_int_equal(merge_long(fixture, late, 2, 2 * LONG_TEXT - 1), ARCTIC_OK);
    assert_int_equal(merge_long(fixture, late, 3, 2 * LONG_TEXT), ARCTIC_E_LIMIT);
    /* Its own record, whom it revokes, and other owners are another matter. */
    struct arctic_id other;
    assert_int_equal(arctic_id_generate(ARCTIC_ID_PEER, &other, NULL), ARCTIC_OK);
    assert_int_equal(
        merge_once(fixture, peer_record(&fixture->remote_id, fixture->remote, 2, false), &changed),
        ARCTIC_OK);
    assert_int_equal(merge_once(fixture, peer_record(&other, fixture->local, 1, false), &changed), ARCTIC_OK);
    assert_int_equal(
        merge_once(fixture, long_record(&other, fixture->local, number + 1, 1, LONG_TEXT), &changed),
        ARCTIC_OK);
    /* What is forgotten leaves room. */
    assert_int_equal(
        merge_once(fixture, peer_record(&fixture->remote_id, fixture->remote, 3, true), &changed), ARCTIC_OK);
    assert_int_equal(arci_registry_forget_owned(fixture->registry, NULL, NULL), ARCTIC_OK);
    assert_int_equal(arci_registry_count(fixture->registry, ARCI_RECORD_CREDENTIAL), 1);
}

static void test_a_host_keeps_to_its_own_limit(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    const struct arctic_id first = {"cli_00000000000000000000000000"};
    struct arci_service service = make_service(&fixture->local_id, &fixture->remote_id, "one more");
    open_in_memory(fixture);
    fill(fixture, &fixture->local_id, 1500);
    assert_int_equal(arci_registry_put_service(fixture->registry, &service, &error), ARCTIC_E_LIMIT);
    assert_non_null(strstr(error.message, "256 MiB"));
    assert_ok(arci_registry_delete(fixture->registry, ARCI_RECORD_CREDENTIAL, &first, &error), error);
    assert_ok(arci_registry_put_service(fixture->registry, &service, &error), error);
    arci_service_release(&service);
}

static int merge_revocation(struct fixture *fixture)
{
    bool changed = false;
    struct arctic_id other;
    assert_int_equal(arctic_id_generate(ARCTIC_ID_PEER, &other, NULL), ARCTIC_OK);
    struct arci_revocation revocation = revocation_of(fixture, &other);
    revocation.public_key[0] ^= 1;
    struct arci_record record = {.kind = ARCI_RECORD_REVOCATION,
                                 .id = revocation.id,
                                 .owner = fixture->remote_id,
                                 .version = 1,
                                 .body = arci_revocation_to_record(&revocation)};
    assert_int_equal(arci_record_sign(&record, fixture->remote, NULL), ARCTIC_OK);
    return merge_once(fixture, record, &changed);
}

static void test_one_owner_does_not_revoke_without_end(void **state)
{
    struct fixture *fixture = *state;
    open_in_memory(fixture);
    for (unsigned i = 0; i < ARCI_OWNER_REVOCATIONS_MAX; i++)
        assert_int_equal(merge_revocation(fixture), ARCTIC_OK);
    assert_int_equal(merge_revocation(fixture), ARCTIC_E_LIMIT);
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
        TEST(test_a_body_that_contradicts_its_record_is_refused),
        TEST(test_wire_form_round_trip_and_tampering),
        TEST(test_what_a_revoked_peer_signed_counts_no_more),
        TEST(test_the_record_of_a_revoked_peer_is_not_compared),
        TEST(test_a_revocation_of_oneself_is_refused),
        TEST(test_what_a_backup_did_not_have_is_recovered),
        TEST(test_the_digest_follows_every_change),
        TEST(test_records_of_strangers_wait_for_their_owner),
        TEST(test_a_departure_is_final),
        TEST(test_revocations_of_a_former_member_stay),
        TEST(test_a_date_in_the_future_is_refused),
        TEST(test_tombstones_go_after_90_days),
        TEST(test_an_old_tombstone_is_no_news),
        TEST(test_what_was_deleted_long_ago_is_deleted_again),
        TEST(test_an_old_database_forgets_and_learns),
        TEST(test_one_owner_does_not_fill_the_registry),
        TEST(test_a_host_keeps_to_its_own_limit),
        TEST(test_one_owner_does_not_revoke_without_end),
        TEST(test_nobody_takes_a_revocation_back),
        TEST(test_a_peer_keeps_its_key),
        TEST(test_a_long_body_is_refused),
        TEST(test_former_peers_are_bounded),
        cmocka_unit_test(test_messages_are_framed_and_bounded),
    };
    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
