/* Ed25519 through OpenSSL's EVP interface. Its key objects wipe their private half when they are freed. */
#include "crypto/identity.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/secret.h"
#include "crypto/openssl-error.h"
#include "crypto/pem.h"
#include "crypto/secret-file.h"

#define KEY_FILE_LIMIT 4096

struct arci_identity {
    EVP_PKEY *key;
    uint8_t public_key[ARCI_KEY_SIZE];
};

ARCI_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free, key_cleanup)
ARCI_DEFINE_CLEANUP(EVP_MD_CTX *, EVP_MD_CTX_free, digest_cleanup)
ARCI_DEFINE_CLEANUP(BIO *, BIO_free_all, bio_cleanup)

/* Takes the key over, on failure too. */
static int make_identity(EVP_PKEY *taken, struct arci_identity **ret_identity, struct arctic_error *error)
{
    ARCI_CLEANUP(key_cleanup) EVP_PKEY *key = taken;
    struct arci_identity *identity = calloc(1, sizeof *identity);
    if (!identity)
        return arci_fail_memory(error);
    size_t length = sizeof identity->public_key;
    if (EVP_PKEY_get_raw_public_key(key, identity->public_key, &length) != 1 || length != ARCI_KEY_SIZE) {
        free(identity);
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot read the public half of an Ed25519 key");
    }
    identity->key = arci_steal(key);
    *ret_identity = identity;
    return ARCTIC_OK;
}

int arci_identity_generate(struct arci_identity **ret_identity, struct arctic_error *error)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    if (!key)
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot make an Ed25519 key");
    return make_identity(key, ret_identity, error);
}

int arci_identity_from_seed(const uint8_t seed[ARCI_SEED_SIZE], struct arci_identity **ret_identity,
                            struct arctic_error *error)
{
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, ARCI_SEED_SIZE);
    if (!key)
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot make an Ed25519 key of a seed");
    return make_identity(key, ret_identity, error);
}

int arci_identity_copy(const struct arci_identity *identity, struct arci_identity **ret_copy,
                       struct arctic_error *error)
{
    if (EVP_PKEY_up_ref(identity->key) != 1)
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot share an Ed25519 key");
    return make_identity(identity->key, ret_copy, error);
}

void arci_identity_free(struct arci_identity *identity)
{
    if (!identity)
        return;
    EVP_PKEY_free(identity->key);
    free(identity);
}

/* Reads the private block and moves on behind it. */
static int read_private_block(BIO *bio, struct arci_identity **ret_identity, struct arctic_error *error)
{
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, arci_pem_no_passphrase, NULL);
    if (!key)
        return arci_fail_openssl(error, ARCTIC_E_CORRUPT, "not a PEM private key (PKCS#8, not encrypted)");
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
        const char *type = EVP_PKEY_get0_type_name(key);
        int code = arci_fail(error, ARCTIC_E_CORRUPT, NULL, "the private key is of type %s, expected Ed25519",
                             type ? type : "unknown");
        EVP_PKEY_free(key);
        return code;
    }
    return make_identity(key, ret_identity, error);
}

static int check_public_block(BIO *bio, const struct arci_identity *identity, struct arctic_error *error)
{
    ARCI_CLEANUP(key_cleanup) EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, arci_pem_no_passphrase, NULL);
    if (!key)
        return arci_fail_openssl(error, ARCTIC_E_CORRUPT, "no PEM public key after the private one");
    if (EVP_PKEY_eq(key, identity->key) != 1) {
        ERR_clear_error();
        return arci_fail(error, ARCTIC_E_CORRUPT, NULL,
                         "the private and the public key do not belong together");
    }
    return ARCTIC_OK;
}

int arci_identity_from_pem(const char *pem, size_t length, struct arci_identity **ret_identity,
                           struct arctic_error *error)
{
    if (length > KEY_FILE_LIMIT)
        return arci_fail(error, ARCTIC_E_CORRUPT, NULL, "%zu bytes are too many for a PEM private key",
                         length);
    ARCI_CLEANUP(bio_cleanup) BIO *bio = BIO_new_mem_buf(pem, (int)length);
    if (!bio)
        return arci_fail_memory(error);
    return read_private_block(bio, ret_identity, error);
}

