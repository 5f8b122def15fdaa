/* The API over TLS: the client trusts the key it expects and no other, and the server serves all as it does in the clear. */
#include "tests/unit/rest-raw.h"

#include <arctic/client.h>

#include "base/base64.h"
#include "crypto/api-certificate.h"
#include "crypto/fingerprint.h"
#include "tests/unit/client-answer.h"

struct world {
    struct fixture fixture; /* over TLS */
    struct fixture plain;
    struct arci_api_certificate certificate;
    char url[64];
    char plain_url[64];
    char fingerprint[ARCI_FINGERPRINT_TEXT];
};

static struct world world;

static const char other_fingerprint[] =
    "sha256:0001fbfffe00000000000000000000000000000000000000000000000000009a";

static int start(void **state)
{
    struct arctic_error error;
    (void)state;
    assert_ok(arci_api_certificate_generate("agent", &world.certificate, &error), error);
    arci_fingerprint_format(world.certificate.fingerprint, world.fingerprint);
    fixture_start(&world.fixture, (struct arci_http_options){.tls_chain = world.certificate.chain,
                                                             .tls_key = world.certificate.key});
    fixture_start(&world.plain, (struct arci_http_options){.header_timeout = 0});
    snprintf(world.url, sizeof world.url, "https://127.0.0.1:%u", world.fixture.endpoint.port);
    snprintf(world.plain_url, sizeof world.plain_url, "http://127.0.0.1:%u", world.plain.endpoint.port);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&world.plain);
    fixture_stop(&world.fixture);
    arci_api_certificate_release(&world.certificate);
    return 0;
}

/* A client of one endpoint that expects a fingerprint, or none. */
static struct arctic_client *make_client(const char *url, const char *fingerprint,
                                         struct arctic_client_options options)
{
    struct arctic_client *client = NULL;
    struct arctic_error error;
    const char *const endpoints[] = {url, NULL};
    const char *const fingerprints[] = {fingerprint};
    options.size = sizeof options;
    options.endpoints = endpoints;
    options.fingerprints = fingerprints;
    assert_ok(arctic_client_create(&options, &client, &error), error);
    return client;
}

static struct arctic_client *make_pinned(void)
{
    return make_client(world.url, world.fingerprint, (struct arctic_client_options){.size = 0});
}

static void assert_fails(struct arctic_client *client, const char *method, int code, const char *first,
                         const char *second)
{
    struct arctic_error error = {0};
    const char *path = strcmp(method, "GET") == 0 ? "/echo/a" : "/things";
    assert_string_equal(
        arctic_code_name(arctic_client_request(client, method, path, NULL, NULL, NULL, &error)),
        arctic_code_name(code));
    assert_contains(error.message, first);
    assert_contains(error.message, second);
}

static void test_many_requests_on_one_connection(void **state)
{
    (void)state;
    struct arctic_client *client = make_pinned();
    for (int i = 0; i < 300; i++) {
        assert_gets(client, "GET", "/echo/a?q=b", NULL, 200, "\"query\":\"b\"");
        assert_gets(client, "POST", "/things", "{\"x\":[]}", 201, "{\"x\":[]}");
    }
    arctic_client_free(client);
}

/* Bodies and answers of many TLS records: what is left in the library's buffers wakes no socket. */
static void test_long_bodies_and_answers(void **state)
{
    (void)state;
    struct arctic_client *client = make_pinned();
    const size_t size = ARCI_HTTP_BODY_MAX;
    char *body = malloc(size + 1);
    assert_non_null(body);
    memset(body, ' ', size);
    memcpy(body, "{\"x\":1", 6);
    body[size - 1] = '}';
    body[size] = '\0';
    for (size_t cut = 0; cut < 20; cut++) {
        body[size - 1 - cut] = '}';
        body[size - cut] = '\0';
        assert_gets(client, "POST", "/things", body, 201, "{\"x\":1}");
        body[size - 1 - cut] = ' ';
    }
    free(body);
    assert_gets(client, "GET", "/large/30000000", NULL, 200, "xxx");
    assert_gets(client, "GET", "/echo/a", NULL, 200, "\"id\":\"a\"");
    arctic_client_free(client);
}

static void *request_once(void *context)
{
    assert_gets(context, "GET", "/hold", NULL, 200, "late");
    return NULL;
}

static void test_answer_that_comes_later(void **state)
{
    (void)state;
    pthread_t thread;
    struct arctic_client *client = make_pinned();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&thread, NULL, request_once, client), 0);
        uv_sem_wait(&world.fixture.holding);
        uv_async_send(&world.fixture.wish);
        pthread_join(thread, NULL);
    }
    arctic_client_free(client);
}

static void test_another_key_gets_nothing(void **state)
{
    (void)state;
    int changed = world.fixture.things_changed;
    struct arctic_client *client =
        make_client(world.url, other_fingerprint, (struct arctic_client_options){.token = "secret"});
    assert_fails(client, "POST", ARCTIC_E_UNTRUSTED, world.fingerprint, other_fingerprint);
    assert_fails(client, "GET", ARCTIC_E_UNTRUSTED, "cannot trust the agent", world.url);
    assert_int_equal(world.fixture.things_changed, changed);
    arctic_client_free(client);
}

