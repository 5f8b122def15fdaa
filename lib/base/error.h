/* Reporting errors: see <arctic/error.h> for the type and its codes. */
#ifndef ARCI_BASE_ERROR_H
#define ARCI_BASE_ERROR_H

#include <arctic/error.h>

/*
 * Fills *error (which may be NULL) and returns `code`, so that a failing function ends with `return
 * arci_fail(...)`. `field` may be NULL. errno is kept.
 */
int arci_fail(struct arctic_error *error, int code, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* As arci_fail() with ARCTIC_E_SYSTEM, and ": <strerror(errno)>" after the message. Call it while errno still
 * holds. */
int arci_fail_errno(struct arctic_error *error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* As arci_fail_errno() for an error number at hand (positive). */
int arci_fail_errnum(struct arctic_error *error, int errnum, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

int arci_fail_memory(struct arctic_error *error);

/* Names the member at fault in an error that a deeper call has filled; returns its code. */
int arci_fail_at(struct arctic_error *error, int code, const char *field);

/* Puts "text: " before the message of an error that a deeper call has filled; returns its code. */
int arci_fail_within(struct arctic_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
