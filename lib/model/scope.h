/* OAuth scopes: urn:tillered:arctic:<name>; the short form <name> is accepted wherever a scope is read. */
#ifndef ARCI_MODEL_SCOPE_H
#define ARCI_MODEL_SCOPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

enum arci_scope {
    ARCI_SCOPE_ADMIN = 1 << 0, /* holds all others */
    ARCI_SCOPE_PEERS_READ = 1 << 1,
    ARCI_SCOPE_PEERS_WRITE = 1 << 2,
    ARCI_SCOPE_SERVICES_READ = 1 << 3,
    ARCI_SCOPE_SERVICES_WRITE = 1 << 4,
    ARCI_SCOPE_CREDENTIALS_READ = 1 << 5,
    ARCI_SCOPE_CREDENTIALS_WRITE = 1 << 6,
};

#define ARCI_SCOPES_ALL ((uint32_t)0x7f)

/* Room for the full forms of all scopes, spaces between them and NUL. */
#define ARCI_SCOPES_TEXT 320

/* Reads scopes parted by single spaces (RFC 6749 section 3.3). Errors: ARCTIC_E_INVALID_REQUEST with field
 * "scope". */
int arci_scopes_parse(const char *text, uint32_t *ret_scopes, struct arctic_error *error);

/* Writes the full forms; `text` has ARCI_SCOPES_TEXT bytes. Returns `text`. */
char *arci_scopes_format(uint32_t scopes, char *text);

/*
 * Reads an array of scopes, one or more, in the short or the full form. Errors: ARCTIC_E_INVALID_REQUEST with field "scopes".
 */
int arci_scopes_from_json(const json_t *array, uint32_t *ret_scopes, struct arctic_error *error);

/* The array of the full forms. NULL when memory runs out. */
json_t *arci_scopes_to_json(uint32_t scopes);

/* Whether a holder of `held` may do what needs `needed` (one scope). */
bool arci_scopes_allow(uint32_t held, uint32_t needed);

/* Whether a holder of `held` has all of `wanted` (a set) to give away. */
bool arci_scopes_cover(uint32_t held, uint32_t wanted);

#endif
