/* Records as they travel: signed, framed and bounded, and what their bodies may say. */
#include "tests/unit/registry-fixture.h"

#include "cluster/message.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_body_that_contradicts_its_record_is_refused),
        TEST(test_wire_form_round_trip_and_tampering),
        TEST(test_a_long_body_is_refused),
        cmocka_unit_test(test_messages_are_framed_and_bounded),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
