/* What a licence that was read is good for: its states, its texts, and the proof of holding its file. */
#include <string.h>

#include "base/base64.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "crypto/license.h"
#include "crypto/signature.h"

#define DAY ((int64_t)24 * 60 * 60 * 1000)

#define PROOF_CONTEXT "arctic-admission-v1"

/* Until when, counted from the end of the licence, each state lasts. */
static const int64_t state_ends[] = {
    [ARCTIC_LICENSE_VALID] = -30 * DAY,
    [ARCTIC_LICENSE_WARNING] = 0,
    [ARCTIC_LICENSE_GRACE] = 14 * DAY,
    [ARCTIC_LICENSE_READ_ONLY] = 28 * DAY,
};

enum arctic_license_state arci_license_state_at(const struct arci_license *license, int64_t now)
{
    int state = ARCTIC_LICENSE_VALID;
    while (state < ARCTIC_LICENSE_SUSPENDED && now - license->expires_at >= state_ends[state])
        state++;
    return (enum arctic_license_state)state;
}

int64_t arci_license_state_ends_at(const struct arci_license *license, int64_t now)
{
    enum arctic_license_state state = arci_license_state_at(license, now);
    return state == ARCTIC_LICENSE_SUSPENDED ? INT64_MAX : license->expires_at + state_ends[state];
}

const char *arctic_license_state_name(int32_t state)
{
    static const char *const names[] = {"valid", "warning", "grace", "read_only", "suspended"};
    return state >= ARCTIC_LICENSE_VALID && state <= ARCTIC_LICENSE_SUSPENDED ? names[state] : "unknown";
}

bool arci_license_has_feature(const struct arci_license *license, const char *feature)
{
    for (size_t i = 0; i < license->feature_count; i++) {
        if (strcmp(license->features[i], feature) == 0)
            return true;
    }
    return false;
}

json_t *arci_license_to_public_json(const struct arci_license *license)
{
    return arci_json_copy(license->document);
}

/* The document without the brace that ends it, then the secret: it never passes through memory of jansson's
 * that is not wiped. */
static void write_with_secret(struct arci_buffer *buffer, const char *document, const char *secret)
{
    arci_buffer_append(buffer, document, strlen(document) - strlen("\n}"));
    arci_buffer_format(buffer, ",\n  \"admission_secret\": \"%s\"\n}\n", secret);
}

static int write_file_text(const struct arci_license *license, const char *document,
                           struct arci_buffer *buffer, struct arctic_error *error)
{
    uint8_t seed[ARCI_SEED_SIZE];
    char secret[ARCI_BASE64_TEXT(ARCI_SEED_SIZE)];
    int code = arci_identity_seed(license->admission, seed, error);
    if (code == ARCTIC_OK)
        write_with_secret(buffer, document, arci_base64_encode(seed, sizeof seed, secret));
    arci_wipe(seed, sizeof seed);
    arci_wipe(secret, sizeof secret);
    return code;
}

int arci_license_to_text(const struct arci_license *license, char **ret_text, struct arctic_error *error)
{
    ARCI_FREE char *document = arci_json_dump(license->document, JSON_INDENT(2));
    if (!document)
        return arci_fail_memory(error);
    ARCI_CLEANUP(arci_buffer_release_secret) struct arci_buffer buffer = {0};
    int code = ARCTIC_OK;
    if (license->admission)
        code = write_file_text(license, document, &buffer, error);
    else
        arci_buffer_format(&buffer, "%s\n", document);
    if (code < 0)
        return code;
    char *text = arci_buffer_take_text(&buffer);
    if (!text)
        return arci_fail_memory(error);
    *ret_text = text;
    return ARCTIC_OK;
}

int arci_license_prove(const struct arci_license *license, const void *transcript, size_t length,
                       uint8_t ret_signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error)
{
    if (!license->admission)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "licence %s has no admission secret to prove",
                         license->license_id.text);
    return arci_sign_in_context(license->admission, PROOF_CONTEXT, transcript, length, ret_signature, error);
}

int arci_license_check_proof(const struct arci_license *license, const void *transcript, size_t length,
                             const uint8_t signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error)
{
    int code =
        arci_verify_in_context(license->admission_key, PROOF_CONTEXT, transcript, length, signature, error);
    if (code == ARCTIC_E_UNAUTHORIZED)
        return arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL,
                         "the peer shows licence %s but does not prove that it holds its file",
                         license->license_id.text);
    return code;
}
