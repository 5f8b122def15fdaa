/* Fingerprints of API keys: made, written, read, signed. */
#include "crypto/fingerprint.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "crypto/openssl-error.h"
#include "crypto/signature.h"

#define PREFIX "sha256:"
#define CURL_PREFIX "sha256//"
#define SIGNATURE_CONTEXT "arctic-api-fingerprint-v1"

ARCI_DEFINE_CLEANUP(BIO *, BIO_free_all, bio_cleanup)
ARCI_DEFINE_CLEANUP(X509 *, X509_free, x509_cleanup)

static void der_cleanup(unsigned char **der)
{
    OPENSSL_free(*der);
}

int arci_fingerprint_of_key(EVP_PKEY *key, uint8_t ret_fingerprint[ARCI_SHA256_SIZE],
                            struct arctic_error *error)
{
    ARCI_CLEANUP(der_cleanup) unsigned char *der = NULL;
    int length = i2d_PUBKEY(key, &der);
    if (length <= 0)
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot encode a public key");
    return arci_sha256(der, (size_t)length, ret_fingerprint, error);
}

int arci_fingerprint_of_pem(const char *pem, uint8_t ret_fingerprint[ARCI_SHA256_SIZE],
                            struct arctic_error *error)
{
    ARCI_CLEANUP(bio_cleanup) BIO *bio = BIO_new_mem_buf(pem, -1);
    ARCI_CLEANUP(x509_cleanup) X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    EVP_PKEY *key = certificate ? X509_get0_pubkey(certificate) : NULL;
    if (!key)
        return arci_fail_openssl(error, ARCTIC_E_CORRUPT, "no PEM certificate with a known kind of key");
    return arci_fingerprint_of_key(key, ret_fingerprint, error);
}

char *arci_fingerprint_format(const uint8_t fingerprint[ARCI_SHA256_SIZE], char text[ARCI_FINGERPRINT_TEXT])
{
    char *end = stpcpy(text, PREFIX);
    for (size_t i = 0; i < ARCI_SHA256_SIZE; i++)
        end += sprintf(end, "%02x", fingerprint[i]);
    return text;
}

char *arci_fingerprint_curl_pin(const uint8_t fingerprint[ARCI_SHA256_SIZE],
                                char text[ARCI_FINGERPRINT_CURL_PIN])
{
    char *end = stpcpy(text, CURL_PREFIX);
    EVP_EncodeBlock((unsigned char *)end, fingerprint, ARCI_SHA256_SIZE);
    return text;
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

static bool parse_hex(const char *text, uint8_t *ret_bytes)
{
    bool colons = strchr(text, ':') != NULL;
    for (size_t i = 0; i < ARCI_SHA256_SIZE; i++) {
        if (colons && i > 0 && *text++ != ':')
            return false;
        int high = hex_value(text[0]);
        int low = high < 0 ? -1 : hex_value(text[1]);
        if (low < 0)
            return false;
        ret_bytes[i] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return *text == '\0';
}

/* 32 bytes are 43 characters and one '='. */
static bool parse_base64(const char *text, uint8_t *ret_bytes)
{
    char url[ARCI_BASE64_TEXT(ARCI_SHA256_SIZE)];
    size_t length = strcspn(text, "=");
    if (length != sizeof url - 1 || (text[length] && strcmp(text + length, "=") != 0))
        return false;
    for (size_t i = 0; i < length; i++)
        url[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
    url[length] = '\0';
    return arci_base64_decode_exact(url, ret_bytes, ARCI_SHA256_SIZE);
}

bool arci_fingerprint_parse(const char *text, uint8_t ret_fingerprint[ARCI_SHA256_SIZE])
{
    uint8_t bytes[ARCI_SHA256_SIZE];
    bool good = false;
    if (strncasecmp(text, CURL_PREFIX, strlen(CURL_PREFIX)) == 0)
        good = parse_base64(text + strlen(CURL_PREFIX), bytes);
    else if (strncasecmp(text, PREFIX, strlen(PREFIX)) == 0)
        good = parse_hex(text + strlen(PREFIX), bytes);
    else
        good = parse_hex(text, bytes);
    if (good)
        memcpy(ret_fingerprint, bytes, sizeof bytes);
    return good;
}

int arci_fingerprint_sign(const struct arci_identity *identity, const uint8_t fingerprint[ARCI_SHA256_SIZE],
                          uint8_t ret_signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error)
{
    return arci_sign_in_context(identity, SIGNATURE_CONTEXT, fingerprint, ARCI_SHA256_SIZE, ret_signature,
                                error);
}

int arci_fingerprint_verify(const uint8_t public_key[ARCI_KEY_SIZE],
                            const uint8_t fingerprint[ARCI_SHA256_SIZE],
                            const uint8_t signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error)
{
    return arci_verify_in_context(public_key, SIGNATURE_CONTEXT, fingerprint, ARCI_SHA256_SIZE, signature,
                                  error);
}
