/* The handshake of two peers: who gets in, who does not, and that nothing can be passed on to another connection. */
#include "tests/unit/unit.h"

#include "base/base64.h"
#include "tests/unit/cluster-fixture.h"

struct fixture {
    struct test_root root;
    struct arctic_id customer;
    struct test_peer a;
    struct test_peer b;
    uint8_t exporter[ARCI_EXPORTER_SIZE];
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    make_root(&fixture->root);
    assert_int_equal(arctic_id_generate(ARCTIC_ID_CUSTOMER, &fixture->customer, NULL), ARCTIC_OK);
    make_peer(&fixture->root, &fixture->customer, "a", &fixture->a);
    make_peer(&fixture->root, &fixture->customer, "b", &fixture->b);
    memset(fixture->exporter, 0x5a, sizeof fixture->exporter);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    free_peer(&fixture->a);
    free_peer(&fixture->b);
    arctic_license_free_text(fixture->root.pem);
    free(fixture);
    return 0;
}

static const uint8_t *key_of(const struct test_peer *peer)
{
    return arci_identity_public_key(peer->identity);
}

static json_t *make_hello(const struct fixture *fixture, const struct test_peer *peer,
                          struct arci_handshake_initiator *initiator)
{
    struct arci_handshake_self self = peer_self(&fixture->root, peer);
    struct arctic_error error;
    json_t *hello = NULL;
    assert_ok(arci_handshake_hello(&self, fixture->exporter, "wanted-name", initiator, &hello, &error),
              error);
    return hello;
}

/* Judges a hello of A at B; releases what came of it. */
static int judge(const struct fixture *fixture, const json_t *hello, const uint8_t *key,
                 struct arctic_error *error)
{
    struct arci_handshake_self self = peer_self(&fixture->root, &fixture->b);
    struct arci_handshake_remote remote = {0};
    int code = arci_handshake_judge_hello(&self, fixture->exporter, key, hello, &remote, error);
    arci_handshake_remote_release(&remote);
    return code;
}

static void test_two_members_meet(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_handshake_initiator initiator;
    struct arci_handshake_self self_a = peer_self(&fixture->root, &fixture->a);
    struct arci_handshake_self self_b = peer_self(&fixture->root, &fixture->b);
    struct arci_handshake_remote at_b;
    struct arci_handshake_remote at_a;
    ARCI_JSON *hello = make_hello(fixture, &fixture->a, &initiator);
    assert_ok(
        arci_handshake_judge_hello(&self_b, fixture->exporter, key_of(&fixture->a), hello, &at_b, &error),
        error);
    assert_string_equal(at_b.peer.name, "a");
    assert_string_equal(at_b.suggested_name, "wanted-name");
    json_t *made = NULL;
    assert_ok(arci_handshake_welcome(&self_b, fixture->exporter, hello, &made, &error), error);
    ARCI_JSON *welcome = made;
    assert_ok(arci_handshake_judge_answer(&self_a, &initiator, key_of(&fixture->b), welcome, &at_a, &error),
              error);
    assert_string_equal(at_a.peer.name, "b");
    arci_handshake_remote_release(&at_a);
    arci_handshake_remote_release(&at_b);
}

static void test_neither_side_shows_its_licence_secret(void **state)
{
    struct fixture *fixture = *state;
    struct arci_handshake_initiator initiator;
    ARCI_JSON *hello = make_hello(fixture, &fixture->a, &initiator);
    assert_null(json_object_get(json_object_get(hello, "license"), "admission_secret"));
    uint8_t seed[ARCI_SEED_SIZE];
    char text[ARCI_BASE64_TEXT(ARCI_SEED_SIZE)];
    assert_int_equal(arci_identity_seed(fixture->a.license->admission, seed, NULL), ARCTIC_OK);
    ARCI_FREE char *sent = arci_json_canonical(hello);
    assert_null(strstr(sent, arci_base64_encode(seed, sizeof seed, text)));
}

static void test_hello_is_good_for_one_connection_only(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_handshake_initiator initiator;
    ARCI_JSON *hello = make_hello(fixture, &fixture->a, &initiator);
    assert_int_equal(judge(fixture, hello, key_of(&fixture->a), &error), ARCTIC_OK);
    fixture->exporter[0] ^= 1;
    assert_int_equal(judge(fixture, hello, key_of(&fixture->a), &error), ARCTIC_E_HANDSHAKE_FAILED);
}

static void test_another_key_on_the_connection_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_handshake_initiator initiator;
    struct test_peer mallory;
    make_peer(&fixture->root, &fixture->customer, "m", &mallory);
    ARCI_JSON *hello = make_hello(fixture, &fixture->a, &initiator);
    assert_int_equal(judge(fixture, hello, key_of(&mallory), &error), ARCTIC_E_HANDSHAKE_FAILED);
    free_peer(&mallory);
}

