/*
 * JSON as this tree uses it: strict parsing of what comes from outside, canonical text of what gets signed,
 * and readers of members that give the API's errors (wrong type, missing, unknown) with the member's name in
 * `field`.
 */
#ifndef ARCI_BASE_JSON_H
#define ARCI_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <arctic/error.h>

#include "base/cleanup.h"

ARCI_DEFINE_CLEANUP(json_t *, json_decref, arci_json_cleanup)

/* A json_t reference that is dropped at the end of its scope. */
#define ARCI_JSON ARCI_CLEANUP(arci_json_cleanup) json_t

/*
 * Parses one JSON object. Duplicate keys, anything after the value, NUL characters and nesting beyond
 * jansson's limit are errors. Errors: ARCTIC_E_INVALID_REQUEST (with line and column), ARCTIC_E_NO_MEMORY.
 */
int arci_json_parse(const void *text, size_t length, json_t **ret_object, struct arctic_error *error);

/*
 * Copies a value and all in it; NULL when memory runs out. Not json_deep_copy(), which leaves out what it had no memory for and
 * returns the rest.
 */
json_t *arci_json_copy(const json_t *value);

/*
 * The text of a value as json_dumps() makes it with these flags; NULL when memory runs out; free() it. Not json_dumps(), which leaves
 * out a name that its buffer has not grown for (jansson 2.14) and returns the rest.
 */
char *arci_json_dump(const json_t *value, size_t flags);

/* Canonical text: keys sorted, no white space, UTF-8 unescaped. NULL when memory runs out; free() it. */
char *arci_json_canonical(const json_t *value);

/* Length of the canonical text in bytes, without making it; of a real number an upper bound. */
size_t arci_json_size(const json_t *value);

/* Fails with ARCTIC_E_INVALID_REQUEST naming the first member that is not in `names` (ended by NULL). */
int arci_json_check_members(const json_t *object, const char *const *names, struct arctic_error *error);

/*
 * Readers of one member. A member that is absent leaves *ret as it was and is an ARCTIC_E_MISSING_FIELD only
 * when `required`; null counts as absent for optional members and as a wrong type for required ones. A wrong
 * type is ARCTIC_E_INVALID_REQUEST.
 */
int arci_json_text(const json_t *object, const char *name, bool required, const char **ret,
                   struct arctic_error *error);
int arci_json_integer(const json_t *object, const char *name, bool required, int64_t lowest, int64_t highest,
                      int64_t *ret, struct arctic_error *error);
int arci_json_boolean(const json_t *object, const char *name, bool required, bool *ret,
                      struct arctic_error *error);
int arci_json_object(const json_t *object, const char *name, bool required, const json_t **ret,
                     struct arctic_error *error);
int arci_json_array(const json_t *object, const char *name, bool required, const json_t **ret,
                    struct arctic_error *error);

/* As arci_json_text(), copied into a buffer; a longer text is ARCTIC_E_INVALID_REQUEST. */
int arci_json_copy_text(const json_t *object, const char *name, bool required, char *ret, size_t size,
                        struct arctic_error *error);

#endif
