/* Fingerprints as users of the library meet them. */
#include <string.h>

#include "base/base64.h"
#include "base/error.h"
#include "crypto/fingerprint.h"
#include "rest/client-internal.h"

_Static_assert(ARCTIC_FINGERPRINT_TEXT == ARCI_FINGERPRINT_TEXT, "one form of fingerprints");

int arctic_client_fingerprint(struct arctic_client *client, char ret_fingerprint[ARCTIC_FINGERPRINT_TEXT],
                              struct arctic_error *error)
{
    if (!client || !ret_fingerprint)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "client and ret_fingerprint are required");
    const char *url = arctic_client_endpoint(client);
    if (strncmp(url, "https:", 6) != 0)
        return arci_fail(error, ARCTIC_E_USAGE, "endpoints",
                         "%.200s shows no fingerprint: it is no https endpoint", url);
    struct arci_transfer transfer = {.endpoint = url,
                                     .user_agent = client->user_agent,
                                     .timeout_ms = client->timeout_ms,
                                     .connect_timeout_ms = client->connect_timeout_ms,
                                     .socket_mark = client->socket_mark};
    uint8_t fingerprint[ARCI_SHA256_SIZE];
    int code = arci_transfer_look(client->curl, &transfer, fingerprint);
    if (code == ARCTIC_E_NO_MEMORY)
        return arci_fail_memory(error);
    if (code < 0)
        return arci_fail(error, code, NULL, "cannot read the fingerprint of %.200s: %s", url,
                         transfer.reason);
    arci_fingerprint_format(fingerprint, ret_fingerprint);
    return ARCTIC_OK;
}

static int read_fingerprint(const char *text, uint8_t ret_fingerprint[ARCI_SHA256_SIZE],
                            struct arctic_error *error)
{
    if (text && arci_fingerprint_parse(text, ret_fingerprint))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_USAGE, "fingerprint",
                     "'%.100s' is no fingerprint: sha256: and 64 hex digits", text ? text : "");
}

int arctic_fingerprint_normalize(const char *text, char ret_fingerprint[ARCTIC_FINGERPRINT_TEXT],
                                 struct arctic_error *error)
{
    uint8_t fingerprint[ARCI_SHA256_SIZE];
    int code = read_fingerprint(text, fingerprint, error);
    if (code == ARCTIC_OK)
        arci_fingerprint_format(fingerprint, ret_fingerprint);
    return code;
}

int arctic_fingerprint_verify(const char *public_key, const char *fingerprint, const char *signature,
                              struct arctic_error *error)
{
    uint8_t key[ARCI_KEY_SIZE];
    uint8_t digest[ARCI_SHA256_SIZE];
    uint8_t signed_bytes[ARCI_SIGNATURE_SIZE];
    int code = read_fingerprint(fingerprint, digest, error);
    if (code < 0)
        return code;
    if (!public_key || !arci_base64_decode_exact(public_key, key, sizeof key))
        return arci_fail(error, ARCTIC_E_USAGE, "public_key", "an identity key is 32 bytes in base64url");
    if (!signature || !arci_base64_decode_exact(signature, signed_bytes, sizeof signed_bytes))
        return arci_fail(error, ARCTIC_E_USAGE, "signature", "a signature is 64 bytes in base64url");
    code = arci_fingerprint_verify(key, digest, signed_bytes, error);
    if (code == ARCTIC_E_UNAUTHORIZED)
        return arci_fail(error, ARCTIC_E_UNTRUSTED, "signature",
                         "the peer's identity key did not sign the fingerprint %.80s", fingerprint);
    return code;
}
