/*
 * Tokens whose signatures have been checked, so that a client that comes back with its token costs one digest instead
 * of one signature. What a token says is kept under the digest of its text, for as long as its issuer has the key that it was
 * checked with; its times are looked at whenever it is used. Only tokens that were good get in, and no text of one is kept.
 * Of a fixed size. One thread.
 */
#ifndef ARCI_CRYPTO_TOKEN_CACHE_H
#define ARCI_CRYPTO_TOKEN_CACHE_H

#include "base/cleanup.h"
#include "crypto/token.h"

struct arci_token_cache;

/* NULL when memory runs out. */
struct arci_token_cache *arci_token_cache_create(void);

/* NULL is allowed. */
void arci_token_cache_free(struct arci_token_cache *cache);

/* As arci_token_verify(); `cache` may be NULL. */
int arci_token_cache_verify(struct arci_token_cache *cache, const char *text, arci_token_key_finder find_key,
                            void *context, int64_t now, struct arci_token *ret_token,
                            struct arctic_error *error);

/* How many signatures have been checked so far. */
uint64_t arci_token_cache_misses(const struct arci_token_cache *cache);

#endif
