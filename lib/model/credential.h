/*
 * Credentials: OAuth clients. Only a hash of the secret is kept; of one that was replaced, the former hash too, until its time is
 * over.
 */
#ifndef ARCI_MODEL_CREDENTIAL_H
#define ARCI_MODEL_CREDENTIAL_H

#include <jansson.h>
#include <stdbool.h>

#include <arctic/id.h>

#include "model/name.h"
#include "model/scope.h"

#define ARCI_SECRET_HASH_SIZE 64 /* "sha256:" and 43 characters of base64url, with room */
/* How long the former secret of a credential works after it was replaced, in milliseconds. */
#define ARCI_FORMER_SECRET_LASTS ((int64_t)24 * 60 * 60 * 1000)
/* An answer that was lost is asked for again: so many may be replaced in this time before the first of them ends early. */
#define ARCI_FORMER_SECRETS_MAX 4

struct arci_former_secret {
    char hash[ARCI_SECRET_HASH_SIZE];
    int64_t until; /* milliseconds since 1970: it works before that */
};

struct arci_credential {
    struct arctic_id client_id;
    char name[ARCI_NAME_SIZE]; /* "" for none */
    char secret_hash[ARCI_SECRET_HASH_SIZE];
    uint32_t scopes;
    int64_t created_at; /* milliseconds since 1970 */

    bool bootstrap; /* a bootstrap made it: the oldest one in a cluster is the shared cluster credential */
    int64_t rotated_at;                                         /* milliseconds since 1970; 0: never */
    struct arci_former_secret formers[ARCI_FORMER_SECRETS_MAX]; /* the newest first */
    size_t former_count;
};

/* The API's form: no trace of the secret. NULL when memory runs out. */
json_t *arci_credential_to_json(const struct arci_credential *credential);

/*
 * Reads what a request for a new credential says: name and scopes; the rest is zero. Errors: ARCTIC_E_INVALID_REQUEST,
 * ARCTIC_E_MISSING_FIELD.
 */
int arci_credential_from_json(const json_t *object, struct arci_credential *ret_credential,
                              struct arctic_error *error);

/* Puts a new hash in the place of the present one, which works on until `now` + ARCI_FORMER_SECRET_LASTS. */
void arci_credential_rotate(struct arci_credential *credential, const char *new_hash, int64_t now);

/* The durable form: a round trip through both gives the same credential. */
json_t *arci_credential_to_record(const struct arci_credential *credential);
int arci_credential_from_record(const json_t *object, struct arci_credential *ret_credential,
                                struct arctic_error *error);

#endif
