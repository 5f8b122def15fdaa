/* Clocks and RFC 3339 text. Times are milliseconds since 1970 (UTC); durations and deadlines come from the
 * monotonic clock. */
#ifndef ARCI_BASE_TIME_H
#define ARCI_BASE_TIME_H

#include <stdint.h>

#include <arctic/error.h>

#define ARCI_TIME_TEXT 32 /* "2026-01-02T03:04:05.678Z" and room for a year of more digits */

/* Real-time clock, milliseconds since 1970. */
int64_t arci_time_now(void);

/* Monotonic clock, milliseconds, not counting suspend. */
int64_t arci_time_monotonic(void);

/*
 * A delay of 0.75 to 1.25 times `delay`, 0 or more, by chance: those who have lost something at one moment do not all come back to it at
 * one moment.
 */
int64_t arci_time_scatter(int64_t delay);

/* Writes RFC 3339 in UTC with milliseconds. `text` has ARCI_TIME_TEXT bytes. Returns `text`. */
char *arci_time_format(int64_t milliseconds, char *text);

/*
 * Reads RFC 3339 "2026-01-02T03:04:05Z", with an optional fraction (cut to milliseconds) and Z or a numeric
 * offset. Errors: ARCTIC_E_INVALID_REQUEST.
 */
int arci_time_parse(const char *text, int64_t *ret_milliseconds, struct arctic_error *error);

#endif
