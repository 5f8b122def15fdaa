/* Canonical JSON under a signature. */
#include "crypto/sign-json.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "crypto/signature.h"

int arci_sign_text(const struct arci_identity *identity, const char *context, const void *text, size_t length,
                   char ret_signature[ARCI_SIGNATURE_TEXT], struct arctic_error *error)
{
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    int code = arci_sign_in_context(identity, context, text, length, signature, error);
    if (code >= 0)
        arci_base64_encode(signature, sizeof signature, ret_signature);
    return code;
}

int arci_sign_json(const struct arci_identity *identity, const char *context, const json_t *value,
                   char ret_signature[ARCI_SIGNATURE_TEXT], struct arctic_error *error)
{
    ARCI_FREE char *text = arci_json_canonical(value);
    if (!text)
        return arci_fail_memory(error);
    return arci_sign_text(identity, context, text, strlen(text), ret_signature, error);
}

int arci_verify_text(const uint8_t public_key[ARCI_KEY_SIZE], const char *context, const void *text,
                     size_t length, const char *signature, struct arctic_error *error)
{
    uint8_t bytes[ARCI_SIGNATURE_SIZE];
    if (!arci_base64_decode_exact(signature, bytes, sizeof bytes))
        return arci_fail(error, ARCTIC_E_CORRUPT, "signature",
                         "'%.90s' is no signature, expected 86 characters of base64url", signature);
    int code = arci_verify_in_context(public_key, context, text, length, bytes, error);
    if (code == ARCTIC_E_UNAUTHORIZED)
        return arci_fail(error, ARCTIC_E_CORRUPT, "signature",
                         "the signature does not match the owner's key");
    return code;
}

int arci_verify_json(const uint8_t public_key[ARCI_KEY_SIZE], const char *context, const json_t *value,
                     const char *signature, struct arctic_error *error)
{
    ARCI_FREE char *text = arci_json_canonical(value);
    if (!text)
        return arci_fail_memory(error);
    return arci_verify_text(public_key, context, text, strlen(text), signature, error);
}
