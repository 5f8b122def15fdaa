/* UTF-8 that comes from outside: what is well formed, and what may be shown on a terminal or in a log. */
#ifndef ARCI_BASE_UTF8_H
#define ARCI_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Length of the well-formed sequence (RFC 3629 section 4) at the start of a NUL-terminated text, and its code
 * point; 0 where there is none. The NUL itself is a sequence of one byte.
 */
size_t arci_utf8_decode(const char *text, uint32_t *ret_codepoint);

/*
 * Whether a code point is safe to print: no control character (C0, DEL, C1) and none that breaks or reorders
 * a line (U+2028 to U+202E, U+2066 to U+2069, U+FEFF).
 */
bool arci_utf8_printable(uint32_t codepoint);

/* Overwrites with '?' each byte that is not part of a well-formed, printable sequence. */
void arci_utf8_repair(char *text);

#endif