static void test_another_customer_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arctic_id other;
    struct arci_handshake_initiator initiator;
    struct test_peer stranger;
    assert_int_equal(arctic_id_generate(ARCTIC_ID_CUSTOMER, &other, NULL), ARCTIC_OK);
    make_peer(&fixture->root, &other, "s", &stranger);
    ARCI_JSON *hello = make_hello(fixture, &stranger, &initiator);
    assert_int_equal(judge(fixture, hello, key_of(&stranger), &error), ARCTIC_E_LICENSE_MISMATCH);
    free_peer(&stranger);
}

static void test_licence_of_an_unknown_root_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_handshake_initiator initiator;
    struct test_root other;
    struct test_peer stranger;
    make_root(&other);
    make_peer(&other, &fixture->customer, "s", &stranger);
    ARCI_JSON *hello = make_hello(fixture, &stranger, &initiator);
    assert_int_equal(judge(fixture, hello, key_of(&stranger), &error), ARCTIC_E_LICENSE_INVALID);
    free_peer(&stranger);
    arctic_license_free_text(other.pem);
}

/* Who has only seen a member's licence signs with another admission key. */
static void test_a_licence_once_seen_admits_nobody(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_handshake_initiator initiator;
    struct test_peer mallory;
    make_peer(&fixture->root, &fixture->customer, "m", &mallory);
    ARCI_JSON *hello = make_hello(fixture, &mallory, &initiator);
    assert_int_equal(judge(fixture, hello, key_of(&mallory), &error), ARCTIC_OK);
    json_object_set_new(hello, "license", arci_license_to_public_json(fixture->a.license));
    assert_int_equal(judge(fixture, hello, key_of(&mallory), &error), ARCTIC_E_HANDSHAKE_FAILED);
    free_peer(&mallory);
}

static void test_own_id_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_handshake_initiator initiator;
    ARCI_JSON *hello = make_hello(fixture, &fixture->b, &initiator);
    assert_int_equal(judge(fixture, hello, key_of(&fixture->b), &error), ARCTIC_E_HANDSHAKE_FAILED);
    assert_non_null(strstr(error.message, "copy"));
}

static void test_each_missing_or_changed_member_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct arci_handshake_initiator initiator;
    static const char *const names[] = {"version",   "peer",      "license",       "challenge",
                                        "signature", "admission", "suggested_name"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct arctic_error error;
        ARCI_JSON *missing = make_hello(fixture, &fixture->a, &initiator);
        json_object_del(missing, names[i]);
        assert_true(judge(fixture, missing, key_of(&fixture->a), &error) < 0);
        ARCI_JSON *wrong = make_hello(fixture, &fixture->a, &initiator);
        json_object_set_new(wrong, names[i], json_integer(7));
        assert_true(judge(fixture, wrong, key_of(&fixture->a), &error) < 0);
    }
}

static void test_welcome_for_another_challenge_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error;
    struct arci_handshake_initiator first;
    struct arci_handshake_initiator second;
    struct arci_handshake_self self_a = peer_self(&fixture->root, &fixture->a);
    struct arci_handshake_self self_b = peer_self(&fixture->root, &fixture->b);
    struct arci_handshake_remote remote;
    ARCI_JSON *hello = make_hello(fixture, &fixture->a, &first);
    ARCI_JSON *later = make_hello(fixture, &fixture->a, &second);
    assert_non_null(later);
    json_t *made = NULL;
    assert_ok(arci_handshake_welcome(&self_b, fixture->exporter, hello, &made, &error), error);
    ARCI_JSON *welcome = made;
    assert_int_equal(
        arci_handshake_judge_answer(&self_a, &second, key_of(&fixture->b), welcome, &remote, &error),
        ARCTIC_E_HANDSHAKE_FAILED);
}

static void test_refusal_carries_its_reason(void **state)
{
    struct fixture *fixture = *state;
    struct arctic_error error = {.code = ARCTIC_E_NODE_LIMIT_EXCEEDED, .message = "full"};
    struct arci_handshake_initiator initiator = {0};
    struct arci_handshake_self self = peer_self(&fixture->root, &fixture->a);
    struct arci_handshake_remote remote;
    ARCI_JSON *refusal = arci_handshake_refusal(&error);
    assert_int_equal(
        arci_handshake_judge_answer(&self, &initiator, key_of(&fixture->b), refusal, &remote, &error),
        ARCTIC_E_NODE_LIMIT_EXCEEDED);
    assert_string_equal(error.message, "the peer refused: full");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_two_members_meet),
        TEST(test_neither_side_shows_its_licence_secret),
        TEST(test_hello_is_good_for_one_connection_only),
        TEST(test_another_key_on_the_connection_is_refused),
        TEST(test_another_customer_is_refused),
        TEST(test_licence_of_an_unknown_root_is_refused),
        TEST(test_a_licence_once_seen_admits_nobody),
        TEST(test_own_id_is_refused),
        TEST(test_each_missing_or_changed_member_is_refused),
        TEST(test_welcome_for_another_challenge_is_refused),
        TEST(test_refusal_carries_its_reason),
    };
    return cmocka_run_group_tests_name("handshake", tests, NULL, NULL);
}
