/*
 * The licence as agents use it, see <arctic/license.h> for what it is.
 *
 * The signature covers the canonical JSON without `signature` and `admission_secret`. The file's
 * `admission_secret` is the seed of an Ed25519 pair made at issue, whose public half is the signed
 * `admission_key`: a peer shows the public part of its licence and proves by a signature with the secret that
 * it holds the file, so that who has seen a licence cannot join with it.
 *
 * A licence does not change after it was read and may be used by several threads.
 */
#ifndef ARCI_CRYPTO_LICENSE_H
#define ARCI_CRYPTO_LICENSE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <arctic/license.h>

#include "base/cleanup.h"
#include "crypto/identity.h"
#include "crypto/trust-roots.h"

enum arci_license_form {
    ARCI_LICENSE_FILE = 0,  /* with the admission secret, which must belong to the admission key */
    ARCI_LICENSE_SHOWN = 1, /* the public part; a text that carries a secret is refused */
    ARCI_LICENSE_ANY = 2,
};

struct arci_license {
    struct arctic_id customer_id;
    struct arctic_id license_id;
    int64_t issued_at;  /* milliseconds since 1970 */
    int64_t expires_at; /* milliseconds since 1970 */
    uint32_t max_nodes;
    uint32_t max_services;
    size_t feature_count;
    char features[ARCTIC_LICENSE_FEATURES_MAX][ARCTIC_LICENSE_FEATURE_SIZE];
    uint8_t admission_key[ARCI_KEY_SIZE];
    struct arci_identity *admission; /* NULL for a licence as shown */
    json_t *document;                /* the public part, signature included */
    uint8_t signature[ARCI_SIGNATURE_SIZE];
};

/*
 * Reads a licence and checks everything that does not depend on the time: form, ranges, secret and the
 * signature by one of `roots`. Of the JSON object nothing is kept; it may hold the secret, which its owner
 * wipes. The text variant takes at most ARCTIC_LICENSE_TEXT_MAX bytes and wipes its own copies. Errors:
 * ARCTIC_E_LICENSE_INVALID (`field` and message say what is wrong), ARCTIC_E_NO_MEMORY.
 */
int arci_license_from_json(const json_t *object, enum arci_license_form form,
                           const struct arci_trust_roots *roots, struct arci_license **ret_license,
                           struct arctic_error *error);
int arci_license_parse(const char *text, size_t length, enum arci_license_form form,
                       const struct arci_trust_roots *roots, struct arci_license **ret_license,
                       struct arctic_error *error);

/* As above without the signature's check, for issuing and for looking at licences; arci_license_verify()
 * makes up for it. */
int arci_license_read(const json_t *object, enum arci_license_form form, struct arci_license **ret_license,
                      struct arctic_error *error);
int arci_license_read_text(const char *text, size_t length, enum arci_license_form form,
                           struct arci_license **ret_license, struct arctic_error *error);
int arci_license_verify(const struct arci_license *license, const struct arci_trust_roots *roots,
                        struct arctic_error *error);

/* NULL is allowed. */
void arci_license_free(struct arci_license *license);

ARCI_DEFINE_CLEANUP(struct arci_license *, arci_license_free, arci_license_cleanup)
#define ARCI_LICENSE ARCI_CLEANUP(arci_license_cleanup) struct arci_license

/* What the signature is made over: the canonical text of a licence without `signature` and
 * `admission_secret`. NULL on no memory. */
char *arci_license_signed_text(const json_t *object);

/* The part that may be shown to anybody. NULL when memory runs out. */
json_t *arci_license_to_public_json(const struct arci_license *license);

/* The content of a licence file, for arci_free_secret(); with the secret when the licence has it. Errors:
 * ARCTIC_E_NO_MEMORY. */
int arci_license_to_text(const struct arci_license *license, char **ret_text, struct arctic_error *error);

/* Whether a feature is in the licence. */
bool arci_license_has_feature(const struct arci_license *license, const char *feature);

/* The state at a time (milliseconds since 1970). */
enum arctic_license_state arci_license_state_at(const struct arci_license *license, int64_t now);

/* When the state that holds at `now` ends (milliseconds since 1970); INT64_MAX for the last one. */
int64_t arci_license_state_ends_at(const struct arci_license *license, int64_t now);

/*
 * Signs a transcript with the admission secret: proof that this peer holds the licence file. Errors:
 * ARCTIC_E_USAGE for a licence without its secret, ARCTIC_E_NO_MEMORY.
 */
int arci_license_prove(const struct arci_license *license, const void *transcript, size_t length,
                       uint8_t ret_signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error);

/* Checks another peer's proof against the licence that it shows. Errors: ARCTIC_E_HANDSHAKE_FAILED,
 * ARCTIC_E_NO_MEMORY. */
int arci_license_check_proof(const struct arci_license *license, const void *transcript, size_t length,
                             const uint8_t signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error);

#endif
