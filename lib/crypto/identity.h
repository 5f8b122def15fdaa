/*
 * Ed25519 keys (RFC 8032): the identity of a peer, and the other key pairs of the tree (trust roots,
 * admission).
 *
 * An identity does not change after it was made and may be used by several threads at once; its private half
 * is wiped when it is freed.
 */
#ifndef ARCI_CRYPTO_IDENTITY_H
#define ARCI_CRYPTO_IDENTITY_H

#include <openssl/types.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

#include "base/cleanup.h"

#define ARCI_KEY_SIZE 32  /* public key */
#define ARCI_SEED_SIZE 32 /* private key, as RFC 8032 section 5.1.5 starts from */
#define ARCI_SIGNATURE_SIZE 64

struct arci_identity;

/* A new key from OpenSSL's random source. Errors: ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY. */
int arci_identity_generate(struct arci_identity **ret_identity, struct arctic_error *error);

/* The key of a seed; the caller wipes the seed. Errors: ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY. */
int arci_identity_from_seed(const uint8_t seed[ARCI_SEED_SIZE], struct arci_identity **ret_identity,
                            struct arctic_error *error);

/* The key of a PEM text (PKCS#8, not encrypted). Errors: ARCTIC_E_CORRUPT when it is no such text,
 * ARCTIC_E_NO_MEMORY. */
int arci_identity_from_pem(const char *pem, size_t length, struct arci_identity **ret_identity,
                           struct arctic_error *error);

/* The same identity once more, for who may need it longer than its owner does. Errors: ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY. */
int arci_identity_copy(const struct arci_identity *identity, struct arci_identity **ret_copy,
                       struct arctic_error *error);

/* NULL is allowed. */
void arci_identity_free(struct arci_identity *identity);

ARCI_DEFINE_CLEANUP(struct arci_identity *, arci_identity_free, arci_identity_cleanup)
#define ARCI_IDENTITY ARCI_CLEANUP(arci_identity_cleanup) struct arci_identity

/*
 * Reads a key file as arci_identity_save() writes it: PKCS#8 has no checksum of its own, so the file repeats
 * the public key in a second block, and a private key that was damaged is found out instead of becoming
 * another identity. Errors: ARCTIC_E_NOT_FOUND, ARCTIC_E_FORBIDDEN (others may read the file),
 * ARCTIC_E_CORRUPT (damaged), ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY.
 */
int arci_identity_load(const char *path, struct arci_identity **ret_identity, struct arctic_error *error);

/*
 * Writes a key file (PEM: PKCS#8 and the public key; mode 0600), replacing what is there; it is on disk when
 * this returns. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY.
 */
int arci_identity_save(const struct arci_identity *identity, const char *path, struct arctic_error *error);

/* The private key as PEM text, to be given to arci_free_secret(). Errors: ARCTIC_E_INTERNAL,
 * ARCTIC_E_NO_MEMORY. */
int arci_identity_to_pem(const struct arci_identity *identity, char **ret_pem, struct arctic_error *error);

/* The private seed; the caller wipes it. Errors: ARCTIC_E_INTERNAL. */
int arci_identity_seed(const struct arci_identity *identity, uint8_t ret_seed[ARCI_SEED_SIZE],
                       struct arctic_error *error);

/* The 32 bytes of the public key; valid as long as the identity. */
const uint8_t *arci_identity_public_key(const struct arci_identity *identity);

/* OpenSSL's object, borrowed, for TLS contexts. */
EVP_PKEY *arci_identity_evp(const struct arci_identity *identity);

/* Signs a message. Errors: ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY. */
int arci_identity_sign(const struct arci_identity *identity, const void *message, size_t length,
                       uint8_t ret_signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error);

/* Checks a signature. Errors: ARCTIC_E_UNAUTHORIZED when it does not hold, ARCTIC_E_NO_MEMORY. */
int arci_signature_verify(const uint8_t public_key[ARCI_KEY_SIZE], const void *message, size_t length,
                          const uint8_t signature[ARCI_SIGNATURE_SIZE], struct arctic_error *error);

#endif
