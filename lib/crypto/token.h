/*
 * Access tokens: JSON Web Tokens (RFC 7519) signed with EdDSA (RFC 8037) in the compact form. The issuer is a
 * peer, the subject an OAuth client. Only what this tree issues is accepted: any other algorithm, "none"
 * above all, is refused before anything else in the token is believed.
 */
#ifndef ARCI_CRYPTO_TOKEN_H
#define ARCI_CRYPTO_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

#include "crypto/identity.h"

#define ARCI_TOKEN_MAX 4096       /* bytes of a token */
#define ARCI_TOKEN_LEEWAY 60      /* seconds by which clocks of peers may differ */
#define ARCI_TOKEN_SCOPE_SIZE 512 /* scope text and NUL */
#define ARCI_TOKEN_NAME_SIZE 64   /* issuer, subject, token id, each with NUL */

/* What a token is to say. Times are seconds since 1970. */
struct arci_token_claims {
    const char *issuer;  /* peer id */
    const char *subject; /* client id */
    const char *scope;   /* scopes parted by spaces */
    int64_t issued_at;
    int64_t expires_at;
};

/* What a token says. Times are seconds since 1970. */
struct arci_token {
    char issuer[ARCI_TOKEN_NAME_SIZE];
    char subject[ARCI_TOKEN_NAME_SIZE];
    char token_id[ARCI_TOKEN_NAME_SIZE];
    char scope[ARCI_TOKEN_SCOPE_SIZE];
    int64_t issued_at;
    int64_t not_before;
    int64_t expires_at;
};

/* Gives the public key of an issuer, valid during the call of arci_token_verify(); NULL for one whose tokens
 * are not accepted. */
typedef const uint8_t *(*arci_token_key_finder)(void *context, const char *issuer);

/* Issues a token with a random id. *ret_token goes to arci_free_secret(). Errors: ARCTIC_E_INTERNAL,
 * ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_token_issue(const struct arci_identity *identity, const struct arci_token_claims *claims,
                     char **ret_token, struct arctic_error *error);

/*
 * Checks a token and reads it; `now` is in seconds since 1970. Errors: ARCTIC_E_TOKEN_EXPIRED (genuine, but
 * its time is over), ARCTIC_E_UNAUTHORIZED (everything else that is wrong with it), ARCTIC_E_NO_MEMORY.
 */
int arci_token_verify(const char *text, arci_token_key_finder find_key, void *context, int64_t now,
                      struct arci_token *ret_token, struct arctic_error *error);

/* The part of that check that time changes. Errors: ARCTIC_E_TOKEN_EXPIRED, ARCTIC_E_UNAUTHORIZED (its time has not come). */
int arci_token_check_times(const struct arci_token *token, int64_t now, struct arctic_error *error);

#endif
