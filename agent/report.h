/*
 * Lines on stderr: the log's, and why the agent does not start. Where stderr leads to the journal each begins with its priority
 * (sd-daemon(3)), so that `journalctl -p warning` finds what is one.
 */
#ifndef ARCTIC_AGENT_REPORT_H
#define ARCTIC_AGENT_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether stderr is the stream that systemd has named in $JOURNAL_STREAM (systemd.exec(5)). */
bool report_reaches_journal(void);

/* An arctic_log_callback; `user` is a const bool: whether stderr leads to the journal. */
void report_line(void *user, int32_t level, const char *line, size_t length);

/* Says in a line of plain text, which gets the name of the program in front, what is wrong. */
void report_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
