/* Credentials: OAuth clients. Only a hash of the secret is kept. */
#ifndef ARCI_MODEL_CREDENTIAL_H
#define ARCI_MODEL_CREDENTIAL_H

#include <jansson.h>

#include <arctic/id.h>

#include "model/name.h"
#include "model/scope.h"

#define ARCI_SECRET_HASH_SIZE 64 /* "sha256:" and 43 characters of base64url, with room */

struct arci_credential {
    struct arctic_id client_id;
    char name[ARCI_NAME_SIZE]; /* "" for none */
    char secret_hash[ARCI_SECRET_HASH_SIZE];
    uint32_t scopes;
    int64_t created_at; /* milliseconds since 1970 */
};

/* The API's form: no trace of the secret. NULL when memory runs out. */
json_t *arci_credential_to_json(const struct arci_credential *credential);

/* The durable form: a round trip through both gives the same credential. */
json_t *arci_credential_to_record(const struct arci_credential *credential);
int arci_credential_from_record(const json_t *object, struct arci_credential *ret_credential,
                                struct arctic_error *error);

#endif
