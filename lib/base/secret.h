/* Randomness, wiping and comparison of secrets. */
#ifndef ARCI_BASE_SECRET_H
#define ARCI_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include <arctic/error.h>

/* Fills `bytes` from the kernel's random source; blocks only before that source is seeded at boot. Errors:
 * ARCTIC_E_SYSTEM. */
int arci_random_bytes(void *bytes, size_t length, struct arctic_error *error);

/* Overwrites memory in a way that the compiler keeps. */
void arci_wipe(void *bytes, size_t length);

/* Whether two byte strings of one length are the same, in a time that does not depend on where they differ.
 */
bool arci_equal_constant_time(const void *a, const void *b, size_t length);

/* Wipes and frees a NUL-terminated string; NULL is allowed. */
void arci_free_secret(char *text);

/* For ARCI_CLEANUP() on a `char *` that holds a secret. */
static inline void arci_secret_cleanup(char **text)
{
    arci_free_secret(*text);
}

#endif
