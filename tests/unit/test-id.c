/* Identifiers: their form, their order by time, and what is not one. */
#include "tests/unit/unit.h"

#include <string.h>

#include <arctic/id.h>

#include "base/time.h"

static const struct {
    int32_t kind;
    const char *prefix;
} kinds[] = {
    {ARCTIC_ID_PEER, "peer_"},      {ARCTIC_ID_CLUSTER, "clu_"}, {ARCTIC_ID_SERVICE, "svc_"},
    {ARCTIC_ID_CLIENT, "cli_"},     {ARCTIC_ID_LICENSE, "lic_"}, {ARCTIC_ID_CUSTOMER, "cust_"},
    {ARCTIC_ID_REVOCATION, "rev_"},
};

static void test_generated_ids_are_ids(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct arctic_id id;
        struct arctic_id other;
        struct arctic_id parsed;
        struct arctic_error error;
        assert_ok(arctic_id_generate(kinds[i].kind, &id, &error), error);
        assert_ok(arctic_id_generate(kinds[i].kind, &other, &error), error);
        assert_false(arctic_id_equal(&id, &other));
        assert_int_equal(strncmp(id.text, kinds[i].prefix, strlen(kinds[i].prefix)), 0);
        assert_int_equal(strlen(id.text), strlen(kinds[i].prefix) + 26);
        assert_ok(arctic_id_parse(kinds[i].kind, id.text, &parsed, &error), error);
        assert_true(arctic_id_equal(&id, &parsed));
        int32_t other_kind = kinds[(i + 1) % 6].kind;
        assert_int_equal(arctic_id_parse(other_kind, id.text, &parsed, NULL), ARCTIC_E_INVALID_REQUEST);
    }
}

/* The first ten digits are the time, so ids sort by it as text. */
static void test_time_comes_first(void **state)
{
    (void)state;
    static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    struct arctic_id id;
    struct arctic_error error;
    int64_t before = arci_time_now();
    assert_ok(arctic_id_generate(ARCTIC_ID_PEER, &id, &error), error);
    int64_t after = arci_time_now();
    int64_t time = 0;
    for (int i = 5; i < 15; i++)
        time = time * 32 + (strchr(alphabet, id.text[i]) - alphabet);
    assert_true(time >= before && time <= after);
}

static void test_lower_case_is_taken(void **state)
{
    (void)state;
    struct arctic_id id;
    struct arctic_error error;
    assert_ok(arctic_id_parse(ARCTIC_ID_SERVICE, "svc_01jd2q4y7m8n9p0qrstvwxyz12", &id, &error), error);
    assert_string_equal(id.text, "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12");
}

static void test_what_is_no_id(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "svc_",
        "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ1",   /* one short */
        "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ123", /* one long */
        "svc_81JD2Q4Y7M8N9P0QRSTVWXYZ12",  /* more than 128 bits */
        "svc_01JD2Q4Y7M8N9P0QRSTVWXYZIL",  /* letters that are none */
        "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ1U",
        "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ1\xff",
        "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ1 ",
        " svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12",
        "SVC_01JD2Q4Y7M8N9P0QRSTVWXYZ12",
    };
    struct arctic_id id = {"unchanged"};
    struct arctic_error error;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (arctic_id_parse(ARCTIC_ID_SERVICE, wrong[i], &id, &error) != ARCTIC_E_INVALID_REQUEST)
            fail_msg("'%s' was taken for an id", wrong[i]);
        assert_string_equal(id.text, "unchanged");
    }
    assert_int_equal(arctic_id_parse(ARCTIC_ID_SERVICE, NULL, &id, NULL), ARCTIC_E_INVALID_REQUEST);
    assert_int_equal(arctic_id_parse(7, "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12", &id, NULL), ARCTIC_E_USAGE);
    assert_int_equal(arctic_id_generate(-1, &id, NULL), ARCTIC_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated_ids_are_ids),
        cmocka_unit_test(test_time_comes_first),
        cmocka_unit_test(test_lower_case_is_taken),
        cmocka_unit_test(test_what_is_no_id),
    };
    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