static void test_no_ca_vouches(void **state)
{
    (void)state;
    struct arctic_client *client = make_client(world.url, NULL, (struct arctic_client_options){.size = 0});
    assert_fails(client, "GET", ARCTIC_E_UNTRUSTED, "certificate", world.fingerprint);
    arctic_client_free(client);
}

static void test_next_endpoint_after_one_that_is_not_trusted(void **state)
{
    (void)state;
    struct arctic_error error;
    struct arctic_client *client = NULL;
    char same_port_by_name[64];
    snprintf(same_port_by_name, sizeof same_port_by_name, "https://localhost:%u",
             world.fixture.endpoint.port);
    const char *const endpoints[] = {same_port_by_name, world.url, world.plain_url, NULL};
    const char *const fingerprints[] = {other_fingerprint, world.fingerprint, ""};
    const struct arctic_client_options options = {
        .size = sizeof options, .endpoints = endpoints, .fingerprints = fingerprints};
    assert_ok(arctic_client_create(&options, &client, &error), error);
    assert_gets(client, "POST", "/things", "{}", 201, "{}");
    assert_string_equal(arctic_client_endpoint(client), world.url);
    arctic_client_free(client);
}

static void test_first_look_at_a_fingerprint(void **state)
{
    (void)state;
    struct arctic_error error;
    char text[ARCTIC_FINGERPRINT_TEXT] = "";
    struct arctic_client *client =
        make_client(world.url, other_fingerprint, (struct arctic_client_options){.size = 0});
    assert_ok(arctic_client_fingerprint(client, text, &error), error);
    assert_string_equal(text, world.fingerprint);
    assert_fails(client, "GET", ARCTIC_E_UNTRUSTED, "", "");
    arctic_client_free(client);

    client = make_client(world.plain_url, NULL, (struct arctic_client_options){.size = 0});
    assert_int_equal(arctic_client_fingerprint(client, text, &error), ARCTIC_E_USAGE);
    assert_contains(error.message, world.plain_url);
    arctic_client_free(client);
}

static void test_the_wrong_one_of_two_ports(void **state)
{
    (void)state;
    char url[64];
    char text[ARCTIC_FINGERPRINT_TEXT];
    struct arctic_error error;
    snprintf(url, sizeof url, "https://127.0.0.1:%u", world.plain.endpoint.port);
    struct arctic_client *client =
        make_client(url, world.fingerprint, (struct arctic_client_options){.size = 0});
    assert_fails(client, "GET", ARCTIC_E_UNREACHABLE, "does it speak TLS?", "API_TLS_PORT");
    assert_int_equal(arctic_client_fingerprint(client, text, &error), ARCTIC_E_UNREACHABLE);
    arctic_client_free(client);

    snprintf(url, sizeof url, "http://127.0.0.1:%u", world.fixture.endpoint.port);
    client = make_client(url, NULL, (struct arctic_client_options){.size = 0});
    assert_fails(client, "GET", ARCTIC_E_UNREACHABLE, url, "");
    arctic_client_free(client);
}

static void test_headers(void **state)
{
    (void)state;
    static const char peer[] = "peer_01ARZ3NDEKTSV4RRFFQ69G5FAV";
    struct arctic_client *client = make_client(
        world.url, world.fingerprint,
        (struct arctic_client_options){.peer = peer, .recovery_token = "rt", .token = "not to be used"});
    assert_gets(client, "GET", "/headers", NULL, 200,
                "{\"peer\":\"peer_01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"recovery\":\"rt\",\"tls\":true}");
    arctic_client_free(client);
    client = make_client(world.plain_url, NULL, (struct arctic_client_options){.token = "t"});
    assert_gets(client, "GET", "/headers", NULL, 200, "{\"authorization\":\"Bearer t\",\"tls\":false}");
    arctic_client_free(client);
}

/* 192.0.2.1 is for documentation (RFC 5737): nobody is asked, since the token must not get there. */
static void test_recovery_token_is_not_sent_in_the_clear(void **state)
{
    (void)state;
    struct arctic_client *client =
        make_client("http://192.0.2.1:8080", NULL, (struct arctic_client_options){.recovery_token = "rt"});
    struct arctic_error error;
    assert_int_equal(arctic_client_request(client, "GET", "/echo/a", NULL, NULL, NULL, &error),
                     ARCTIC_E_USAGE);
    assert_string_equal(error.field, "recovery_token");
    assert_contains(error.message, "http://192.0.2.1:8080");
    arctic_client_free(client);
    client = make_client(world.plain_url, NULL, (struct arctic_client_options){.recovery_token = "rt"});
    assert_gets(client, "GET", "/headers", NULL, 200, "\"recovery\":\"rt\"");
    arctic_client_free(client);
}

