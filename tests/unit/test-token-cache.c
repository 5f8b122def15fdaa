/* Tokens that were checked before: a signature is checked once, and everything that can change is looked at each time. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/token-cache.h"

#define NOW 1767225600
#define PEER "peer_01JD2Q4Y7M8N9P0QRSTVWXYZ12"
#define CLIENT "cli_01JD2Q4Y7M8N9P0QRSTVWXYZ34"

struct world {
    struct arci_identity *identity;
    struct arci_identity *next_identity; /* the key that the issuer gets later */
    bool issuer_is_known;
    struct arci_token_cache *cache;
    char *token;
};

static const uint8_t *find_key(void *context, const char *name)
{
    const struct world *world = context;
    if (!world->issuer_is_known || strcmp(name, PEER) != 0)
        return NULL;
    return arci_identity_public_key(world->identity);
}

static char *issue(const struct world *world, int64_t expires_at)
{
    const struct arci_token_claims claims = {PEER, CLIENT, "admin", NOW, expires_at};
    char *token = NULL;
    assert_int_equal(arci_token_issue(world->identity, &claims, &token, NULL), ARCTIC_OK);
    return token;
}

static int start(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    world->issuer_is_known = true;
    world->cache = arci_token_cache_create();
    assert_int_equal(arci_identity_generate(&world->identity, NULL), ARCTIC_OK);
    assert_int_equal(arci_identity_generate(&world->next_identity, NULL), ARCTIC_OK);
    world->token = issue(world, NOW + 3600);
    *state = world;
    return 0;
}

static int stop(void **state)
{
    struct world *world = *state;
    arci_token_cache_free(world->cache);
    arci_identity_free(world->identity);
    arci_identity_free(world->next_identity);
    arci_free_secret(world->token);
    free(world);
    return 0;
}

static int verify(struct world *world, const char *token, int64_t now)
{
    struct arci_token read = {.issuer = ""};
    int code = arci_token_cache_verify(world->cache, token, find_key, world, now, &read, NULL);
    if (code == ARCTIC_OK) {
        assert_string_equal(read.subject, CLIENT);
        assert_string_equal(read.scope, "admin");
    }
    return code;
}

static void assert_misses(const struct world *world, uint64_t count)
{
    assert_int_equal(arci_token_cache_misses(world->cache), count);
}

static void test_a_signature_is_checked_once(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(verify(world, world->token, NOW + i), ARCTIC_OK);
    assert_misses(world, 1);
}

static void test_a_token_ends_at_its_second(void **state)
{
    struct world *world = *state;
    const int64_t end = NOW + 3600 + ARCI_TOKEN_LEEWAY;
    assert_int_equal(verify(world, world->token, NOW), ARCTIC_OK);
    assert_int_equal(verify(world, world->token, end - 1), ARCTIC_OK);
    assert_int_equal(verify(world, world->token, end), ARCTIC_E_TOKEN_EXPIRED);
    assert_int_equal(verify(world, world->token, NOW - ARCI_TOKEN_LEEWAY - 1), ARCTIC_E_UNAUTHORIZED);
    assert_int_equal(verify(world, world->token, NOW), ARCTIC_OK);
    assert_misses(world, 1);
}

static void test_an_issuer_that_is_trusted_no_more(void **state)
{
    struct world *world = *state;
    assert_int_equal(verify(world, world->token, NOW), ARCTIC_OK);
    world->issuer_is_known = false;
    assert_int_equal(verify(world, world->token, NOW), ARCTIC_E_UNAUTHORIZED);
    world->issuer_is_known = true;
    assert_int_equal(verify(world, world->token, NOW), ARCTIC_OK);
    assert_misses(world, 3);
}

static void test_an_issuer_with_another_key(void **state)
{
    struct world *world = *state;
    struct arci_identity *former = world->identity;
    assert_int_equal(verify(world, world->token, NOW), ARCTIC_OK);
    world->identity = world->next_identity;
    assert_int_equal(verify(world, world->token, NOW), ARCTIC_E_UNAUTHORIZED);
    world->identity = former;
    assert_int_equal(verify(world, world->token, NOW), ARCTIC_OK);
}

static void test_a_changed_token_is_another(void **state)
{
    struct world *world = *state;
    assert_int_equal(verify(world, world->token, NOW), ARCTIC_OK);
    char *changed = strdup(world->token);
    for (size_t i = 0; changed[i]; i++) {
        char former = changed[i];
        changed[i] = former == 'A' ? 'B' : 'A';
        if (verify(world, changed, NOW) == ARCTIC_OK)
            fail_msg("accepted with another byte %zu", i);
        changed[i] = former;
    }
    assert_int_equal(verify(world, changed, NOW), ARCTIC_OK);
    assert_int_equal(verify(world, "", NOW), ARCTIC_E_UNAUTHORIZED);
    free(changed);
}

/* Many clients push each other out, and nobody notices but by the time it takes. */
static void test_more_tokens_than_there_is_room_for(void **state)
{
    struct world *world = *state;
    char *tokens[600];
    for (size_t i = 0; i < 600; i++) {
        tokens[i] = issue(world, NOW + 3600 + (int64_t)i);
        assert_int_equal(verify(world, tokens[i], NOW), ARCTIC_OK);
        assert_int_equal(verify(world, tokens[i], NOW), ARCTIC_OK);
    }
    assert_misses(world, 600);
    for (size_t i = 0; i < 600; i++) {
        assert_int_equal(verify(world, tokens[i], NOW), ARCTIC_OK);
        assert_int_equal(verify(world, tokens[i], NOW + 3600 + (int64_t)i + ARCI_TOKEN_LEEWAY),
                         ARCTIC_E_TOKEN_EXPIRED);
        arci_free_secret(tokens[i]);
    }
}

static void test_without_a_cache(void **state)
{
    struct world *world = *state;
    struct arci_token read;
    assert_int_equal(arci_token_cache_verify(NULL, world->token, find_key, world, NOW, &read, NULL),
                     ARCTIC_OK);
    arci_token_cache_free(NULL);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_a_signature_is_checked_once),
        WITH_WORLD(test_a_token_ends_at_its_second),
        WITH_WORLD(test_an_issuer_that_is_trusted_no_more),
        WITH_WORLD(test_an_issuer_with_another_key),
        WITH_WORLD(test_a_changed_token_is_another),
        WITH_WORLD(test_more_tokens_than_there_is_room_for),
        WITH_WORLD(test_without_a_cache),
    };
    return cmocka_run_group_tests_name("token cache", tests, NULL, NULL);
}
