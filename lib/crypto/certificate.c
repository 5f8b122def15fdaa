/* TLS wants a certificate; all that it says is the key. */
#include "crypto/certificate.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <string.h>

#include "base/error.h"
#include "crypto/openssl-error.h"

ARCI_DEFINE_CLEANUP(X509 *, X509_free, x509_cleanup)

/* RFC 5280 section 4.1.2.5: 99991231235959Z stands for no end. */
static bool fill(X509 *certificate, EVP_PKEY *key)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) == 1 &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"arctic peer", -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "19700101000000Z") == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "99991231235959Z") == 1 &&
           X509_set_pubkey(certificate, key) == 1 && X509_sign(certificate, key, NULL) > 0;
}

int arci_certificate_create(const struct arci_identity *identity, X509 **ret_certificate,
                            struct arctic_error *error)
{
    ARCI_CLEANUP(x509_cleanup) X509 *certificate = X509_new();
    if (!certificate || !fill(certificate, arci_identity_evp(identity)))
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot make a certificate");
    *ret_certificate = arci_steal(certificate);
    return ARCTIC_OK;
}

bool arci_certificate_key(const X509 *certificate, uint8_t ret_key[ARCI_KEY_SIZE])
{
    const EVP_PKEY *key = X509_get0_pubkey(certificate);
    uint8_t bytes[ARCI_KEY_SIZE];
    size_t length = sizeof bytes;
    if (!key || EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519 ||
        EVP_PKEY_get_raw_public_key(key, bytes, &length) != 1 || length != sizeof bytes) {
        ERR_clear_error();
        return false;
    }
    memcpy(ret_key, bytes, sizeof bytes);
    return true;
}
