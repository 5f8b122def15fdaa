/* JSON Web Keys. */
#include "crypto/jwk.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

int arci_key_id(const uint8_t public_key[ARCI_KEY_SIZE], char ret_key_id[ARCI_KEY_ID_TEXT],
                struct arctic_error *error)
{
    char x[ARCI_BASE64_TEXT(ARCI_KEY_SIZE)];
    char members[128];
    uint8_t digest[ARCI_SHA256_SIZE];
    /* RFC 7638 section 3.2: the required members alone, sorted, without white space. */
    snprintf(members, sizeof members, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"%s\"}",
             arci_base64_encode(public_key, ARCI_KEY_SIZE, x));
    int code = arci_sha256(members, strlen(members), digest, error);
    if (code < 0)
        return code;
    arci_base64_encode(digest, sizeof digest, ret_key_id);
    return ARCTIC_OK;
}

int arci_jwk_from_key(const uint8_t public_key[ARCI_KEY_SIZE], json_t **ret_jwk, struct arctic_error *error)
{
    char x[ARCI_BASE64_TEXT(ARCI_KEY_SIZE)];
    char key_id[ARCI_KEY_ID_TEXT];
    int code = arci_key_id(public_key, key_id, error);
    if (code < 0)
        return code;
    json_t *jwk = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "kty", "OKP", "crv", "Ed25519", "x",
                            arci_base64_encode(public_key, ARCI_KEY_SIZE, x), "kid", key_id, "use", "sig",
                            "alg", "EdDSA");
    if (!jwk)
        return arci_fail_memory(error);
    *ret_jwk = jwk;
    return ARCTIC_OK;
}
