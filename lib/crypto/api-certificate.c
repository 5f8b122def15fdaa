/* The API's certificate through OpenSSL: made, written and read as PEM. */
#include "crypto/api-certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/secret.h"
#include "crypto/fingerprint.h"
#include "crypto/openssl-error.h"
#include "crypto/pem.h"

ARCI_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free, key_cleanup)
ARCI_DEFINE_CLEANUP(X509 *, X509_free, x509_cleanup)
ARCI_DEFINE_CLEANUP(X509_EXTENSION *, X509_EXTENSION_free, extension_cleanup)
ARCI_DEFINE_CLEANUP(BIO *, BIO_free_all, bio_cleanup)

void arci_api_certificate_release(struct arci_api_certificate *certificate)
{
    free(certificate->chain);
    arci_free_secret(certificate->key);
    *certificate = (struct arci_api_certificate){.chain = NULL};
}

/* Browsers refuse two certificates of one issuer with one number; 63 bits keep it positive. */
static bool set_serial(X509 *certificate)
{
    uint64_t number = 0;
    if (RAND_bytes((unsigned char *)&number, sizeof number) != 1)
        return false;
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), number >> 1 | 1) == 1;
}

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    ARCI_CLEANUP(extension_cleanup)
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    return extension && X509_add_ext(certificate, extension, -1) == 1;
}

/* A host may be called anything; as a name in a certificate goes what DNS allows (RFC 1123 section 2.1). */
static bool is_dns_name(const char *text)
{
    return *text && strlen(text) < 254 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.") == strlen(text);
}

static bool add_names(X509 *certificate, const char *host_name)
{
    char names[300] = "DNS:localhost,IP:127.0.0.1,IP:::1";
    if (host_name && is_dns_name(host_name) && strcmp(host_name, "localhost") != 0)
        snprintf(names, sizeof names, "DNS:%s,DNS:localhost,IP:127.0.0.1,IP:::1", host_name);
    return add_extension(certificate, NID_subject_alt_name, names);
}

/* RFC 5280 section 4.1.2.5: 99991231235959Z stands for no end. */
static bool fill(X509 *certificate, EVP_PKEY *key, const char *host_name)
{
    X509_NAME *name = X509_get_subject_name(certificate);
    return X509_set_version(certificate, X509_VERSION_3) == 1 && set_serial(certificate) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"arctic API", -1, -1,
                                      0) == 1 &&
           X509_set_issuer_name(certificate, name) == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notBefore(certificate), "19700101000000Z") == 1 &&
           ASN1_TIME_set_string_X509(X509_getm_notAfter(certificate), "99991231235959Z") == 1 &&
           X509_set_pubkey(certificate, key) == 1 &&
           add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
           add_extension(certificate, NID_ext_key_usage, "serverAuth") && add_names(certificate, host_name) &&
           X509_sign(certificate, key, EVP_sha256()) > 0;
}

/* The text that was written to a memory BIO. */
static char *bio_text(BIO *bio)
{
    char *data;
    long length = BIO_get_mem_data(bio, &data);
    char *text = length > 0 ? malloc((size_t)length + 1) : NULL;
    if (text) {
        memcpy(text, data, (size_t)length);
        text[length] = '\0';
    }
    return text;
}

static int write_texts(X509 *certificate, EVP_PKEY *key, struct arci_api_certificate *texts,
                       struct arctic_error *error)
{
    ARCI_CLEANUP(bio_cleanup) BIO *chain = BIO_new(BIO_s_mem());
    /* A memory BIO wipes its buffer when it grows or goes. */
    ARCI_CLEANUP(bio_cleanup) BIO *secret = BIO_new(BIO_s_mem());
    if (!chain || !secret || PEM_write_bio_X509(chain, certificate) != 1 ||
        PEM_write_bio_PKCS8PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) != 1)
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot write the API's certificate as PEM");
    texts->chain = bio_text(chain);
    texts->key = bio_text(secret);
    return texts->chain && texts->key ? ARCTIC_OK : arci_fail_memory(error);
}

int arci_api_certificate_generate(const char *host_name, struct arci_api_certificate *ret_certificate,
                                  struct arctic_error *error)
{
    ARCI_CLEANUP(key_cleanup) EVP_PKEY *key = EVP_EC_gen("P-256");
    ARCI_CLEANUP(x509_cleanup) X509 *certificate = X509_new();
    if (!key || !certificate || !fill(certificate, key, host_name))
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot make the API's certificate");
    ARCI_CLEANUP(arci_api_certificate_release) struct arci_api_certificate made = {.chain = NULL};
    int code = write_texts(certificate, key, &made, error);
    if (code == ARCTIC_OK)
        code = arci_fingerprint_of_key(key, made.fingerprint, error);
    if (code < 0)
        return code;
    *ret_certificate = made;
    made = (struct arci_api_certificate){.chain = NULL};
    return ARCTIC_OK;
}

static int read_end(const X509 *certificate, int64_t *ret_expires_at, struct arctic_error *error)
{
    struct tm end;
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1)
        return arci_fail_openssl(error, ARCTIC_E_CORRUPT, "the certificate has no end");
    *ret_expires_at = (int64_t)timegm(&end) * 1000;
    return ARCTIC_OK;
}

static int check_key(const char *chain, const char *text, int64_t *ret_expires_at, struct arctic_error *error)
{
    ARCI_CLEANUP(bio_cleanup) BIO *chain_bio = BIO_new_mem_buf(chain, -1);
    ARCI_CLEANUP(bio_cleanup) BIO *key_bio = BIO_new_mem_buf(text, -1);
    if (!chain_bio || !key_bio)
        return arci_fail_memory(error);
    ARCI_CLEANUP(x509_cleanup)
    X509 *certificate = PEM_read_bio_X509(chain_bio, NULL, arci_pem_no_passphrase, NULL);
    if (!certificate)
        return arci_fail_openssl(error, ARCTIC_E_CORRUPT, "no PEM certificate");
    ARCI_CLEANUP(key_cleanup)
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, arci_pem_no_passphrase, NULL);
    if (!key)
        return arci_fail_openssl(error, ARCTIC_E_CORRUPT, "no PEM private key, or an encrypted one");
    if (X509_check_private_key(certificate, key) == 1)
        return read_end(certificate, ret_expires_at, error);
    ERR_clear_error();
    return arci_fail(error, ARCTIC_E_CORRUPT, NULL, "the key is not that of the certificate");
}

int arci_api_certificate_read(const char *chain, const char *key,
                              struct arci_api_certificate *ret_certificate, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_api_certificate_release) struct arci_api_certificate made = {.chain = NULL};
    int code = check_key(chain, key, &made.expires_at, error);
    if (code == ARCTIC_OK)
        code = arci_fingerprint_of_pem(chain, made.fingerprint, error);
    if (code < 0)
        return code;
    made.chain = strdup(chain);
    made.key = strdup(key);
    if (!made.chain || !made.key)
        return arci_fail_memory(error);
    *ret_certificate = made;
    made = (struct arci_api_certificate){.chain = NULL};
    return ARCTIC_OK;
}
