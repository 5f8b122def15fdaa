/* base64url without padding (RFC 4648 section 5), the form that tokens, keys and secrets take in text. */
#ifndef ARCI_BASE_BASE64_H
#define ARCI_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size of the text for `length` bytes, the terminating NUL included. */
#define ARCI_BASE64_TEXT(length) (((length)*4 + 2) / 3 + 1)

/* Writes the text of `length` bytes; `text` has ARCI_BASE64_TEXT(length) bytes. Returns `text`. */
char *arci_base64_encode(const void *bytes, size_t length, char *text);

/*
 * Decodes `length` characters into at most `size` bytes. Strict: no padding, no white space, no bits left
 * over that are set, so that each value has one text. Returns false (and writes nothing to *ret_length) for
 * anything else or when it does not fit.
 */
bool arci_base64_decode(const char *text, size_t length, void *bytes, size_t size, size_t *ret_length);

/* Decodes a NUL-terminated text that must give exactly `size` bytes. */
bool arci_base64_decode_exact(const char *text, void *bytes, size_t size);

#endif
