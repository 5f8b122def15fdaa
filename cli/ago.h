/* How long ago something was, for people. */
#ifndef CLI_AGO_H
#define CLI_AGO_H

#include "cli/support.h"

/* Reads a time as the API writes it, RFC 3339 in UTC, as seconds since 1970. False where it is none. */
bool cli_ago_read(const char *text, int64_t *ret_seconds);

/* "14 s", "3 min", "5 h" or "12 d", cut to whole units; below 0 counts as 0. To be freed; NULL when memory runs out. */
char *cli_ago_duration(int64_t seconds);

/*
 * The duration from a time as the API writes it to `now` (seconds since 1970), with `suffix`; `absent` where there is no such time. To be
 * freed; NULL when memory runs out.
 */
char *cli_ago_text(const char *time, int64_t now, const char *suffix, const char *absent);

#endif
