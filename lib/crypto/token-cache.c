/* A table of sets of a few places; the place that was used longest ago gives way. */
#include "crypto/token-cache.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"
#include "crypto/digest.h"

#define SETS 64
#define PLACES 4

struct place {
    uint64_t used_at; /* in uses of the cache, 0: free */
    uint8_t digest[ARCI_SHA256_SIZE];
    uint8_t key[ARCI_KEY_SIZE]; /* of the issuer, when the signature was checked */
    struct arci_token token;
};

struct arci_token_cache {
    uint64_t uses;
    uint64_t misses;
    struct place sets[SETS][PLACES];
};

struct arci_token_cache *arci_token_cache_create(void)
{
    return calloc(1, sizeof(struct arci_token_cache));
}

void arci_token_cache_free(struct arci_token_cache *cache)
{
    free(cache);
}

uint64_t arci_token_cache_misses(const struct arci_token_cache *cache)
{
    return cache->misses;
}

static struct place *find_place(struct place *set, const uint8_t *digest)
{
    for (size_t i = 0; i < PLACES; i++) {
        if (set[i].used_at > 0 && arci_equal_constant_time(set[i].digest, digest, ARCI_SHA256_SIZE))
            return &set[i];
    }
    return NULL;
}

static struct place *oldest_place(struct place *set)
{
    struct place *oldest = set;
    for (size_t i = 1; i < PLACES; i++) {
        if (set[i].used_at < oldest->used_at)
            oldest = &set[i];
    }
    return oldest;
}

/* Whether the issuer is accepted still, and its key is the one of then. */
static bool holds(const struct place *place, arci_token_key_finder find_key, void *context)
{
    const uint8_t *key = find_key(context, place->token.issuer);
    return key && memcmp(key, place->key, ARCI_KEY_SIZE) == 0;
}

static void keep(struct arci_token_cache *cache, struct place *place, const uint8_t *digest,
                 const struct arci_token *token, const uint8_t *key)
{
    place->used_at = cache->uses;
    place->token = *token;
    memcpy(place->digest, digest, sizeof place->digest);
    memcpy(place->key, key, sizeof place->key);
}

int arci_token_cache_verify(struct arci_token_cache *cache, const char *text, arci_token_key_finder find_key,
                            void *context, int64_t now, struct arci_token *ret_token,
                            struct arctic_error *error)
{
    uint8_t digest[ARCI_SHA256_SIZE];
    size_t length = strnlen(text, ARCI_TOKEN_MAX + 1);
    if (!cache || length > ARCI_TOKEN_MAX || arci_sha256(text, length, digest, NULL) < 0)
        return arci_token_verify(text, find_key, context, now, ret_token, error);
    struct place *set = cache->sets[digest[0] % SETS];
    struct place *place = find_place(set, digest);
    cache->uses++;
    if (place && holds(place, find_key, context)) {
        int code = arci_token_check_times(&place->token, now, error);
        place->used_at = cache->uses;
        if (code == ARCTIC_OK)
            *ret_token = place->token;
        return code;
    }
    cache->misses++;
    int code = arci_token_verify(text, find_key, context, now, ret_token, error);
    const uint8_t *key = code == ARCTIC_OK ? find_key(context, ret_token->issuer) : NULL;
    if (key)
        keep(cache, place ? place : oldest_place(set), digest, ret_token, key);
    else if (place)
        place->used_at = 0;
    return code;
}
