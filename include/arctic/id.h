/*
 * Identifiers: a prefix that tells the kind and a ULID (48 bits of milliseconds, 80 random bits, Crockford base 32), such as
 * "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12". They sort by creation time as text.
 */
#ifndef ARCTIC_ID_H
#define ARCTIC_ID_H

#include <stdbool.h>
#include <stdint.h>

#include <arctic/api.h>
#include <arctic/error.h>

#ifdef __cplusplus
extern "C" {
#endif

enum arctic_id_kind {
    ARCTIC_ID_PEER = 0,       /* peer_ */
    ARCTIC_ID_CLUSTER = 1,    /* clu_ */
    ARCTIC_ID_SERVICE = 2,    /* svc_ */
    ARCTIC_ID_CLIENT = 3,     /* cli_ */
    ARCTIC_ID_LICENSE = 4,    /* lic_ */
    ARCTIC_ID_CUSTOMER = 5,   /* cust_ */
    ARCTIC_ID_REVOCATION = 6, /* rev_ */
};

/* An id as text; "" means "none". Prefix and ULID take at most 31 bytes. */
struct arctic_id {
    char text[32];
};

/*
 * Makes a new id of a kind (enum arctic_id_kind) from the real-time clock and the kernel's random source. Any thread.
 * Errors: ARCTIC_E_USAGE for an unknown kind, ARCTIC_E_SYSTEM.
 */
ARCTIC_API int arctic_id_generate(int32_t kind, struct arctic_id *ret_id, struct arctic_error *error);

/*
 * Checks that `text` is an id of the kind and takes it. Lower case letters in the ULID are accepted and made upper case.
 * Any thread. Errors: ARCTIC_E_INVALID_REQUEST.
 */
ARCTIC_API int arctic_id_parse(int32_t kind, const char *text, struct arctic_id *ret_id,
                               struct arctic_error *error);

/* Whether two ids are the same. Any thread. */
ARCTIC_API bool arctic_id_equal(const struct arctic_id *a, const struct arctic_id *b);

#ifdef __cplusplus
}
#endif

#endif
