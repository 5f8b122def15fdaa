/*
 * Licences: who may form a cluster, how large, until when. A licence is a JSON object signed by a trust root
 * (an Ed25519 key pair whose public half is built into the library). The licence file carries a secret
 * besides: whoever holds the file can admit peers to the cluster, so it is kept with mode 0600. What peers
 * show to each other is the licence without that secret.
 *
 * These functions are for whoever runs a trust root of their own and for programs that look at a licence; an
 * agent checks its licence by itself. They may be called from any thread.
 */
#ifndef ARCTIC_LICENSE_H
#define ARCTIC_LICENSE_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/api.h>
#include <arctic/error.h>
#include <arctic/id.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ARCTIC_KEY_TEXT 44               /* a public key as base64url, the terminating NUL included */
#define ARCTIC_LICENSE_FEATURES_MAX 64   /* features in one licence */
#define ARCTIC_LICENSE_FEATURE_SIZE 65   /* name of a feature, the terminating NUL included */
#define ARCTIC_LICENSE_TEXT_MAX 65536    /* bytes of a licence file */
#define ARCTIC_LICENSE_COUNT_MAX 1000000 /* greatest max_nodes and max_services */

enum arctic_license_state {
    ARCTIC_LICENSE_VALID = 0,
    ARCTIC_LICENSE_WARNING = 1,   /* valid, ends within 30 days */
    ARCTIC_LICENSE_GRACE = 2,     /* ended at most 14 days ago: everything works */
    ARCTIC_LICENSE_READ_ONLY = 3, /* the 14 days after: reads and the data plane work, writes are refused */
    ARCTIC_LICENSE_SUSPENDED = 4, /* later: services stop */
};

/* What a licence is to say. Zero-initialise, set `size` to sizeof, then the members. */
struct arctic_license_terms {
    size_t size;
    const char *customer_id;     /* "cust_..." that the cluster belongs to; NULL makes a new one */
    const char *license_id;      /* "lic_..."; NULL makes a new one */
    const char *const *features; /* names of a-z, 0-9, '.', '_', '-', ended by NULL; NULL for none */
    int64_t issued_at;           /* milliseconds since 1970; 0 for now */
    int64_t expires_at;          /* milliseconds since 1970, after issued_at */
    uint32_t max_nodes;          /* 1..1000000 */
    uint32_t max_services;       /* 1..1000000 */
};

/* What a licence says. Set `size` to sizeof before the call that fills it. */
struct arctic_license_summary {
    size_t size;
    struct arctic_id customer_id;
    struct arctic_id license_id;
    int64_t issued_at;  /* milliseconds since 1970 */
    int64_t expires_at; /* milliseconds since 1970 */
    uint32_t max_nodes;
    uint32_t max_services;
    int32_t state;   /* enum arctic_license_state, by this host's clock */
    int32_t trusted; /* 1: the signature is by a trust root that was asked for, 0: by somebody else, or the
                        text was changed */
    int32_t admits;  /* 1: the text carries the secret that admits peers, as a licence file does */
    uint32_t feature_count;
    char features[ARCTIC_LICENSE_FEATURES_MAX][ARCTIC_LICENSE_FEATURE_SIZE];
};

/*
 * Makes a trust root. *ret_private_pem is the private key (PEM, PKCS#8), to be kept secret and given to
 * arctic_license_free_text(); `ret_public_key` receives the line for the build's file of trust roots. Errors:
 * ARCTIC_E_USAGE, ARCTIC_E_INTERNAL, ARCTIC_E_NO_MEMORY.
 */
ARCTIC_API int arctic_license_keygen(char **ret_private_pem, char ret_public_key[ARCTIC_KEY_TEXT],
                                     struct arctic_error *error);

/*
 * Issues a licence with a trust root's private key. *ret_json is the content of a licence file, with its
 * secret, to be written with mode 0600 and given to arctic_license_free_text(). Errors: ARCTIC_E_USAGE (a
 * NULL or a struct of the wrong size), ARCTIC_E_INVALID_REQUEST (a term out of its range, named in `field`),
 * ARCTIC_E_CORRUPT (the text is no Ed25519 private key), ARCTIC_E_NO_MEMORY.
 */
ARCTIC_API int arctic_license_issue(const char *root_private_pem, const struct arctic_license_terms *terms,
                                    char **ret_json, struct arctic_error *error);

/*
 * Reads a licence of `length` bytes. `trust_root` is a public key as arctic_license_keygen() gives it; NULL
 * means those of this build. A licence that is signed by another one is no error here, see `trusted`. Errors:
 * ARCTIC_E_LICENSE_INVALID (what is wrong with the text), ARCTIC_E_USAGE (a NULL, a struct of the wrong size,
 * `trust_root` is no key), ARCTIC_E_NO_MEMORY.
 */
ARCTIC_API int arctic_license_inspect(const char *json, size_t length, const char *trust_root,
                                      struct arctic_license_summary *ret_summary, struct arctic_error *error);

/* Name of a state: "valid", "warning", "grace", "read_only", "suspended"; "unknown" for any other number.
 * Static text. */
ARCTIC_API const char *arctic_license_state_name(int32_t state);

/* Wipes and frees what arctic_license_keygen() or arctic_license_issue() gave. NULL is allowed. */
ARCTIC_API void arctic_license_free_text(char *text);

#ifdef __cplusplus
}
#endif

#endif