static int write_blocks(const struct arci_identity *identity, bool with_public, char **ret_pem,
                        struct arctic_error *error)
{
    /* A memory BIO wipes its buffer when it grows or goes. */
    ARCI_CLEANUP(bio_cleanup) BIO *bio = BIO_new(BIO_s_mem());
    if (!bio)
        return arci_fail_memory(error);
    if (PEM_write_bio_PKCS8PrivateKey(bio, identity->key, NULL, NULL, 0, NULL, NULL) != 1 ||
        (with_public && PEM_write_bio_PUBKEY(bio, identity->key) != 1))
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot write an Ed25519 key as PEM");
    char *data;
    long length = BIO_get_mem_data(bio, &data);
    /* Not strndup(): the bytes have no NUL behind them. */
    char *pem = length > 0 ? malloc((size_t)length + 1) : NULL;
    if (!pem)
        return arci_fail_memory(error);
    memcpy(pem, data, (size_t)length);
    pem[length] = '\0';
    *ret_pem = pem;
    return ARCTIC_OK;
}

int arci_identity_to_pem(const struct arci_identity *identity, char **ret_pem, struct arctic_error *error)
{
    return write_blocks(identity, false, ret_pem, error);
}

static int parse_key_file(const char *pem, size_t length, struct arci_identity **ret_identity,
                          struct arctic_error *error)
{
    ARCI_CLEANUP(bio_cleanup) BIO *bio = BIO_new_mem_buf(pem, (int)length);
    if (!bio)
        return arci_fail_memory(error);
    ARCI_IDENTITY *identity = NULL;
    int code = read_private_block(bio, &identity, error);
    if (code == ARCTIC_OK)
        code = check_public_block(bio, identity, error);
    if (code == ARCTIC_OK)
        *ret_identity = arci_steal(identity);
    return code;
}

int arci_identity_load(const char *path, struct arci_identity **ret_identity, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_secret_cleanup) char *pem = NULL;
    size_t length;
    int code = arci_secret_file_read(path, KEY_FILE_LIMIT, &pem, &length, error);
    if (code == ARCTIC_E_NOT_FOUND)
        return arci_fail(error, code, NULL, "%s does not exist, restore it from a backup", path);
    if (code < 0)
        return code;
    code = parse_key_file(pem, length, ret_identity, error);
    if (code == ARCTIC_E_CORRUPT)
        return arci_fail_within(error, code, "%s is damaged, restore it from a backup", path);
    return code;
}

int arci_identity_save(const struct arci_identity *identity, const char *path, struct arctic_error *error)
{
    ARCI_CLEANUP(arci_secret_cleanup) char *pem = NULL;
    int code = write_blocks(identity, true, &pem, error);
    if (code < 0)
        return code;
    return arci_secret_file_write(path, pem, strlen(pem), error);
}

int arci_identity_seed(const struct arci_identity *identity, uint8_t ret_seed[ARCI_SEED_SIZE],
                       struct arctic_error *error)
{
    size_t length = ARCI_SEED_SIZE;
    if (EVP_PKEY_get_raw_private_key(identity->key, ret_seed, &length) != 1 || length != ARCI_SEED_SIZE)
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot read the seed of an Ed25519 key");
    return ARCTIC_OK;
}

const uint8_t *arci_identity_public_key(const struct arci_identity *identity)
{
    return identity->public_key;
}

EVP_PKEY *arci_identity_evp(const struct arci_identity *identity)
{
    return identity->key;
}

int arci_identity_sign(const struct arci_identity *identity, const void *message, size_t length,
                       uint8_t ret_signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error)
{
    ARCI_CLEANUP(digest_cleanup) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context)
        return arci_fail_memory(error);
    uint8_t signature[ARCI_SIGNATURE_SIZE];
    size_t size = sizeof signature;
    if (EVP_DigestSignInit(context, NULL, NULL, NULL, identity->key) != 1 ||
        EVP_DigestSign(context, signature, &size, message, length) != 1 || size != sizeof signature)
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot sign %zu bytes with an Ed25519 key",
                                 length);
    memcpy(ret_signature, signature, sizeof signature);
    return ARCTIC_OK;
}

int arci_signature_verify(const uint8_t public_key[ARCI_KEY_SIZE], const void *message, size_t length,
                          const uint8_t signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error)
{
    ARCI_CLEANUP(key_cleanup)
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, ARCI_KEY_SIZE);
    ARCI_CLEANUP(digest_cleanup) EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!key || !context || EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) != 1)
        return arci_fail_openssl(error, ARCTIC_E_INTERNAL, "cannot prepare the check of a signature");
    if (EVP_DigestVerify(context, signature, ARCI_SIGNATURE_SIZE, message, length) != 1) {
        ERR_clear_error();
        return arci_fail(error, ARCTIC_E_UNAUTHORIZED, NULL, "the signature does not match the key");
    }
    return ARCTIC_OK;
}
