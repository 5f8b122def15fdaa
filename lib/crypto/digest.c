/* SHA-256 through EVP. */
#include "crypto/digest.h"

#include <openssl/evp.h>

#include "crypto/openssl-error.h"

int arci_sha256(const void *bytes, size_t length, uint8_t ret_digest[ARCI_SHA256_SIZE],
                struct arctic_error *error)
{
    if (EVP_Digest(bytes, length, ret_digest, NULL, EVP_sha256(), NULL) != 1)
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot compute a SHA-256 digest");
    return ARCTIC_OK;
}
