/* Names and descriptions that operators give: bounded, printable, and never to be mistaken for an id. */
#ifndef ARCI_MODEL_NAME_H
#define ARCI_MODEL_NAME_H

#include <arctic/error.h>

#define ARCI_NAME_SIZE 64         /* 63 bytes of UTF-8 and NUL */
#define ARCI_DESCRIPTION_SIZE 256 /* 255 bytes of UTF-8 and NUL */

/*
 * A name is 1..63 bytes of valid UTF-8 without control characters, without white space at its ends, and does
 * not begin like an id
 * ("svc_", "peer_", "clu_", "cli_", "lic_", "cust_"). Errors: ARCTIC_E_INVALID_REQUEST with `field`.
 */
int arci_name_validate(const char *name, const char *field, struct arctic_error *error);

/* Appends a suffix of 1..40 bytes without spaces to a valid name, which loses its end where both would be too long: valid afterwards. */
void arci_name_append(char name[ARCI_NAME_SIZE], const char *suffix);

/* As a name, but 0..255 bytes and free in its form. */
int arci_description_validate(const char *text, const char *field, struct arctic_error *error);

#endif
