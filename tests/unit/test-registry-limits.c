/* What one owner, or nobody, may take of the room of all. */
#include "tests/unit/registry-fixture.h"

#define LONG_TEXT 7000
#define LONG_ROOM (LONG_TEXT + 2000)

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
        TEST(test_one_owner_does_not_fill_the_registry),
        TEST(test_a_host_keeps_to_its_own_limit),
        TEST(test_one_owner_does_not_revoke_without_end),
        TEST(test_former_peers_are_bounded),
    };
    return cmocka_run_group_tests_name("registry-limits", tests, NULL, NULL);
}