static void assert_refused(struct arctic_client_options options, const char *field)
{
    struct arctic_client *client = NULL;
    struct arctic_error error;
    const char *const endpoints[] = {world.url, world.plain_url, NULL};
    options.size = sizeof options;
    options.endpoints = endpoints;
    assert_int_equal(arctic_client_create(&options, &client, &error), ARCTIC_E_USAGE);
    assert_string_equal(error.field, field);
}

static void test_options(void **state)
{
    (void)state;
    const char *const no_fingerprint[] = {"sha256:12", NULL};
    const char *const for_http[] = {NULL, world.fingerprint};
    assert_refused((struct arctic_client_options){.fingerprints = no_fingerprint}, "fingerprints");
    assert_refused((struct arctic_client_options){.fingerprints = for_http}, "fingerprints");
    assert_refused((struct arctic_client_options){.peer = "agent-b"}, "peer");
    assert_refused((struct arctic_client_options){.recovery_token = "a\r\nb"}, "recovery_token");
    assert_refused((struct arctic_client_options){.recovery_token = ""}, "recovery_token");
}

static void test_texts_of_fingerprints(void **state)
{
    (void)state;
    struct arctic_error error;
    char text[ARCTIC_FINGERPRINT_TEXT];
    assert_ok(arctic_fingerprint_normalize(world.fingerprint + strlen("sha256:"), text, &error), error);
    assert_string_equal(text, world.fingerprint);
    assert_int_equal(arctic_fingerprint_normalize("sha256:", text, &error), ARCTIC_E_USAGE);
    assert_int_equal(arctic_fingerprint_normalize(NULL, text, &error), ARCTIC_E_USAGE);
    assert_string_equal(error.field, "fingerprint");
}

static void test_identity_vouches(void **state)
{
    (void)state;
    struct arctic_error error;
    ARCI_IDENTITY *identity = NULL;
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    char key_text[ARCI_BASE64_TEXT(ARCI_KEY_SIZE)];
    char signature_text[ARCI_BASE64_TEXT(ARCI_SIGNATURE_SIZE)];
    assert_int_equal(arci_identity_generate(&identity, NULL), ARCTIC_OK);
    assert_int_equal(arci_fingerprint_sign(identity, world.certificate.fingerprint, signature, NULL), 0);
    arci_base64_encode(arci_identity_public_key(identity), ARCI_KEY_SIZE, key_text);
    arci_base64_encode(signature, sizeof signature, signature_text);
    assert_ok(arctic_fingerprint_verify(key_text, world.fingerprint, signature_text, &error), error);
    assert_int_equal(arctic_fingerprint_verify(key_text, other_fingerprint, signature_text, &error),
                     ARCTIC_E_UNTRUSTED);
    assert_contains(error.message, other_fingerprint);
    assert_int_equal(arctic_fingerprint_verify(key_text, world.fingerprint, key_text, &error),
                     ARCTIC_E_USAGE);
    assert_int_equal(arctic_fingerprint_verify(NULL, world.fingerprint, signature_text, &error),
                     ARCTIC_E_USAGE);
}

static int renew(struct fixture *fixture, const char *chain, const char *key)
{
    struct arctic_error error;
    return arci_http_server_renew_key(fixture->server, chain, key, &error);
}

/* The former key stays where the new one cannot be used. */
static void test_keys_that_cannot_be_used(void **state)
{
    const struct arci_api_certificate *good = &world.certificate;
    (void)state;
    assert_int_equal(renew(&world.fixture, "", good->key), ARCTIC_E_CORRUPT);
    assert_int_equal(renew(&world.fixture, good->key, good->key), ARCTIC_E_CORRUPT);
    assert_int_equal(renew(&world.fixture, good->chain, good->chain), ARCTIC_E_CORRUPT);
    assert_int_equal(renew(&world.fixture, good->chain, ""), ARCTIC_E_CORRUPT);
    assert_int_equal(renew(&world.plain, good->chain, good->key), ARCTIC_E_USAGE);
    struct arctic_client *client = make_pinned();
    assert_gets(client, "GET", "/echo/a", NULL, 200, "\"id\":\"a\"");
    arctic_client_free(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_requests_on_one_connection),
        cmocka_unit_test(test_long_bodies_and_answers),
        cmocka_unit_test(test_answer_that_comes_later),
        cmocka_unit_test(test_another_key_gets_nothing),
        cmocka_unit_test(test_no_ca_vouches),
        cmocka_unit_test(test_next_endpoint_after_one_that_is_not_trusted),
        cmocka_unit_test(test_first_look_at_a_fingerprint),
        cmocka_unit_test(test_the_wrong_one_of_two_ports),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_recovery_token_is_not_sent_in_the_clear),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_keys_that_cannot_be_used),
        cmocka_unit_test(test_texts_of_fingerprints),
        cmocka_unit_test(test_identity_vouches),
    };
    return cmocka_run_group_tests_name("rest over TLS", tests, start, stop);
}
