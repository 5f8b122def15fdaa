/* Ed25519 with a context in front. Ed25519ctx (RFC 8032 section 5.1) is not in OpenSSL 3.0; a prefix serves
 * the same end. */
#include "crypto/signature.h"

#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

static void build(struct arci_buffer *buffer, const char *context, const void *message, size_t length)
{
    arci_buffer_append(buffer, context, strlen(context) + 1);
    arci_buffer_append(buffer, message, length);
}

int arci_sign_in_context(const struct arci_identity *identity, const char *context, const void *message,
                         size_t length, uint8_t ret_signature[ARCI_SIGNATURE_SIZE],
                         struct arctic_error *error)
{
    ARCI_BUFFER buffer = {0};
    build(&buffer, context, message, length);
    if (buffer.failed)
        return arci_fail_memory(error);
    return arci_identity_sign(identity, buffer.data, buffer.length, ret_signature, error);
}

int arci_verify_in_context(const uint8_t public_key[ARCI_KEY_SIZE], const char *context, const void *message,
                           size_t length, const uint8_t signature[ARCI_SIGNATURE_SIZE],
                           struct arctic_error *error)
{
    ARCI_BUFFER buffer = {0};
    build(&buffer, context, message, length);
    if (buffer.failed)
        return arci_fail_memory(error);
    return arci_signature_verify(public_key, buffer.data, buffer.length, signature, error);
}
